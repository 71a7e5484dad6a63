// NIP-42 with one relay: which challenge is answered when, and what waits for the answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nostr/client/action.h"
#include "nostr/event/event.h"
#include "nostr/event/message.h"

namespace nostr {

/// Pure. What is refused for want of AUTH asks need(); the owner sends again what waits once
/// an exchange has succeeded, and ends it once one has failed.
class AuthExchange {
 public:
  /// What to do about an auth-required answer to something sent in an epoch.
  enum class Answer { kWait, kResend, kRefused };
  enum class Step { kNothing, kSucceeded, kFailed };

  explicit AuthExchange(std::vector<Action>& actions) : actions_(actions) {}

  /// Whether somebody can answer challenges, and whether before being asked for it: relays that
  /// hide private kinds from strangers without a word need that (`eager`), all others learn nothing
  /// about who reads until they insist.
  void set_policy(bool can_auth, bool eager);
  /// A new connection knows nothing of the last one.
  void reset();

  /// Some relays say `restricted` also to those who have not said who they are: worth one answer
  /// where the relay has offered a challenge.
  bool asks(Reason reason) const;
  Answer need(std::uint32_t epoch);
  /// The relay's challenge; `awaited` when something waits for AUTH. kFailed: too many of them.
  Step challenged(const std::string& challenge, bool awaited, MonoTime now);
  /// The answer to act::Authenticate; true when `challenge` is still the one to answer.
  bool expects(const std::string& challenge) const;
  void sent(const EventId& id);
  /// Ends the attempt. A failure that is not passing stands until the connection ends.
  void fail(bool passing);
  /// The relay's OK, if it is the one for our AUTH.
  Step answered(const from_relay::Ok& ok);

  /// Successful exchanges so far: what was refused in an earlier epoch is worth sending again.
  std::uint32_t epoch() const { return epoch_; }
  bool eager() const { return eager_; }
  /// Whether this connection has been authenticated at least once.
  bool authenticated() const { return authenticated_; }
  /// Whether the relay has sent a challenge on this connection.
  bool is_challenged() const { return !challenge_.empty(); }

 private:
  enum class State { kNone, kWanted, kSigning, kSent, kDone, kFailed };
  void begin();

  std::vector<Action>& actions_;
  bool can_auth_ = false;
  bool eager_ = false;
  State state_ = State::kNone;
  std::string challenge_;
  EventId id_;
  std::uint32_t epoch_ = 0;
  bool authenticated_ = false;
  std::uint32_t signatures_ = 0;  ///< asked for since window_
  MonoTime window_;
};

}  // namespace nostr
