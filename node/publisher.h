// Publisher: drains the outbox to the relays and keeps the books of who accepted what.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "nostr/client/pool.h"
#include "storage/outbox.h"

namespace node {

/// Everything this process publishes goes through here: committed first, then sent, then settled
/// by each relay's own answer. App thread.
class Publisher {
 public:
  /// All references outlive the publisher.
  Publisher(base::Loop& loop, nostr::Pool& pool, storage::Db& db, const base::Clock& clock);

  void start();
  base::Task<void> stop();
  /// Something was added to the outbox.
  void wake() { wake_.notify(); }
  /// Commits `event` for `relays` and wakes: joins the caller's Tx when one is open.
  base::Result<void> post(const nostr::Event& event, const std::vector<std::string>& relays,
                          std::string_view purpose, std::chrono::seconds patience);
  /// Waits until enough relays have `event` (true) or that cannot happen any more (false). kNotFound
  /// when it was never queued.
  base::Task<base::Result<bool>> settled(nostr::EventId event);

 private:
  base::Task<void> drain();
  base::Task<void> send(storage::OutboxJob job);
  base::Result<void> record(const storage::OutboxJob& job, const nostr::PublishOutcome& outcome);

  nostr::Pool& pool_;
  storage::Outbox outbox_;
  const base::Clock& clock_;
  base::Signal wake_;
  base::Signal settled_;
  std::set<std::pair<std::int64_t, std::string>> in_flight_;  ///< outbox id, relay
  std::map<std::string, std::size_t> busy_;                   ///< sends under way to each relay
  bool crowded_ = false;                                      ///< something due had to wait for room
  base::Scope scope_;
};

/// Seconds before try `attempts + 1` at one relay: doubling from one second to five minutes. Pure.
std::chrono::seconds retry_pause(int attempts);

}  // namespace node
