// One relay as a state machine without a socket: desired subscriptions, OK waits, NIP-42.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/client/publish_outcome.h"
#include "nostr/client/verify_pool.h"
#include "nostr/event/event.h"
#include "nostr/event/message.h"

namespace nostr {

/// Numbers the caller chooses, unique per connection.
using SubKey = std::uint64_t;
using Ticket = std::uint64_t;
/// What becomes of an event that was sent when the connection is lost before its OK.
enum class Repeat { kOnce, kNever };

/// What the state machine wants done or has learnt, in order.
namespace act {
struct Send { std::string frame; };
/// Sign a NIP-42 event for `challenge` and hand it to auth_signed().
struct Authenticate { std::string challenge; };
struct Eose { SubKey sub = 0; };
/// The relay ended a subscription; `for_good` unless it is asked again later.
struct SubClosed { SubKey sub = 0; std::string message; bool for_good = true; };
/// The relay could not be reached; persistent subscriptions wait, one-shot ones may give up.
struct Unreachable { SubKey sub = 0; std::string reason; };
struct Published { Ticket ticket = 0; PublishOutcome outcome; };
struct Counted { Ticket ticket = 0; base::Result<std::uint64_t> count; };
}  // namespace act

using Action = std::variant<act::Send, act::Authenticate, act::Eose, act::SubClosed,
                            act::Unreachable, act::Published, act::Counted>;

/// The client's side of NIP-01, NIP-42 and NIP-45 with one relay. Pure: inputs in, actions out.
/// Subscriptions and tickets are desired state; they survive the loss of the connection and are
/// sent again after the next opened(). Every REQ goes out under a fresh subscription id, so an
/// answer to an earlier one cannot be mistaken for an answer to this one.
class Connection {
 public:
  /// `url` is what NIP-42 events and outcomes name.
  explicit Connection(std::string url);

  // The socket.
  void opened();
  /// The connection ended or could not be made. Tickets not yet sent end in kUnsent with `reason`;
  /// those already sent are repeated once after the next opened(), or end in kUnknown if they are
  /// not to be repeated.
  void closed(const std::string& reason);
  /// Any message but EVENT.
  void received(const RelayMessage& message, base::UnixTime now);
  /// Asks again for subscriptions that a relay closed for a passing reason.
  void tick(base::UnixTime now);

  // The wishes.
  /// Adds a subscription, or replaces its filters. While a replacement is under way the relay
  /// serves both, so that no ephemeral event falls between them.
  void want(SubKey sub, TargetPtr target);
  void drop(SubKey sub);
  void publish(Ticket ticket, Event event, Repeat repeat = Repeat::kOnce);
  /// Whether the event of `ticket` has left and was not refused: the relay may have it.
  bool may_have(Ticket ticket) const;
  void count(Ticket ticket, Filters filters);
  /// Forgets a ticket without an outcome.
  void withdraw(Ticket ticket);
  /// Ends every ticket in kUnknown or kUnsent and every subscription as unreachable, saying `reason`.
  void give_up(const std::string& reason);

  // Authentication.
  /// Whether somebody can answer challenges. Without, auth-required is final.
  void set_can_auth(bool can_auth);
  /// The answer to act::Authenticate; ignored when the challenge has been replaced since.
  void auth_signed(const std::string& challenge, base::Result<Event> event, base::UnixTime now);

  // What the shell reads.
  std::vector<Action> take_actions();
  /// The REQs that may bring events; changes are announced by table_changed() until taken.
  SubTablePtr take_table();
  bool table_changed() const { return table_changed_; }
  bool is_open() const { return open_; }
  /// Whether anything needs this relay.
  bool wanted() const { return !subs_.empty() || !posts_.empty() || !counts_.empty(); }
  /// Whether `sub` still receives stored events.
  bool before_eose(SubKey sub) const;
  std::size_t subscriptions() const { return subs_.size(); }

 private:
  enum class Phase {
    kIdle,       ///< not sent on this connection
    kOpen,       ///< REQ sent
    kAwaitAuth,  ///< refused until we authenticate
    kClosed,     ///< ended by the relay
  };
  struct Sub {
    TargetPtr target;
    Phase phase = Phase::kIdle;
    std::string wire;
    bool eose = false;
    std::uint32_t epoch = 0;  ///< successful AUTHs when the REQ was sent
    std::string old_wire;     ///< of the filters before, until the relay serves the new ones
    TargetPtr old_target;
    std::uint32_t refusals = 0;
    std::optional<base::UnixTime> retry_at;
  };
  struct Post {
    EventId id;
    std::string frame;
    Phase phase = Phase::kIdle;
    std::uint32_t epoch = 0;
    bool may_repeat = true;
    bool may_be_there = false;  ///< sent on some connection and not refused since
  };
  struct CountWait {
    Filters filters;
    Phase phase = Phase::kIdle;
    std::string wire;
    std::uint32_t epoch = 0;
  };
  enum class Auth { kNone, kWanted, kSigning, kSent, kDone, kFailed };

  void send(std::string frame) { actions_.emplace_back(act::Send{std::move(frame)}); }
  std::string fresh_wire();
  void retire(std::string wire);
  void send_req(Sub& sub);
  void send_post(Post& post);
  void send_count(CountWait& wait);
  void finish_replacement(Sub& sub);
  std::map<SubKey, Sub>::iterator find_sub(const std::string& wire);

  void on_ok(const from_relay::Ok& ok, base::UnixTime now);
  void on_eose(const std::string& wire);
  void on_closed_message(const from_relay::Closed& closed, base::UnixTime now);
  void on_challenge(const std::string& challenge, base::UnixTime now);
  void on_count(const from_relay::Count& count);

  /// What to do about an auth-required answer to something sent in `epoch`.
  enum class AuthAnswer { kWait, kResend, kRefused };
  bool asks_for_auth(Reason reason) const;
  AuthAnswer need_auth(std::uint32_t epoch);
  void begin_auth();
  void auth_succeeded();
  void auth_failed(const std::string& message, bool passing, base::UnixTime now);
  bool anything_awaits_auth() const;
  void end_sub(SubKey key, Sub& sub, const std::string& message, bool passing, base::UnixTime now);
  void lose_post(Ticket ticket, const std::string& why);
  void end_post(Ticket ticket, PublishOutcome::State state, const std::string& message);

  const std::string url_;
  bool open_ = false;
  bool can_auth_ = false;
  std::map<SubKey, Sub> subs_;
  std::map<Ticket, Post> posts_;
  std::map<Ticket, CountWait> counts_;
  std::vector<std::string> retired_;
  std::uint64_t next_wire_ = 1;

  Auth auth_ = Auth::kNone;
  std::string challenge_;
  EventId auth_id_;
  std::uint32_t epoch_ = 0;
  std::uint32_t auths_ = 0;  ///< signed on this connection

  std::vector<Action> actions_;
  bool table_changed_ = false;
};

}  // namespace nostr
