// Linear scans.
#include "tests/nostr/server/support/memory_store.h"

#include <algorithm>
#include <set>

#include "nostr/nips/nip09.h"
#include "nostr/nips/nip40.h"
#include "nostr/nips/nip62.h"

namespace test {

using namespace nostr;

base::Result<StoreOutcome> MemoryStore::insert(const Event& event, UnixTime now) {
  if (broken) return base::fail(base::Errc::kDatabase, "broken on purpose");
  if (is_expired(event, now)) return StoreOutcome::kExpired;
  if (events_.contains({event.created_at, event.id})) return StoreOutcome::kDuplicate;
  if (std::ranges::any_of(deletions_, [&](const Event& d) { return deletes(d, event); }) ||
      std::ranges::any_of(vanish_requests_, [&](const Event& r) { return vanishes(r, event); }))
    return StoreOutcome::kDeleted;
  if (const auto address = address_of(event)) {
    for (auto it = events_.begin(); it != events_.end(); ++it) {
      if (address_of(it->second) != address) continue;
      if (!replaces(event, it->second)) return StoreOutcome::kReplaced;
      events_.erase(it);
      break;
    }
  }
  if (event.kind == kinds::kDeletion) {
    deletions_.push_back(event);
    std::erase_if(events_, [&](const auto& item) { return deletes(event, item.second); });
  }
  events_.emplace(std::pair{event.created_at, event.id}, event);
  return StoreOutcome::kStored;
}

base::Result<StoreOutcome> MemoryStore::vanish(const Event& request, UnixTime now) {
  TRY(const StoreOutcome outcome, insert(request, now));
  vanish_requests_.push_back(request);
  std::erase_if(events_, [&](const auto& item) { return vanishes(request, item.second); });
  return outcome;
}

base::Result<std::vector<Event>> MemoryStore::query(const Filters& filters, std::size_t cap,
                                                    UnixTime now) {
  if (broken) return base::fail(base::Errc::kDatabase, "broken on purpose");
  std::vector<std::size_t> left;
  for (const Filter& filter : filters) left.push_back(filter.limit.value_or(UINT32_MAX));
  std::vector<Event> out;
  for (const auto& [key, event] : events_) {
    if (is_expired(event, now)) continue;
    bool taken = false;
    for (std::size_t i = 0; i < filters.size(); ++i)
      if (left[i] > 0 && matches(filters[i], event)) {
        --left[i];
        taken = true;
      }
    if (taken) out.push_back(event);
    if (out.size() == cap) break;
  }
  largest_answer = std::max(largest_answer.load(), out.size());
  return out;
}

base::Result<std::uint64_t> MemoryStore::count(const Filters& filters, UnixTime now) {
  if (broken) return base::fail(base::Errc::kDatabase, "broken on purpose");
  return static_cast<std::uint64_t>(std::ranges::count_if(events_, [&](const auto& item) {
    return !is_expired(item.second, now) && matches_any(filters, item.second);
  }));
}

SecretKey test_key(std::uint64_t seed) {
  base::SeededRng rng(seed);
  return SecretKey::generate(rng);
}

Event test_event(const SecretKey& key, Kind kind, std::int64_t at, std::string content, Tags tags) {
  base::SeededRng rng(7);
  return sign_event({.kind = kind, .created_at = base::unix_time(at), .tags = std::move(tags),
                     .content = std::move(content)}, key, rng);
}

std::string eose_finish(std::string_view sub) {
  return R"(["EOSE",")" + std::string(sub) + R"(",["finish"]])";
}
std::string eose_more(std::string_view sub) {
  return R"(["EOSE",")" + std::string(sub) + R"(",["more"]])";
}

}  // namespace test
