// The one way to find out where people read and write: looks up relay lists and keeps them current.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "nostr/client/pool.h"
#include "nostr/client/routing.h"

namespace nostr {

/// Relay lists from the pool into a RelayBook. App thread; references outlive it.
class RelayDirectory {
 public:
  /// `relays` are where lists are looked up; they and `trusted` may be private.
  RelayDirectory(Pool& pool, const base::Clock& clock, std::vector<std::string> relays,
                 const std::vector<std::string>& trusted = {}, RelayHealthStore* health = nullptr);
  ~RelayDirectory();

  /// Stays subscribed to the lists of `people`, in place of those before.
  void follow(const std::vector<PublicKey>& people);
  void stop();
  /// Looks up the lists of `kind` (10002 or 10050) that are not known, for at most `patience`. Who
  /// has none is not asked about again for ten minutes.
  base::Task<void> locate(std::vector<PublicKey> people, Kind kind,
                          std::chrono::milliseconds patience);
  /// Notes which relays the pool reaches and which not. Call now and then.
  void observe();

  const RelayBook& book() const { return book_; }
  RelayHealth& health() { return health_; }
  const RelayHealth& health() const { return health_; }

 private:
  using Key = std::pair<PublicKey, Kind>;
  void forget_old_misses(UnixTime now);

  Pool& pool_;
  const base::Clock& clock_;
  const std::vector<std::string> relays_;
  RelayBook book_;
  RelayHealth health_;
  std::map<Key, UnixTime> misses_;  ///< lists that were looked for in vain, when
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace nostr
