// One relay as a state machine without a socket: desired subscriptions, OK waits, NIP-42, liveness.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nostr/client/action.h"
#include "nostr/client/auth_exchange.h"
#include "nostr/client/connection_options.h"
#include "nostr/client/publish_outcome.h"
#include "nostr/client/relay_status.h"
#include "nostr/client/requests.h"
#include "nostr/client/verify_pool.h"
#include "nostr/event/event.h"
#include "nostr/event/message.h"

namespace nostr {

/// The client's side of NIP-01, NIP-42 and NIP-45 with one relay. Pure: inputs in, actions out.
/// Subscriptions and tickets are desired state; they survive the loss of the connection and are
/// sent again after the next opened(). Every REQ goes out under a fresh subscription id, so an
/// answer to an earlier one cannot be mistaken for an answer to this one.
class Connection {
 public:
  /// `url` is what NIP-42 events and outcomes name.
  explicit Connection(std::string url, ConnectionOptions options = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The socket.
  void opened(MonoTime now);
  /// The connection ended or could not be made. Tickets not yet sent end in kUnsent with `reason`;
  /// those already sent are repeated once after the next opened(), or end in kUnknown if they are
  /// not to be repeated.
  void closed(const std::string& reason);
  /// Any message but EVENT.
  void received(const RelayMessage& message, MonoTime now);
  /// Events of `target` follow. EventRun::allowance is valid until the next call of anything here.
  EventRun begin_run(const TargetPtr& target, MonoTime now);
  /// Asks again what was refused for a passing reason, and whether a silent relay is still there.
  void tick(MonoTime now);
  /// When tick() will have something to do; MonoTime::max() if never.
  MonoTime next_due() const;

  // The wishes.
  /// Adds a subscription, or replaces its filters. While a replacement is under way the relay
  /// serves both, so that no ephemeral event falls between them.
  void want(SubKey sub, TargetPtr target, MonoTime now);
  void drop(SubKey sub, MonoTime now);
  void publish(Ticket ticket, Event event, Repeat repeat, MonoTime now);
  /// Whether the event of `ticket` has left and was not refused: the relay may have it.
  bool may_have(Ticket ticket) const;
  void count(Ticket ticket, Filters filters);
  /// NIP-77: NEG-OPEN. A negotiation ends with the connection; so it does by NEG-ERR and CLOSED, and
  /// by a NOTICE before the first answer, since that is how relays refuse verbs they do not know.
  void negotiate(Ticket ticket, Filter filter, std::string payload_hex);
  /// The next message of an open negotiation.
  void negotiate_on(Ticket ticket, std::string_view payload_hex);
  /// Forgets a ticket without an outcome, and tells the relay where it waits for us.
  void withdraw(Ticket ticket);
  /// Ends every ticket in kUnknown or kUnsent and every subscription as unreachable, saying `reason`.
  void give_up(const std::string& reason);
  /// What the relay's information document (NIP-11) says it takes.
  void set_limits(const RelayLimitation& document, MonoTime now);

  // Authentication.
  /// Whether somebody can answer challenges (without, auth-required is final), and whether before
  /// the relay insists; see AuthExchange::set_policy.
  void set_auth_policy(bool can_auth, bool eager = false);
  /// The answer to act::Authenticate; ignored when the challenge has been replaced since. A denial
  /// (kDenied) stands for this connection; any other failure is tried again later.
  void auth_signed(const std::string& challenge, base::Result<Event> event, MonoTime now);

  // What the shell reads.
  std::vector<Action> take_actions();
  /// The REQs that may bring events; changes are announced by table_changed() until taken.
  SubTablePtr take_table();
  bool table_changed() const { return requests_.changed(); }
  bool is_open() const { return open_; }
  AuthStanding auth_standing() const;
  /// Exchanges of every connection so far, by how they ended.
  std::uint64_t auths() const { return auths_; }
  std::uint64_t auths_failed() const { return auths_failed_; }
  /// Whether anything needs this relay.
  bool wanted() const {
    return !requests_.empty() || !posts_.empty() || !counts_.empty() || !negotiations_.empty();
  }
  /// Whether `sub` still receives stored events.
  bool before_eose(SubKey sub) const { return requests_.before_eose(sub); }
  std::size_t subscriptions() const { return requests_.size(); }
  /// Subscriptions that wait for a place among the REQs this relay serves at a time.
  std::size_t waiting() const { return requests_.waiting(); }
  const RelayLimits& limits() const { return requests_.limits(); }
  /// Whether the relay has been silent so long that we have asked if it is there.
  bool suspect() const { return suspect_; }
  /// Until when the relay has asked us to send no events; in the past: it has not.
  MonoTime slow_until() const { return slow_until_; }

 private:
  enum class Phase {
    kIdle,       ///< not sent on this connection
    kOpen,       ///< sent
    kAwaitAuth,  ///< refused until we authenticate
    kHeld,       ///< until the relay wants events again
  };
  struct Post {
    EventId id;
    std::string frame;
    Phase phase = Phase::kIdle;
    std::uint32_t epoch = 0;
    bool may_repeat = true;
    bool may_be_there = false;  ///< sent on some connection and not refused since
    bool slowed = false;        ///< refused for its rate once
  };
  struct CountWait {
    Filters filters;
    Phase phase = Phase::kIdle;
    std::string wire;
    std::uint32_t epoch = 0;
  };
  struct Negotiation {
    Filter filter;
    std::string payload_hex;  ///< of NEG-OPEN
    Phase phase = Phase::kIdle;
    std::string wire;
    std::uint32_t epoch = 0;
    bool answered = false;
  };

  void send(std::string frame) { actions_.emplace_back(act::Send{std::move(frame)}); }
  void send_post(Post& post);
  void post_or_hold(Ticket ticket, MonoTime now);
  void send_count(CountWait& wait);
  void send_negotiation(Negotiation& talk);
  void end_counts(const std::string& reason);

  void on_ok(const from_relay::Ok& ok, MonoTime now);
  bool slow_down(Post& post, const std::string& message, MonoTime now);
  void on_closed_message(const from_relay::Closed& closed, MonoTime now);
  void on_challenge(const std::string& challenge, MonoTime now);
  void on_count(const from_relay::Count& count);
  void on_neg_message(const from_relay::NegMessage& message);
  /// Whether `wire` was that of a negotiation, which then has ended or waits for AUTH.
  bool on_neg_refused(const std::string& wire, const std::string& message);
  /// Whether a negotiation ended by it.
  bool on_neg_notice(const std::string& message);
  void lose_post(Ticket ticket, const std::string& why);
  void end_post(Ticket ticket, PublishOutcome::State state, const std::string& message);
  void end_negotiations(base::Errc code, const std::string& reason);

  void auth_succeeded(bool first, MonoTime now);
  void auth_failed(const std::string& message, bool passing, MonoTime now);
  bool anything_awaits_auth() const;

  void heard(MonoTime now);
  void send_canary(MonoTime now);
  void end_canary();

  const std::string url_;
  const ConnectionOptions options_;
  std::vector<Action> actions_;
  AuthExchange auth_{actions_};
  std::uint64_t auths_ = 0;
  std::uint64_t auths_failed_ = 0;
  Requests requests_;
  bool open_ = false;
  std::map<Ticket, Post> posts_;
  std::map<Ticket, CountWait> counts_;
  std::map<Ticket, Negotiation> negotiations_;

  MonoTime slow_until_;
  std::uint32_t slowed_ = 0;  ///< refusals for the rate since the last accepted event

  MonoTime heard_at_;         ///< of any message or event
  std::string canary_;        ///< the subscription id of the one that is out
  MonoTime canary_at_;
  bool suspect_ = false;
};

}  // namespace nostr
