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

struct PublisherOptions {
  /// A signature older than this is renewed before the next send, as long as no relay has or may
  /// have it: relays commonly refuse a created_at more than 15 minutes off.
  std::chrono::seconds stale_after{900};
  /// What is over is kept this long after its deadline, for `outbox` and `status`.
  std::chrono::seconds keep_for{7 * 86'400};
  std::chrono::milliseconds ask_timeout{10'000};  ///< for the answer to "do you have this id?"
  std::size_t in_flight = 256;            ///< sends under way
  std::size_t in_flight_per_relay = 16;   ///< of them to one relay
};

/// Answers of relays to what was published: {relay, state_name() of the outcome}.
using PublishCounts = std::map<std::pair<std::string, std::string>, std::uint64_t>;

/// Everything this process publishes goes through here: committed first, then signed if it is a
/// draft, sent, and settled by each relay's own answer. App thread.
class Publisher {
 public:
  /// All references outlive the publisher.
  Publisher(base::Loop& loop, nostr::Pool& pool, storage::Db& db, const base::Clock& clock,
            PublisherOptions options = {});

  /// Drafts of `signer` can be signed here; it outlives the publisher.
  void sign_for(nostr::Signer& signer);
  void start();
  base::Task<void> stop();
  /// Something was added to the outbox.
  void wake() { wake_.notify(); }
  /// Commits `event` for `relays` and wakes: joins the caller's Tx when one is open. The event is
  /// sent as it is, however long that takes, until `patience` is over. It counts as published when
  /// `quorum` relays accepted it; the others still get it.
  base::Result<void> post(const nostr::Event& event, const std::vector<std::string>& relays,
                          std::string_view purpose, std::chrono::seconds patience, int quorum = 1);
  /// The same for what `signer` (known by sign_for()) signs when it is sent, and again when that
  /// signature went stale before any relay had it. The outbox id.
  base::Result<std::int64_t> post_draft(const nostr::PublicKey& signer, nostr::Draft draft,
                                        const std::vector<std::string>& relays,
                                        std::string_view purpose, std::chrono::seconds patience,
                                        int quorum = 1);
  /// Waits until enough relays have `event` (true) or that cannot happen any more (false). kNotFound
  /// when it was never queued.
  base::Task<base::Result<bool>> settled(nostr::EventId event);
  base::Task<base::Result<bool>> settled(std::int64_t outbox_id);
  /// What relays answered since the start.
  const PublishCounts& counts() const { return counts_; }

 private:
  using JobKey = std::pair<std::int64_t, std::string>;  ///< outbox id, relay

  base::Task<void> drain();
  void send_due(base::UnixTime now);
  std::set<std::string> resting(base::UnixTime now);
  bool is_stale(const storage::OutboxJob& job, base::UnixTime now) const;
  void begin_signing(const storage::OutboxJob& job, base::UnixTime now);
  base::Task<void> sign(std::int64_t id, nostr::Signer& signer);
  base::Task<void> send(storage::OutboxJob job);
  base::Task<void> attempt(storage::OutboxJob job, nostr::Event event);
  /// Whether the relay has it; nullopt when it does not say.
  base::Task<std::optional<bool>> ask(std::string relay, nostr::EventId id);
  base::Result<void> record(const storage::OutboxJob& job, const nostr::PublishOutcome& outcome);
  base::Result<void> record_refusal(const storage::OutboxJob& job,
                                    const nostr::PublishOutcome& outcome);
  base::Result<void> record_wrong_time(const storage::OutboxJob& job,
                                       const nostr::PublishOutcome& outcome, base::UnixTime again);
  base::Result<void> settle(const storage::OutboxJob& job, storage::RelayState state,
                            std::string_view reason, base::UnixTime next_try);
  void rest(const std::string& relay, base::UnixTime until);

  nostr::Pool& pool_;
  storage::Outbox outbox_;
  const base::Clock& clock_;
  const PublisherOptions options_;
  base::Signal wake_;
  base::Signal settled_;
  std::map<nostr::PublicKey, nostr::Signer*> signers_;
  std::set<std::int64_t> signing_;                 ///< outbox ids
  std::set<JobKey> in_flight_;
  std::map<std::string, std::size_t> busy_;        ///< sends under way to each relay
  std::map<std::string, base::UnixTime> resting_;  ///< relays that asked for a pause, or are away
  PublishCounts counts_;
  base::Scope scope_;
};

/// Seconds before try `attempts + 1` at one relay: doubling from one second to five minutes. Pure.
std::chrono::seconds retry_pause(int attempts);

}  // namespace node
