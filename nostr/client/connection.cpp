// The state machine of one relay; see the header for its inputs and actions.
#include "nostr/client/connection.h"

#include <algorithm>
#include <utility>

namespace nostr {

namespace {

constexpr std::size_t kMaxRetired = 64;
constexpr std::size_t kMaxChallenge = 1024;
/// A relay that keeps asking gets no further signatures on this connection.
constexpr std::uint32_t kMaxAuths = 8;
constexpr base::seconds kFirstRetry{15};
constexpr base::seconds kLastRetry{600};

/// Whether asking again later may help. The other reasons will be the same tomorrow.
bool is_passing(Reason reason) {
  switch (reason) {
    case Reason::kNone:
    case Reason::kRateLimited:
    case Reason::kError:
    case Reason::kOther:
      return true;
    case Reason::kDuplicate:
    case Reason::kPow:
    case Reason::kBlocked:
    case Reason::kInvalid:
    case Reason::kRestricted:
    case Reason::kMute:
    case Reason::kAuthRequired:
    case Reason::kUnsupported:
      return false;
  }
  return false;
}

}  // namespace

Connection::Connection(std::string url) : url_(std::move(url)) {}

// --- the socket ---

void Connection::opened() {
  open_ = true;
  for (auto& [key, sub] : subs_) send_req(sub);
  for (auto& [ticket, post] : posts_) send_post(post);
  for (auto& [ticket, wait] : counts_) send_count(wait);
}

void Connection::closed(const std::string& reason) {
  const bool was_open = std::exchange(open_, false);
  auth_ = Auth::kNone;
  challenge_.clear();
  auths_ = 0;
  for (auto& [key, sub] : subs_) {
    sub.phase = Phase::kIdle;
    sub.wire.clear();
    sub.old_wire.clear();
    sub.old_target.reset();
    sub.retry_at.reset();
    if (!was_open) actions_.emplace_back(act::Unreachable{key, reason});
  }
  std::vector<Ticket> lost;
  for (auto& [ticket, post] : posts_) {
    // An event that was sent may have arrived; sending it again is harmless, and tells.
    if (was_open && std::exchange(post.may_repeat, false))
      post.phase = Phase::kIdle;
    else
      lost.push_back(ticket);
  }
  for (const Ticket ticket : lost) lose_post(ticket, reason);
  for (const auto& [ticket, wait] : counts_)
    actions_.emplace_back(
        act::Counted{ticket, base::fail(base::Errc::kUnavailable, url_ + ": " + reason)});
  counts_.clear();
  retired_.clear();
  table_changed_ = true;
}

void Connection::received(const RelayMessage& message, base::UnixTime now) {
  if (const auto* ok = std::get_if<from_relay::Ok>(&message)) on_ok(*ok, now);
  if (const auto* eose = std::get_if<from_relay::Eose>(&message)) on_eose(eose->sub);
  if (const auto* closed = std::get_if<from_relay::Closed>(&message))
    on_closed_message(*closed, now);
  if (const auto* auth = std::get_if<from_relay::Auth>(&message))
    on_challenge(auth->challenge, now);
  if (const auto* counted = std::get_if<from_relay::Count>(&message)) on_count(*counted);
}

void Connection::tick(base::UnixTime now) {
  if (!open_) return;
  for (auto& [key, sub] : subs_)
    if (sub.phase == Phase::kClosed && sub.retry_at && *sub.retry_at <= now) send_req(sub);
}

// --- the wishes ---

void Connection::want(SubKey key, TargetPtr target) {
  Sub& sub = subs_[key];
  if (sub.phase == Phase::kOpen) {
    // Only the REQ before last is given up at once.
    finish_replacement(sub);
    sub.old_wire = std::exchange(sub.wire, {});
    sub.old_target = std::exchange(sub.target, nullptr);
  }
  sub.target = std::move(target);
  sub.refusals = 0;
  sub.eose = false;
  if (open_) send_req(sub);
}

void Connection::drop(SubKey key) {
  const auto it = subs_.find(key);
  if (it == subs_.end()) return;
  Sub& sub = it->second;
  finish_replacement(sub);
  if (open_ && sub.phase == Phase::kOpen) {
    send(close_frame(sub.wire));
    retire(std::move(sub.wire));
  }
  subs_.erase(it);
  table_changed_ = true;
}

void Connection::publish(Ticket ticket, Event event, Repeat repeat) {
  Post post{.id = event.id,
            .frame = event_frame(event),
            .may_repeat = repeat == Repeat::kOnce};
  const auto [it, fresh] = posts_.insert_or_assign(ticket, std::move(post));
  if (open_) send_post(it->second);
}

void Connection::count(Ticket ticket, Filters filters) {
  const auto [it, fresh] =
      counts_.insert_or_assign(ticket, CountWait{.filters = std::move(filters)});
  if (open_) send_count(it->second);
}

bool Connection::may_have(Ticket ticket) const {
  const auto it = posts_.find(ticket);
  return it != posts_.end() && it->second.may_be_there;
}

void Connection::withdraw(Ticket ticket) {
  posts_.erase(ticket);
  counts_.erase(ticket);
}

void Connection::give_up(const std::string& reason) {
  while (!posts_.empty()) lose_post(posts_.begin()->first, reason);
  for (const auto& [ticket, wait] : counts_)
    actions_.emplace_back(
        act::Counted{ticket, base::fail(base::Errc::kUnavailable, url_ + ": " + reason)});
  counts_.clear();
  for (const auto& [key, sub] : subs_) actions_.emplace_back(act::Unreachable{key, reason});
}

// --- sending ---

std::string Connection::fresh_wire() {
  return "s" + std::to_string(next_wire_++);
}

void Connection::retire(std::string wire) {
  if (retired_.size() >= kMaxRetired) retired_.erase(retired_.begin());
  retired_.push_back(std::move(wire));
  table_changed_ = true;
}

void Connection::send_req(Sub& sub) {
  if (!sub.wire.empty()) retire(std::move(sub.wire));
  sub.wire = fresh_wire();
  sub.phase = Phase::kOpen;
  sub.eose = false;
  sub.epoch = epoch_;
  sub.retry_at.reset();
  table_changed_ = true;
  send(req_frame(sub.wire, sub.target->filters));
}

void Connection::send_post(Post& post) {
  post.phase = Phase::kOpen;
  post.epoch = epoch_;
  post.may_be_there = true;
  send(post.frame);
}

void Connection::send_count(CountWait& wait) {
  wait.wire = fresh_wire();
  wait.phase = Phase::kOpen;
  wait.epoch = epoch_;
  send(count_frame(wait.wire, wait.filters));
}

/// The relay serves the new filters: the REQ of the old ones can go.
void Connection::finish_replacement(Sub& sub) {
  if (sub.old_wire.empty()) return;
  if (open_) send(close_frame(sub.old_wire));
  retire(std::exchange(sub.old_wire, {}));
  sub.old_target.reset();
}

// --- answers ---

std::map<SubKey, Connection::Sub>::iterator Connection::find_sub(const std::string& wire) {
  return std::ranges::find_if(
      subs_, [&](const auto& entry) { return !wire.empty() && entry.second.wire == wire; });
}

void Connection::on_eose(const std::string& wire) {
  const auto it = find_sub(wire);
  if (it == subs_.end() || it->second.phase != Phase::kOpen || it->second.eose) return;
  it->second.eose = true;
  it->second.refusals = 0;
  finish_replacement(it->second);
  actions_.emplace_back(act::Eose{it->first});
}

void Connection::on_closed_message(const from_relay::Closed& closed, base::UnixTime now) {
  const Reason reason = reason_of(closed.message);
  for (auto it = counts_.begin(); it != counts_.end(); ++it) {
    if (it->second.wire != closed.sub) continue;
    if (asks_for_auth(reason)) {
      switch (need_auth(it->second.epoch)) {
        case AuthAnswer::kWait:
          it->second.phase = Phase::kAwaitAuth;
          return;
        case AuthAnswer::kResend:
          send_count(it->second);
          return;
        case AuthAnswer::kRefused:
          break;
      }
    }
    actions_.emplace_back(act::Counted{
        it->first,
        base::fail(base::Errc::kUnsupported, url_ + " does not count: " + closed.message)});
    counts_.erase(it);
    return;
  }

  const auto it = find_sub(closed.sub);
  if (it == subs_.end() || it->second.phase != Phase::kOpen) return;
  Sub& sub = it->second;
  if (asks_for_auth(reason)) {
    switch (need_auth(sub.epoch)) {
      case AuthAnswer::kWait:
        sub.phase = Phase::kAwaitAuth;
        return;
      case AuthAnswer::kResend:
        send_req(sub);
        return;
      case AuthAnswer::kRefused:
        break;
    }
  }
  end_sub(it->first, sub, closed.message, is_passing(reason), now);
}

void Connection::end_sub(SubKey key, Sub& sub, const std::string& message, bool passing,
                         base::UnixTime now) {
  finish_replacement(sub);
  sub.phase = Phase::kClosed;
  retire(std::exchange(sub.wire, {}));
  if (passing) {
    const auto wait = std::min(kFirstRetry * (1 << std::min(sub.refusals, 6u)), kLastRetry);
    sub.retry_at = now + wait;
    ++sub.refusals;
  }
  actions_.emplace_back(act::SubClosed{key, message, !passing});
}

void Connection::on_ok(const from_relay::Ok& ok, base::UnixTime now) {
  if (auth_ == Auth::kSent && ok.id == auth_id_) {
    if (ok.accepted)
      auth_succeeded();
    else
      auth_failed(ok.message, /*passing=*/false, now);
    return;
  }
  const Reason reason = reason_of(ok.message);
  std::vector<Ticket> answered;
  for (auto& [ticket, post] : posts_) {
    if (post.id != ok.id || post.phase != Phase::kOpen) continue;
    if (!ok.accepted && asks_for_auth(reason)) {
      const AuthAnswer answer = need_auth(post.epoch);
      post.may_be_there = false;
      if (answer == AuthAnswer::kWait) post.phase = Phase::kAwaitAuth;
      if (answer == AuthAnswer::kResend) send_post(post);
      if (answer != AuthAnswer::kRefused) continue;
    }
    answered.push_back(ticket);
  }
  // NIP-01: a relay that has the event already is where we wanted to get.
  const bool there = ok.accepted || reason == Reason::kDuplicate;
  for (const Ticket ticket : answered)
    end_post(ticket, there ? PublishOutcome::State::kAccepted : PublishOutcome::State::kRejected,
             ok.message);
}

void Connection::lose_post(Ticket ticket, const std::string& why) {
  end_post(ticket,
           may_have(ticket) ? PublishOutcome::State::kUnknown : PublishOutcome::State::kUnsent, why);
}

void Connection::end_post(Ticket ticket, PublishOutcome::State state, const std::string& message) {
  const bool answered =
      state == PublishOutcome::State::kAccepted || state == PublishOutcome::State::kRejected;
  const Reason reason = answered ? reason_of(message) : Reason::kNone;
  actions_.emplace_back(act::Published{ticket, {url_, state, reason, message}});
  posts_.erase(ticket);
}

void Connection::on_count(const from_relay::Count& count) {
  const auto it = std::ranges::find_if(
      counts_, [&](const auto& entry) { return entry.second.wire == count.sub; });
  if (it == counts_.end()) return;
  actions_.emplace_back(act::Counted{it->first, count.count});
  counts_.erase(it);
}

// --- NIP-42 ---

void Connection::set_can_auth(bool can_auth) {
  can_auth_ = can_auth;
  if (can_auth && open_ && auth_ == Auth::kFailed) auth_ = Auth::kNone;
}

void Connection::on_challenge(const std::string& challenge, base::UnixTime now) {
  if (challenge.empty() || challenge.size() > kMaxChallenge || challenge == challenge_) return;
  challenge_ = challenge;
  // Answered at once only where we have shown our key already or must: until then a relay learns
  // nothing about who reads.
  const bool answer = auth_ != Auth::kNone && auth_ != Auth::kFailed;
  auth_ = Auth::kNone;
  if (answer || anything_awaits_auth()) begin_auth();
  if (auth_ == Auth::kFailed)
    auth_failed("auth-required: the relay changes its challenge too often", /*passing=*/false, now);
}

/// Some relays say `restricted` also to those who have not said who they are: worth one answer
/// where the relay has offered a challenge.
bool Connection::asks_for_auth(Reason reason) const {
  return reason == Reason::kAuthRequired || (reason == Reason::kRestricted && !challenge_.empty());
}

Connection::AuthAnswer Connection::need_auth(std::uint32_t epoch) {
  if (!can_auth_ || auth_ == Auth::kFailed) return AuthAnswer::kRefused;
  if (auth_ == Auth::kDone) return epoch == epoch_ ? AuthAnswer::kRefused : AuthAnswer::kResend;
  if (auth_ == Auth::kNone) begin_auth();
  return auth_ == Auth::kFailed ? AuthAnswer::kRefused : AuthAnswer::kWait;
}

void Connection::begin_auth() {
  if (challenge_.empty()) {
    auth_ = Auth::kWanted;  // the relay has yet to say what to sign
    return;
  }
  if (auths_ >= kMaxAuths || !can_auth_) {
    auth_ = Auth::kFailed;
    return;
  }
  ++auths_;
  auth_ = Auth::kSigning;
  actions_.emplace_back(act::Authenticate{challenge_});
}

void Connection::auth_signed(const std::string& challenge, base::Result<Event> event,
                             base::UnixTime now) {
  if (!open_ || auth_ != Auth::kSigning || challenge != challenge_) return;
  if (!event) {
    auth_failed("auth-required: " + event.error().detail, /*passing=*/true, now);
    return;
  }
  auth_ = Auth::kSent;
  auth_id_ = event->id;
  send(auth_frame(*event));
}

bool Connection::anything_awaits_auth() const {
  const auto waits = [](const auto& entry) { return entry.second.phase == Phase::kAwaitAuth; };
  return std::ranges::any_of(subs_, waits) || std::ranges::any_of(posts_, waits) ||
         std::ranges::any_of(counts_, waits);
}

void Connection::auth_succeeded() {
  auth_ = Auth::kDone;
  ++epoch_;
  for (auto& [key, sub] : subs_)
    if (sub.phase == Phase::kAwaitAuth) send_req(sub);
  for (auto& [ticket, post] : posts_)
    if (post.phase == Phase::kAwaitAuth) send_post(post);
  for (auto& [ticket, wait] : counts_)
    if (wait.phase == Phase::kAwaitAuth) send_count(wait);
}

void Connection::auth_failed(const std::string& message, bool passing, base::UnixTime now) {
  // A signer that is away may be back at the retry; a relay that said no has said it.
  auth_ = passing ? Auth::kNone : Auth::kFailed;
  for (auto& [key, sub] : subs_)
    if (sub.phase == Phase::kAwaitAuth) end_sub(key, sub, message, passing, now);
  std::vector<Ticket> refused;
  for (const auto& [ticket, post] : posts_)
    if (post.phase == Phase::kAwaitAuth) refused.push_back(ticket);
  for (const Ticket ticket : refused) end_post(ticket, PublishOutcome::State::kRejected, message);
  std::erase_if(counts_, [&](const auto& entry) {
    if (entry.second.phase != Phase::kAwaitAuth) return false;
    actions_.emplace_back(
        act::Counted{entry.first, base::fail(base::Errc::kDenied, url_ + ": " + message)});
    return true;
  });
}

// --- what the shell reads ---

std::vector<Action> Connection::take_actions() {
  return std::exchange(actions_, {});
}

SubTablePtr Connection::take_table() {
  table_changed_ = false;
  auto table = std::make_shared<SubTable>();
  for (const auto& [key, sub] : subs_) {
    if (sub.phase == Phase::kOpen) table->live.emplace(sub.wire, sub.target);
    if (!sub.old_wire.empty()) table->live.emplace(sub.old_wire, sub.old_target);
  }
  table->retired = retired_;
  return table;
}

bool Connection::before_eose(SubKey key) const {
  const auto it = subs_.find(key);
  return it != subs_.end() && !it->second.eose;
}

}  // namespace nostr
