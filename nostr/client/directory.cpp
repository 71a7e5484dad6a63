// Looking up.
#include "nostr/client/directory.h"

#include <algorithm>

namespace nostr {

namespace {

constexpr std::chrono::seconds kMissMemory{600};
constexpr std::size_t kMaxMisses = 10'000;
constexpr std::size_t kMaxAsked = 200;  ///< people in one look-up; the rest of a longer list waits

std::vector<std::string> united(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

RelayDirectory::RelayDirectory(Pool& pool, const base::Clock& clock, std::vector<std::string> relays,
                               const std::vector<std::string>& trusted, RelayHealthStore* health)
    : pool_(pool),
      clock_(clock),
      relays_(std::move(relays)),
      book_(united(trusted, relays_)),
      health_(health) {}

RelayDirectory::~RelayDirectory() = default;

void RelayDirectory::follow(const std::vector<PublicKey>& people) {
  subscription_.reset();
  if (people.empty()) return;
  Filters lists{{.authors = people, .kinds = {kinds::kDmRelays, kinds::kRelayList}}};
  SubscriptionCallbacks callbacks;
  callbacks.on_events = [this](std::span<const Delivery> batch) {
    for (const Delivery& delivery : batch) book_.learn(*delivery.event);
  };
  subscription_ = pool_.subscribe(relays_, std::move(lists), std::move(callbacks));
}

void RelayDirectory::stop() {
  subscription_.reset();
}

base::Task<void> RelayDirectory::locate(std::vector<PublicKey> people, Kind kind,
                                        std::chrono::milliseconds patience) {
  const UnixTime now = clock_.now();
  forget_old_misses(now);
  std::erase_if(people, [&](const PublicKey& person) {
    const bool known = kind == kinds::kDmRelays ? book_.has_dm_relays(person)
                                                : book_.has_relay_list(person);
    return known || misses_.contains({person, kind});
  });
  if (people.empty()) co_return;
  if (people.size() > kMaxAsked) people.resize(kMaxAsked);
  // Both kinds at once: who is written to is usually also spoken to.
  Filters lists{{.authors = people, .kinds = {kinds::kDmRelays, kinds::kRelayList}}};
  std::vector<std::string> relays = relays_;
  const FetchResult found = co_await pool_.fetch(std::move(relays), std::move(lists), patience);
  for (const EventPtr& event : found.events) book_.learn(*event);
  if (found.complete.empty()) co_return;  // nobody answered: that says nothing about lists
  for (const PublicKey& person : people)
    for (const Kind each : {kinds::kDmRelays, kinds::kRelayList}) {
      const bool known = each == kinds::kDmRelays ? book_.has_dm_relays(person)
                                                  : book_.has_relay_list(person);
      if (!known && misses_.size() < kMaxMisses) misses_[{person, each}] = now;
    }
}

void RelayDirectory::forget_old_misses(UnixTime now) {
  std::erase_if(misses_, [now](const auto& entry) { return entry.second + kMissMemory <= now; });
}

void RelayDirectory::observe() {
  const UnixTime now = clock_.now();
  for (const RelayStatus& status : pool_.status()) {
    if (status.connected)
      health_.answered(status.url);
    else if (status.attempts > 0)
      health_.failed(status.url, now);
  }
}

}  // namespace nostr
