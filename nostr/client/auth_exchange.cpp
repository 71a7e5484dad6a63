// The states of one NIP-42 exchange.
#include "nostr/client/auth_exchange.h"

namespace nostr {

namespace {

constexpr std::size_t kMaxChallenge = 1024;
/// A relay that keeps asking gets no more signatures than these in a window.
constexpr std::uint32_t kMaxSignatures = 8;
constexpr std::chrono::minutes kWindow{10};

}  // namespace

void AuthExchange::set_policy(bool can_auth, bool eager) {
  can_auth_ = can_auth;
  eager_ = eager;
  if (can_auth && state_ == State::kFailed) state_ = State::kNone;
  if (can_auth && eager && state_ == State::kNone && !challenge_.empty()) begin();
}

void AuthExchange::reset() {
  state_ = State::kNone;
  challenge_.clear();
  authenticated_ = false;
  signatures_ = 0;
}

bool AuthExchange::asks(Reason reason) const {
  return reason == Reason::kAuthRequired || (reason == Reason::kRestricted && !challenge_.empty());
}

AuthExchange::Answer AuthExchange::need(std::uint32_t epoch) {
  if (!can_auth_ || state_ == State::kFailed) return Answer::kRefused;
  if (state_ == State::kDone) return epoch == epoch_ ? Answer::kRefused : Answer::kResend;
  if (state_ == State::kNone) begin();
  return state_ == State::kFailed ? Answer::kRefused : Answer::kWait;
}

AuthExchange::Step AuthExchange::challenged(const std::string& challenge, bool awaited,
                                            MonoTime now) {
  if (challenge.empty() || challenge.size() > kMaxChallenge || challenge == challenge_)
    return Step::kNothing;
  if (now - window_ >= kWindow) {
    window_ = now;
    signatures_ = 0;
  }
  challenge_ = challenge;
  // Answered at once only where we have shown our key already or must: until then a relay learns
  // nothing about who reads.
  const bool known = state_ != State::kNone && state_ != State::kFailed;
  const bool answer = known || awaited || (eager_ && can_auth_ && state_ != State::kFailed);
  state_ = State::kNone;
  if (answer) begin();
  return state_ == State::kFailed ? Step::kFailed : Step::kNothing;
}

void AuthExchange::begin() {
  if (challenge_.empty()) {
    state_ = State::kWanted;  // the relay has yet to say what to sign
    return;
  }
  if (signatures_ >= kMaxSignatures || !can_auth_) {
    state_ = State::kFailed;
    return;
  }
  ++signatures_;
  state_ = State::kSigning;
  actions_.emplace_back(act::Authenticate{challenge_});
}

bool AuthExchange::expects(const std::string& challenge) const {
  return state_ == State::kSigning && challenge == challenge_;
}

void AuthExchange::sent(const EventId& id) {
  state_ = State::kSent;
  id_ = id;
}

void AuthExchange::fail(bool passing) { state_ = passing ? State::kNone : State::kFailed; }

AuthExchange::Step AuthExchange::answered(const from_relay::Ok& ok) {
  if (state_ != State::kSent || ok.id != id_) return Step::kNothing;
  if (!ok.accepted) {
    state_ = State::kFailed;
    return Step::kFailed;
  }
  state_ = State::kDone;
  ++epoch_;
  authenticated_ = true;
  return Step::kSucceeded;
}

}  // namespace nostr
