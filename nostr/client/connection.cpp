// The state machine of one relay; see the header for its inputs and actions.
#include "nostr/client/connection.h"

#include <algorithm>
#include <utility>

namespace nostr {

namespace {

/// Matches nothing, costs a relay one look-up, and every relay must answer it with EOSE.
Filters canary_filters() {
  Filter filter;
  filter.ids = {EventId{}};
  filter.limit = 1;
  return {filter};
}

std::string seconds_text(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

Connection::Connection(std::string url, ConnectionOptions options)
    : url_(std::move(url)), options_(options), requests_(options, auth_, actions_) {}

// --- the socket ---

void Connection::opened(MonoTime now) {
  open_ = true;
  heard(now);
  requests_.opened(now);
  for (auto& [ticket, post] : posts_) send_post(post);
  for (auto& [ticket, wait] : counts_) send_count(wait);
  for (auto& [ticket, talk] : negotiations_) send_negotiation(talk);
}

void Connection::closed(const std::string& reason) {
  const bool was_open = std::exchange(open_, false);
  auth_.reset();
  canary_.clear();
  suspect_ = false;
  slow_until_ = {};
  slowed_ = 0;
  requests_.closed(reason, was_open);
  std::vector<Ticket> lost;
  for (auto& [ticket, post] : posts_) {
    // An event that was sent may have arrived; sending it again is harmless, and tells.
    if (was_open && std::exchange(post.may_repeat, false))
      post.phase = Phase::kIdle;
    else
      lost.push_back(ticket);
  }
  for (const Ticket ticket : lost) lose_post(ticket, reason);
  end_counts(reason);
  end_negotiations(base::Errc::kUnavailable, reason);
}

void Connection::received(const RelayMessage& message, MonoTime now) {
  heard(now);
  if (const auto* ok = std::get_if<from_relay::Ok>(&message)) on_ok(*ok, now);
  if (const auto* eose = std::get_if<from_relay::Eose>(&message)) {
    if (!canary_.empty() && eose->sub == canary_)
      end_canary();
    else
      requests_.on_eose(*eose, now);
  }
  if (const auto* closed = std::get_if<from_relay::Closed>(&message))
    on_closed_message(*closed, now);
  // A NOTICE names nothing: an unanswered NEG-OPEN is likelier to be meant than a REQ.
  if (const auto* notice = std::get_if<from_relay::Notice>(&message);
      notice && !on_neg_notice(notice->message))
    requests_.on_notice(notice->message, now);
  if (const auto* auth = std::get_if<from_relay::Auth>(&message))
    on_challenge(auth->challenge, now);
  if (const auto* counted = std::get_if<from_relay::Count>(&message)) on_count(*counted);
  if (const auto* neg = std::get_if<from_relay::NegMessage>(&message)) on_neg_message(*neg);
  if (const auto* refused = std::get_if<from_relay::NegError>(&message))
    on_neg_refused(refused->sub, refused->message);
}

EventRun Connection::begin_run(const TargetPtr& target, MonoTime now) {
  heard(now);
  return requests_.begin_run(target, now);
}

void Connection::tick(MonoTime now) {
  if (!open_) return;
  requests_.tick(now);
  if (slow_until_ <= now)
    for (auto& [ticket, post] : posts_)
      if (post.phase == Phase::kHeld) send_post(post);
  if (suspect_ && now - canary_at_ >= options_.canary_timeout) {
    actions_.emplace_back(act::Dead{"half open: silent, and no answer to a REQ within " +
                                    seconds_text(options_.canary_timeout)});
  } else if (!suspect_ && now - heard_at_ >= options_.canary_after && requests_.any_served()) {
    send_canary(now);
  }
}

MonoTime Connection::next_due() const {
  MonoTime due = requests_.next_due();
  if (suspect_)
    due = std::min(due, canary_at_ + options_.canary_timeout);
  else if (requests_.any_served())
    due = std::min(due, heard_at_ + options_.canary_after);
  for (const auto& [ticket, post] : posts_)
    if (post.phase == Phase::kHeld) due = std::min(due, slow_until_);
  return due;
}

// --- liveness ---

void Connection::heard(MonoTime now) {
  heard_at_ = now;
  suspect_ = false;
}

void Connection::send_canary(MonoTime now) {
  end_canary();
  canary_ = requests_.fresh_wire();
  requests_.retire(canary_);  // an event under this name is an answer, but nobody's
  canary_at_ = now;
  suspect_ = true;
  send(req_frame(canary_, canary_filters()));
}

void Connection::end_canary() {
  if (!canary_.empty()) send(close_frame(std::exchange(canary_, {})));
}

// --- the wishes ---

void Connection::want(SubKey key, TargetPtr target, MonoTime now) {
  requests_.want(key, std::move(target), now);
}

void Connection::drop(SubKey key, MonoTime now) { requests_.drop(key, now); }

void Connection::publish(Ticket ticket, Event event, Repeat repeat, MonoTime now) {
  Post post{.id = event.id,
            .frame = event_frame(event),
            .may_repeat = repeat == Repeat::kOnce};
  posts_.insert_or_assign(ticket, std::move(post));
  if (open_) post_or_hold(ticket, now);
}

/// A relay that asked to slow down gets nothing before it is ready; who cannot wait that long is
/// told at once, and comes back with a plan of his own.
void Connection::post_or_hold(Ticket ticket, MonoTime now) {
  Post& post = posts_.at(ticket);
  if (slow_until_ <= now) return send_post(post);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(slow_until_ - now);
  if (wait <= options_.slow_patience)
    post.phase = Phase::kHeld;
  else
    end_post(ticket, PublishOutcome::State::kRejected,
             "rate-limited: not sent, the relay wants a pause; try again in " + seconds_text(wait));
}

void Connection::count(Ticket ticket, Filters filters) {
  const auto [it, fresh] =
      counts_.insert_or_assign(ticket, CountWait{.filters = std::move(filters)});
  if (open_) send_count(it->second);
}

void Connection::negotiate(Ticket ticket, Filter filter, std::string payload_hex) {
  const auto [it, fresh] = negotiations_.insert_or_assign(
      ticket, Negotiation{.filter = std::move(filter), .payload_hex = std::move(payload_hex)});
  if (open_) send_negotiation(it->second);
}

void Connection::negotiate_on(Ticket ticket, std::string_view payload_hex) {
  const auto it = negotiations_.find(ticket);
  if (it == negotiations_.end() || it->second.phase != Phase::kOpen) return;
  send(neg_message_frame(it->second.wire, payload_hex));
}

bool Connection::may_have(Ticket ticket) const {
  const auto it = posts_.find(ticket);
  return it != posts_.end() && it->second.may_be_there;
}

void Connection::withdraw(Ticket ticket) {
  posts_.erase(ticket);
  counts_.erase(ticket);
  const auto node = negotiations_.extract(ticket);
  if (open_ && !node.empty() && node.mapped().phase == Phase::kOpen)
    send(neg_close_frame(node.mapped().wire));
}

void Connection::give_up(const std::string& reason) {
  while (!posts_.empty()) lose_post(posts_.begin()->first, reason);
  end_counts(reason);
  end_negotiations(base::Errc::kUnavailable, reason);
  requests_.give_up(reason);
}

void Connection::set_limits(const RelayLimitation& document, MonoTime now) {
  requests_.set_limits(document, now);
}

void Connection::send_post(Post& post) {
  post.phase = Phase::kOpen;
  post.epoch = auth_.epoch();
  post.may_be_there = true;
  send(post.frame);
}

AuthStanding Connection::auth_standing() const {
  if (!open_) return AuthStanding::kNone;
  if (auth_.authenticated()) return AuthStanding::kDone;
  return auth_.is_challenged() ? AuthStanding::kOffered : AuthStanding::kNone;
}

void Connection::send_count(CountWait& wait) {
  wait.wire = requests_.fresh_wire();
  wait.phase = Phase::kOpen;
  wait.epoch = auth_.epoch();
  send(count_frame(wait.wire, wait.filters));
}

void Connection::send_negotiation(Negotiation& talk) {
  talk.wire = requests_.fresh_wire();
  talk.phase = Phase::kOpen;
  talk.epoch = auth_.epoch();
  send(neg_open_frame(talk.wire, talk.filter, talk.payload_hex));
}

void Connection::end_counts(const std::string& reason) {
  for (const auto& [ticket, wait] : counts_)
    actions_.emplace_back(
        act::Counted{ticket, base::fail(base::Errc::kUnavailable, url_ + ": " + reason)});
  counts_.clear();
}

// --- answers ---

void Connection::on_closed_message(const from_relay::Closed& closed, MonoTime now) {
  if (!canary_.empty() && closed.sub == canary_) return canary_.clear();
  if (requests_.on_closed(closed, now)) return;
  if (on_neg_refused(closed.sub, closed.message)) return;
  const auto it = std::ranges::find_if(
      counts_, [&](const auto& entry) { return entry.second.wire == closed.sub; });
  if (it == counts_.end() || it->second.phase != Phase::kOpen) return;
  if (auth_.asks(reason_of(closed.message))) {
    switch (auth_.need(it->second.epoch)) {
      case AuthExchange::Answer::kWait:
        it->second.phase = Phase::kAwaitAuth;
        return;
      case AuthExchange::Answer::kResend:
        send_count(it->second);
        return;
      case AuthExchange::Answer::kRefused:
        break;
    }
  }
  actions_.emplace_back(act::Counted{
      it->first,
      base::fail(base::Errc::kUnsupported, url_ + " does not count: " + closed.message)});
  counts_.erase(it);
}

void Connection::on_ok(const from_relay::Ok& ok, MonoTime now) {
  const bool first = !auth_.authenticated();
  switch (auth_.answered(ok)) {
    case AuthExchange::Step::kSucceeded:
      return auth_succeeded(first, now);
    case AuthExchange::Step::kFailed:
      return auth_failed(ok.message, /*passing=*/false, now);
    case AuthExchange::Step::kNothing:
      break;
  }
  const Reason reason = reason_of(ok.message);
  std::vector<Ticket> answered;
  for (auto& [ticket, post] : posts_) {
    if (post.id != ok.id || post.phase != Phase::kOpen) continue;
    if (!ok.accepted && auth_.asks(reason)) {
      const AuthExchange::Answer answer = auth_.need(post.epoch);
      post.may_be_there = false;
      if (answer == AuthExchange::Answer::kWait) post.phase = Phase::kAwaitAuth;
      if (answer == AuthExchange::Answer::kResend) send_post(post);
      if (answer != AuthExchange::Answer::kRefused) continue;
    }
    if (!ok.accepted && reason == Reason::kRateLimited && slow_down(post, ok.message, now))
      continue;
    answered.push_back(ticket);
  }
  if (ok.accepted && !answered.empty()) slowed_ = 0;
  // NIP-01: a relay that has the event already is where we wanted to get.
  const bool there = ok.accepted || reason == Reason::kDuplicate;
  for (const Ticket ticket : answered)
    end_post(ticket, there ? PublishOutcome::State::kAccepted : PublishOutcome::State::kRejected,
             ok.message);
}

/// Every refusal for the rate doubles the pause, unless the relay names one. True when `post` is
/// sent once more after it.
bool Connection::slow_down(Post& post, const std::string& message, MonoTime now) {
  post.may_be_there = false;
  if (slow_until_ <= now) {
    const std::chrono::milliseconds wait =
        std::min(options_.slow_initial * (1 << std::min(slowed_++, 10U)), options_.slow_max);
    const auto hint = retry_hint(message);
    // A longer wait is the outbox's to keep: here it would hold back what others send for an hour.
    slow_until_ = now + (hint ? std::min<std::chrono::milliseconds>(*hint, options_.slow_max) : wait);
  }
  if (std::exchange(post.slowed, true) || slow_until_ - now > options_.slow_patience) return false;
  post.phase = Phase::kHeld;
  return true;
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
  CountAnswer answer{.count = count.count, .approximate = count.approximate};
  if (const auto registers = HyperLogLog::from_hex(count.hll)) answer.hll = *registers;
  actions_.emplace_back(act::Counted{it->first, answer});
  counts_.erase(it);
}

// --- NIP-77 ---

void Connection::on_neg_message(const from_relay::NegMessage& message) {
  for (auto& [ticket, talk] : negotiations_) {
    if (talk.wire != message.sub || talk.phase != Phase::kOpen) continue;
    talk.answered = true;
    actions_.emplace_back(act::Negotiated{ticket, message.payload_hex});
    return;
  }
}

bool Connection::on_neg_refused(const std::string& wire, const std::string& message) {
  const auto it = std::ranges::find_if(
      negotiations_, [&](const auto& entry) { return entry.second.wire == wire; });
  if (wire.empty() || it == negotiations_.end()) return false;
  if (auth_.asks(reason_of(message))) {
    switch (auth_.need(it->second.epoch)) {
      case AuthExchange::Answer::kWait:
        it->second.phase = Phase::kAwaitAuth;
        return true;
      case AuthExchange::Answer::kResend:
        send_negotiation(it->second);
        return true;
      case AuthExchange::Answer::kRefused:
        break;
    }
  }
  actions_.emplace_back(act::Negotiated{
      it->first,
      base::fail(base::Errc::kUnsupported, url_ + " does not reconcile: " + message)});
  negotiations_.erase(it);
  return true;
}

bool Connection::on_neg_notice(const std::string& message) {
  const std::size_t ended = std::erase_if(negotiations_, [&](const auto& entry) {
    if (entry.second.answered || entry.second.phase != Phase::kOpen) return false;
    actions_.emplace_back(act::Negotiated{
        entry.first,
        base::fail(base::Errc::kUnsupported, url_ + " does not reconcile: " + message)});
    return true;
  });
  return ended > 0;
}

void Connection::end_negotiations(base::Errc code, const std::string& reason) {
  for (const auto& [ticket, talk] : negotiations_)
    actions_.emplace_back(act::Negotiated{ticket, base::fail(code, url_ + ": " + reason)});
  negotiations_.clear();
}

// --- NIP-42 ---

void Connection::set_auth_policy(bool can_auth, bool eager) { auth_.set_policy(can_auth, eager); }

void Connection::on_challenge(const std::string& challenge, MonoTime now) {
  if (auth_.challenged(challenge, anything_awaits_auth(), now) == AuthExchange::Step::kFailed)
    auth_failed("auth-required: the relay changes its challenge too often", /*passing=*/false, now);
}

void Connection::auth_signed(const std::string& challenge, base::Result<Event> event,
                             MonoTime now) {
  if (!open_ || !auth_.expects(challenge)) return;
  if (!event) {
    const bool passing = event.error().code != base::Errc::kDenied;
    return auth_failed("auth-required: " + event.error().detail, passing, now);
  }
  auth_.sent(event->id);
  send(auth_frame(*event));
}

bool Connection::anything_awaits_auth() const {
  const auto waits = [](const auto& entry) { return entry.second.phase == Phase::kAwaitAuth; };
  return requests_.awaits_auth() || std::ranges::any_of(posts_, waits) ||
         std::ranges::any_of(counts_, waits) || std::ranges::any_of(negotiations_, waits);
}

void Connection::auth_succeeded(bool first, MonoTime now) {
  ++auths_;
  requests_.auth_succeeded(first, now);
  for (auto& [ticket, post] : posts_)
    if (post.phase == Phase::kAwaitAuth) send_post(post);
  for (auto& [ticket, wait] : counts_)
    if (wait.phase == Phase::kAwaitAuth) send_count(wait);
  for (auto& [ticket, talk] : negotiations_)
    if (talk.phase == Phase::kAwaitAuth) send_negotiation(talk);
}

void Connection::auth_failed(const std::string& message, bool passing, MonoTime now) {
  ++auths_failed_;
  // A signer that is away may be back at the retry; a relay that said no has said it.
  auth_.fail(passing);
  requests_.auth_failed(message, passing, now);
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
  std::erase_if(negotiations_, [&](const auto& entry) {
    if (entry.second.phase != Phase::kAwaitAuth) return false;
    actions_.emplace_back(
        act::Negotiated{entry.first, base::fail(base::Errc::kDenied, url_ + ": " + message)});
    return true;
  });
}

// --- what the shell reads ---

std::vector<Action> Connection::take_actions() {
  return std::exchange(actions_, {});
}

SubTablePtr Connection::take_table() {
  static_cast<void>(requests_.take_changed());
  auto table = std::make_shared<SubTable>();
  requests_.fill_table(*table);
  return table;
}

}  // namespace nostr
