// One relay with its socket: connects, reconnects, and carries out what Connection decides.
#pragma once

#include <chrono>
#include <memory>
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
  /// Every action but Send and Authenticate.
  virtual void on_action(RelayLink& link, Action action) = 0;
  virtual Signer* signer_for(const std::string& url) = 0;
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
  /// Closes the socket and answers everybody with `reason`. run() ends.
  void shut(const std::string& reason);
  void signer_changed();

  /// Lives as long as the link: spawned once in the pool's scope.
  static base::Task<void> run(std::shared_ptr<RelayLink> self);
  /// run() ended because nobody needed the relay for a while.
  bool finished() const { return finished_; }

  const std::string& url() const { return url_; }
  RelayStatus status() const;

 private:
  using Steady = std::chrono::steady_clock;

  base::Task<void> run_attempt();
  static base::Task<void> authenticate(std::shared_ptr<RelayLink> self, std::string challenge);
  void connect();
  void disconnect();
  void on_batch(IntakeBatch batch);
  void on_message(RelayMessage message);
  void on_socket_closed(const std::string& reason);
  void leave(const IntakeCounts& counts);
  void flush_arrivals(std::vector<Arrival>& arrivals);
  void pump_once();
  std::chrono::milliseconds until_attempt() const;

  const std::string url_;
  LinkContext context_;
  Connection connection_;
  base::Signal wake_;
  std::shared_ptr<Intake> intake_;
  std::unique_ptr<WsClient> socket_;
  RelayStatus status_;
  IntakeCounts counts_of_connection_;
  std::uint32_t failures_ = 0;          ///< connections in a row that did not last
  Steady::time_point connected_at_;
  Steady::time_point attempted_at_;
  Steady::time_point next_attempt_;     ///< not before
  Steady::time_point left_until_;
  bool pumping_ = false;
  bool shut_ = false;
  bool finished_ = false;
};

}  // namespace nostr
