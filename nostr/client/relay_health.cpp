// Counting failures.
#include "nostr/client/relay_health.h"

#include <algorithm>

#include "nostr/base/log.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

constexpr int kDeadAfter = 3;
constexpr std::chrono::seconds kFirstPause{3'600};
constexpr std::chrono::seconds kLastPause{7 * 86'400};
constexpr std::chrono::seconds kOneFailure{60};  ///< tries within it are one

void report(const base::Result<void>& done) {
  if (!done) LOG(kError, "relay", "health not kept", {{"detail", done.error().detail}});
}

}  // namespace

RelayHealth::RelayHealth(RelayHealthStore* store, std::size_t capacity)
    : store_(store), capacity_(std::max<std::size_t>(capacity, 1)) {
  if (store_ == nullptr) return;
  auto kept = store_->load(capacity_);
  if (!kept) {
    LOG(kError, "relay", "health not read", {{"detail", kept.error().detail}});
    return;
  }
  for (RelayFailures& record : *kept) {
    std::string relay = record.relay;
    records_.emplace(std::move(relay), std::move(record));
  }
}

void RelayHealth::failed(const std::string& relay, base::UnixTime now) {
  const std::string url = normalize_relay_url(relay);
  const auto [it, fresh] = records_.try_emplace(url, RelayFailures{.relay = url});
  RelayFailures& record = it->second;
  if (!fresh && now < record.last + kOneFailure) return;
  ++record.failures;
  record.last = now;
  if (store_ != nullptr) report(store_->put(record));
  if (records_.size() > capacity_) drop_oldest();
}

void RelayHealth::answered(const std::string& relay) {
  const std::string url = normalize_relay_url(relay);
  if (records_.erase(url) > 0 && store_ != nullptr) report(store_->forget(url));
}

bool RelayHealth::is_dead(const std::string& relay, base::UnixTime now) const {
  const auto it = records_.find(normalize_relay_url(relay));
  if (it == records_.end() || it->second.failures < kDeadAfter) return false;
  const int doublings = std::min(it->second.failures - kDeadAfter, 10);
  return now < it->second.last + std::min(kFirstPause * (1 << doublings), kLastPause);
}

void RelayHealth::drop_oldest() {
  const auto oldest = std::ranges::min_element(
      records_, {}, [](const auto& entry) { return entry.second.last; });
  if (store_ != nullptr) report(store_->forget(oldest->first));
  records_.erase(oldest);
}

}  // namespace nostr
