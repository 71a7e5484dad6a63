// One relay with its socket: connects, reconnects, and carries out what Connection decides.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "nostr/base/workers.h"
#include "nostr/client/connection.h"
#include "nostr/client/intake.h"
#include "nostr/client/pool.h"
#include "nostr/net/ws_client.h"

namespace nostr {

class RelayLink;

/// Who answers NIP-42 challenges, and on which terms.
struct AuthIdentity {
  Signer* signer = nullptr;
  AuthTerms terms;
};

/// An event on its way from a relay to its subscription.
struct Arrival {
  TargetPtr target;
  EventPtr event;
  bool stored = false;
};

/// Who owns the links: the pool. App thread.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual void on_arrivals(RelayLink& link, std::span<const Arrival> arrivals) = 0;
  /// Every action but Send, Authenticate and Dead.
  virtual void on_action(RelayLink& link, Action action) = 0;
  virtual void on_state(const RelayStatus& status) = 0;
  /// nullptr when nobody answers challenges of `url`.
  virtual const AuthIdentity* identity_for(const std::string& url) = 0;
  /// Whether `url` may lead to an address inside this machine or its network.
  virtual bool may_be_private(const std::string& url) const = 0;
};

/// What the links of a pool share. Everything outlives them.
struct LinkContext {
  base::Loop& loop;
  NetThread& net;
  base::Workers& workers;
  const base::Clock& clock;
  base::Rng& rng;
  const PoolOptions& options;
  std::shared_ptr<VerifyPool> verifier;
  RelayDocuments& documents;
  base::Scope& scope;
  LinkOwner& owner;
};

/// A relay that somebody needs. App thread.
class RelayLink : public std::enable_shared_from_this<RelayLink> {
 public:
  RelayLink(std::string url, LinkContext context);
  ~RelayLink();
  RelayLink(const RelayLink&) = delete;
  RelayLink& operator=(const RelayLink&) = delete;

  /// Changes what is wanted; follow with pump().
  Connection& connection() { return connection_; }
  /// Carries out the pending actions, and connects if somebody new needs the relay.
  void pump();
  /// Cuts a wait for the next attempt short, but never below the first step of the backoff.
  void hurry();
  /// Why this relay is not spoken to now; empty when it is.
  std::string left_because() const;
  /// Looks at identity_for() again.
  void signer_changed();
  /// Closes the socket and answers everybody with `reason`. run() ends.
  void shut(const std::string& reason);

  /// Lives as long as the link: spawned once in the pool's scope.
  static base::Task<void> run(std::shared_ptr<RelayLink> self);
  /// run() ended because nobody needed the relay for a while.
  bool finished() const { return finished_; }

  const std::string& url() const { return url_; }
  RelayStatus status() const;

 private:
  using Steady = std::chrono::steady_clock;

  base::Task<void> run_attempt();
  static base::Task<void> authenticate(std::shared_ptr<RelayLink> self);
  base::Task<base::Result<Event>> sign_auth(std::string challenge);
  static base::Task<void> read_document(std::shared_ptr<RelayLink> self);
  static base::Task<void> explain_clock(std::shared_ptr<RelayLink> self, Action action);
  void want_document();
  void connect();
  void disconnect();
  void on_batch(IntakeBatch batch);
  bool take_event(IntakeEvent event, std::vector<Arrival>& arrivals);
  void on_message(RelayMessage message);
  void on_opened();
  void on_socket_closed(const std::string& reason);
  void leave(const std::string& reason);
  void set_state(RelayState state, std::optional<Steady::time_point> until = {});
  void flush_arrivals(std::vector<Arrival>& arrivals);
  void pump_once();
  void send(std::string frame);
  void deliver(Action action);
  base::UnixTime unix_time_of(Steady::time_point time) const;
  std::chrono::milliseconds until_attempt() const;
  std::chrono::milliseconds until_tick() const;

  const std::string url_;
  LinkContext context_;
  Connection connection_;
  base::Signal wake_;
  std::shared_ptr<Intake> intake_;
  std::unique_ptr<WsClient> socket_;
  RelayStatus status_;
  IntakeCounts counts_of_connection_;
  std::uint64_t messages_ = 0;          ///< heard on this connection, events apart
  std::uint64_t frames_sent_ = 0;       ///< on this connection
  const Target* run_target_ = nullptr;  ///< of the events being taken
  EventRun run_;
  std::uint32_t failures_ = 0;          ///< connections in a row that did not last
  Steady::time_point connected_at_;
  Steady::time_point attempted_at_;
  Steady::time_point next_attempt_;     ///< not before
  Steady::time_point left_until_;
  std::string challenge_;               ///< to be answered
  bool authenticating_ = false;
  std::optional<bool> consent_;         ///< what AuthTerms::ask said
  bool document_asked_ = false;
  bool pumping_ = false;
  bool shut_ = false;
  bool finished_ = false;
};

}  // namespace nostr
