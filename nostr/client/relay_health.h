// Which relays do not answer, so that lists full of dead ones cost nobody any time.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/result.h"

namespace nostr {

/// What is remembered of a relay that failed. One that answers is forgotten.
struct RelayFailures {
  std::string relay;  ///< in normal form
  int failures = 0;   ///< in a row, at most one a minute
  base::UnixTime last;
};

/// Where that survives a restart. Declared here, implemented by storage. App thread.
class RelayHealthStore {
 public:
  virtual ~RelayHealthStore() = default;
  /// The newest `limit`.
  virtual base::Result<std::vector<RelayFailures>> load(std::size_t limit) = 0;
  virtual base::Result<void> put(const RelayFailures& record) = 0;
  virtual base::Result<void> forget(const std::string& relay) = 0;
};

/// A bounded cache of dead relays. After three failures a relay counts as dead for an hour, after each
/// further one for twice as long, a week at most; then it has another chance. App thread.
class RelayHealth {
 public:
  /// `store` outlives this; without one nothing survives.
  explicit RelayHealth(RelayHealthStore* store = nullptr, std::size_t capacity = 4'096);

  void failed(const std::string& relay, base::UnixTime now);
  void answered(const std::string& relay);
  bool is_dead(const std::string& relay, base::UnixTime now) const;
  std::size_t size() const { return records_.size(); }

 private:
  void drop_oldest();

  RelayHealthStore* store_;
  const std::size_t capacity_;
  std::map<std::string, RelayFailures> records_;
};

}  // namespace nostr
