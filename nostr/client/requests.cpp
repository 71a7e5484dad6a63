// Placing subscriptions on REQs, and the life of a REQ; see the header.
#include "nostr/client/requests.h"

#include <algorithm>
#include <ranges>

#include "nostr/event/message.h"

namespace nostr {

namespace {

constexpr std::size_t kMaxRetired = 64;
constexpr std::size_t kMaxNotice = 200;
/// Bytes of a frame below which "too large" is not believed.
constexpr std::size_t kLeastMessage = 512;
/// Refusals come one by one; what they crowd out is merged in one go.
constexpr std::chrono::milliseconds kGather{200};
/// A relay may have been refusing for reasons of the moment.
constexpr std::chrono::hours kLearnedFor{1};
/// Asked for n, a relay that sends up to 2n and this is sloppy; beyond, hostile.
constexpr std::uint64_t kSlack = 100;

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

std::string seconds_of(std::chrono::milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s"
                                  : std::to_string(time.count()) + " ms";
}

}  // namespace

Requests::Requests(ConnectionOptions options, AuthExchange& auth, std::vector<Action>& actions)
    : options_(options), auth_(auth), actions_(actions) {}

// --- the wishes ---

void Requests::want(SubKey key, TargetPtr target, MonoTime now) {
  Sub& sub = subs_[key];
  sub.target = std::move(target);
  sub.eose = false;
  if (!open_) return;
  const auto serves = [key](const auto& entry) {
    return std::ranges::any_of(entry.second.parts, [key](const TargetPtr& part) {
      return part->subscription == key;
    });
  };
  const auto own = std::ranges::find_if(reqs_, serves);
  const bool sole = own != reqs_.end() && own->second.parts.size() == 1 &&
                    std::ranges::count_if(reqs_, serves) == 1;
  if (!sole || !fits(sub.target->filters, limits_)) {
    remove_parts(key);
    return place(sub.target, now);
  }
  Req& req = own->second;
  req.parts = {sub.target};
  req.refusals = 0;
  ask_anew(req, sub.target, now);
}

void Requests::drop(SubKey key, MonoTime now) {
  if (subs_.erase(key) == 0) return;
  remove_parts(key);
  if (open_) fill_free_places(now);
}

/// A REQ that serves others too stays as it is: what it brings for `key` finds no owner.
void Requests::remove_parts(SubKey key) {
  for (auto it = reqs_.begin(); it != reqs_.end();) {
    Req& req = it->second;
    const auto removed =
        std::erase_if(req.parts, [key](const TargetPtr& part) { return part->subscription == key; });
    if (removed > 0 && req.parts.empty()) {
      withdraw(req);
      it = reqs_.erase(it);
    } else {
      ++it;
    }
  }
}

// --- placing ---

void Requests::place(const TargetPtr& target, MonoTime now) {
  std::vector<Filters> groups = split_filters(target->filters, limits_);
  if (groups.size() == 1) return place_part(target, /*alone=*/false, now);
  for (Filters& group : groups)
    place_part(std::make_shared<const Target>(
                   Target{target->subscription, std::move(group), target->delivered, {}}),
               /*alone=*/false, now);
}

void Requests::place_part(TargetPtr part, bool alone, MonoTime now) {
  const bool free = places_taken() < limits_.subscriptions;
  if (!free && !alone) {
    if (Req* const host = find_host(part)) {
      host->parts.push_back(std::move(part));
      return ask_anew(*host, joint_target(*host), now);
    }
  }
  if (const auto sub = subs_.find(part->subscription); sub != subs_.end()) sub->second.req = next_req_;
  Req& req = reqs_[next_req_++];
  req.alone = alone;
  req.parts = {part};
  req.target = std::move(part);
  if (free) return send_req(req, now);
  if (waiting() == 0) turn_began_ = now;
  req.phase = Phase::kWaiting;
}

/// The smallest REQ that can take `part` in; nullptr when none can.
Requests::Req* Requests::find_host(const TargetPtr& part) {
  Req* best = nullptr;
  std::size_t size = 0;
  for (auto& [key, req] : reqs_) {
    if (req.alone || req.crowded_out || req.phase == Phase::kClosed) continue;
    Filters all = part->filters;
    for (const TargetPtr& other : req.parts)
      all.insert(all.end(), other->filters.begin(), other->filters.end());
    if ((best != nullptr && all.size() >= size) || !fits(all, limits_)) continue;
    best = &req;
    size = all.size();
  }
  return best;
}

TargetPtr Requests::joint_target(const Req& req) const {
  if (req.parts.size() == 1) return req.parts.front();
  Target all;
  for (const TargetPtr& part : req.parts)
    all.filters.insert(all.filters.end(), part->filters.begin(), part->filters.end());
  all.delivered = std::make_shared<DeliveredIds>(options_.delivered_capacity);
  all.parts = req.parts;
  return std::make_shared<const Target>(std::move(all));
}

/// Takes `it` off and finds new places for what it served.
void Requests::re_place(ReqMap::iterator it, MonoTime now) {
  withdraw(it->second);
  const std::vector<TargetPtr> parts = std::move(it->second.parts);
  reqs_.erase(it);
  for (const TargetPtr& part : parts) place(part, now);
}

/// One of several was refused, and the relay does not say which: each on its own will show.
void Requests::separate(ReqMap::iterator it, MonoTime now) {
  withdraw(it->second);
  const std::vector<TargetPtr> parts = std::move(it->second.parts);
  reqs_.erase(it);
  for (const TargetPtr& part : parts) place_part(part, /*alone=*/true, now);
}

void Requests::merge_crowded(MonoTime now) {
  merge_at_.reset();
  std::vector<TargetPtr> parts;
  for (auto it = reqs_.begin(); it != reqs_.end();) {
    if (!it->second.crowded_out) {
      ++it;
      continue;
    }
    withdraw(it->second);
    parts.insert(parts.end(), it->second.parts.begin(), it->second.parts.end());
    it = reqs_.erase(it);
  }
  for (const TargetPtr& part : parts) place(part, now);
}

void Requests::fill_free_places(MonoTime now) {
  for (auto& [key, req] : reqs_) {
    if (req.phase != Phase::kWaiting) continue;
    if (places_taken() >= limits_.subscriptions) return;
    send_req(req, now);
  }
}

/// The REQ that has been served longest makes room for the one that has waited longest.
void Requests::take_turns(MonoTime now) {
  if (waiting() == 0 || now - turn_began_ < options_.turn) return;
  auto oldest = reqs_.end();
  for (auto it = reqs_.begin(); it != reqs_.end(); ++it) {
    const Req& req = it->second;
    if (req.phase != Phase::kOpen || !req.eose) continue;
    if (oldest == reqs_.end() || req.asked_at < oldest->second.asked_at) oldest = it;
  }
  if (oldest == reqs_.end()) return;
  turn_began_ = now;
  withdraw(oldest->second);
  fill_free_places(now);
  oldest->second.phase = Phase::kWaiting;
  auto node = reqs_.extract(oldest);  // to the end of the queue
  node.key() = next_req_++;
  reqs_.insert(std::move(node));
}

bool Requests::is_served(SubKey key) const {
  return std::ranges::all_of(reqs_, [key](const auto& entry) {
    const Req& req = entry.second;
    return req.eose || std::ranges::none_of(req.parts, [key](const TargetPtr& part) {
             return part->subscription == key;
           });
  });
}

std::size_t Requests::open_wires() const {
  std::size_t out = 0;
  for (const auto& [key, req] : reqs_)
    out += (req.phase == Phase::kOpen && !req.crowded_out ? 1U : 0U) + (req.old_wire.empty() ? 0U : 1U);
  return out;
}

/// REQs that are open or will be again without anybody asking.
std::size_t Requests::places_taken() const {
  return static_cast<std::size_t>(std::ranges::count_if(reqs_, [](const auto& entry) {
    const Req& req = entry.second;
    if (req.crowded_out) return false;
    return req.phase == Phase::kOpen || req.phase == Phase::kAwaitAuth ||
           (req.phase == Phase::kClosed && req.retry_at);
  }));
}

std::size_t Requests::waiting() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      reqs_, [](const auto& entry) { return entry.second.phase == Phase::kWaiting; }));
}

// --- the connection ---

void Requests::opened(MonoTime now) {
  open_ = true;
  if (now - learned_at_ >= kLearnedFor) limits_ = documented_;
  for (const auto& [key, sub] : subs_) place(sub.target, now);
}

void Requests::closed(const std::string& reason, bool was_open) {
  open_ = false;
  reqs_.clear();
  retired_.clear();
  merge_at_.reset();
  paused_until_ = {};
  for (auto& [key, sub] : subs_) {
    sub.eose = false;
    if (!was_open) actions_.emplace_back(act::Unreachable{key, reason});
  }
  changed_ = true;
}

void Requests::give_up(const std::string& reason) {
  for (const auto& [key, sub] : subs_) actions_.emplace_back(act::Unreachable{key, reason});
}

void Requests::set_limits(const RelayLimitation& document, MonoTime now) {
  const RelayLimits before = limits_;
  documented_ = {};
  documented_.read(document);
  limits_.read(document);
  if (!open_ || limits_ == before) return;
  // What is being served already shows that the document is wrong about it.
  std::size_t places = places_taken();
  for (auto& [key, req] : reqs_ | std::views::reverse) {
    if (places <= limits_.subscriptions) break;
    if (req.phase != Phase::kOpen || req.eose) continue;
    req.crowded_out = true;
    merge_at_ = now;
    --places;
  }
  for (auto it = reqs_.begin(); it != reqs_.end();) {
    const auto next = std::next(it);
    if (!it->second.eose && !fits(it->second.target->filters, limits_)) re_place(it, now);
    it = next;
  }
}

void Requests::tick(MonoTime now) {
  if (!open_) return;
  for (auto& [key, req] : reqs_) {
    if (req.retry_at && *req.retry_at <= now) {
      if (req.phase == Phase::kOpen)
        ask_anew(req, joint_target(req), now);
      else
        send_req(req, now);
    } else if (eose_deadline(req) <= now) {
      on_stalled(req, now);
    }
  }
  if (merge_at_ && *merge_at_ <= now) merge_crowded(now);
  fill_free_places(now);
  take_turns(now);
}

MonoTime Requests::next_due() const {
  MonoTime due = merge_at_.value_or(MonoTime::max());
  for (const auto& [key, req] : reqs_)
    due = std::min({due, req.retry_at.value_or(MonoTime::max()), eose_deadline(req)});
  if (waiting() > 0) due = std::min(due, turn_began_ + options_.turn);
  return due;
}

// --- the life of a REQ ---

std::string Requests::fresh_wire() {
  // Short, since some relays take 20 characters and no more.
  return "s" + std::to_string(next_wire_++);
}

void Requests::retire(std::string wire) {
  if (retired_.size() >= kMaxRetired) retired_.erase(retired_.begin());
  retired_.push_back(std::move(wire));
  changed_ = true;
}

void Requests::send_req(Req& req, MonoTime now) {
  if (!req.wire.empty()) retire(std::exchange(req.wire, {}));
  req.eose = false;
  req.notice.clear();
  if (now < paused_until_) {
    req.phase = Phase::kClosed;
    req.retry_at = paused_until_;
    return;
  }
  req.wire = fresh_wire();
  req.phase = Phase::kOpen;
  req.epoch = auth_.epoch();
  req.retry_at.reset();
  req.asked_at = req.heard_at = req.refilled_at = now;
  req.allowance = stored_allowance(req.target->filters);
  changed_ = true;
  const bool clamp = limits_.events != RelayLimits::kUnknown;
  send(req_frame(req.wire, clamp ? clamp_limits(req.target->filters, limits_) : req.target->filters));
}

/// Asks for `target` in place of what `req` asked for before; where the relay has room for both,
/// it serves the old one until it serves the new.
void Requests::ask_anew(Req& req, TargetPtr target, MonoTime now) {
  if (req.phase == Phase::kOpen && !req.crowded_out) {
    finish_replacement(req);  // only the REQ before last is given up at once
    if (open_wires() < limits_.subscriptions) {
      req.old_wire = std::exchange(req.wire, {});
      req.old_target = std::move(req.target);
    } else {
      close_wire(req.wire);
    }
  }
  req.target = std::move(target);
  if (req.phase != Phase::kWaiting) send_req(req, now);
}

void Requests::close_wire(std::string& wire) {
  if (wire.empty()) return;
  if (open_) send(close_frame(wire));
  retire(std::exchange(wire, {}));
}

void Requests::withdraw(Req& req) {
  finish_replacement(req);
  if (req.phase == Phase::kOpen) close_wire(req.wire);
  req.phase = Phase::kIdle;
  req.retry_at.reset();
  changed_ = true;
}

/// The relay serves the new filters: the REQ of the old ones can go.
void Requests::finish_replacement(Req& req) {
  close_wire(req.old_wire);
  req.old_target.reset();
}

void Requests::end(Req& req, const std::string& message, bool passing, MonoTime now) {
  finish_replacement(req);
  req.phase = Phase::kClosed;
  if (!req.wire.empty()) retire(std::exchange(req.wire, {}));
  if (passing) retry_later(req, now);
  if (const auto hint = passing ? retry_hint(message) : std::nullopt) req.retry_at = now + *hint;
  tell_closed(req, message, !passing);
  fill_free_places(now);
}

void Requests::tell_closed(const Req& req, const std::string& message, bool for_good) {
  for (const TargetPtr& part : req.parts)
    actions_.emplace_back(act::SubClosed{part->subscription, message, for_good});
}

void Requests::retry_later(Req& req, MonoTime now) {
  const auto wait = options_.retry_initial * (1 << std::min(req.refusals, 10U));
  req.retry_at = now + std::min(wait, options_.retry_max);
  ++req.refusals;
}

/// Told, and asked again later; until then the REQ stays, in case the relay just has no EOSE.
void Requests::on_stalled(Req& req, MonoTime now) {
  const std::string message = req.notice.empty()
                                  ? "no EOSE within " + seconds_of(options_.eose_timeout)
                                  : "no EOSE, only the notice: " + req.notice;
  retry_later(req, now);
  tell_closed(req, message, /*for_good=*/false);
}

MonoTime Requests::eose_deadline(const Req& req) const {
  if (req.phase != Phase::kOpen || req.eose || req.retry_at || req.crowded_out)
    return MonoTime::max();
  return req.heard_at + (req.notice.empty() ? options_.eose_timeout : options_.notice_grace);
}

/// However little was asked for, it may be huge events.
Allowance Requests::stored_allowance(const Filters& filters) const {
  const Allowance all = Allowance::of(options_.max_stored_events);
  std::uint64_t asked = 0;
  for (const Filter& filter : filters) {
    if (!filter.limit && filter.ids.empty()) return all;
    asked += filter.limit ? *filter.limit : filter.ids.size();
  }
  return {std::min(2 * asked + kSlack, all.events), all.bytes};
}

/// A live stream may go on for ever, but only so fast. It flows before the EOSE too, which may be
/// late or lost.
void Requests::refill(Req& req, MonoTime now) const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - req.refilled_at);
  const auto ms = static_cast<std::uint64_t>(elapsed.count());
  const Allowance more = Allowance::of(ms * options_.live_per_second / 1000);
  if (more.events == 0) return;  // what is less than one is not lost
  const Allowance most = Allowance::of(options_.live_burst);
  const auto add = [](std::uint64_t& left, std::uint64_t extra, std::uint64_t up_to) {
    left = std::max(left, std::min(left + extra, up_to));
  };
  add(req.allowance.events, more.events, most.events);
  add(req.allowance.bytes, more.bytes, most.bytes);
  req.refilled_at = now;
}

EventRun Requests::begin_run(const TargetPtr& target, MonoTime now) {
  const auto it = find(target);
  if (it == reqs_.end()) return {};
  Req& req = it->second;
  req.heard_at = now;
  refill(req, now);
  return {!req.eose, &req.allowance};
}

// --- answers ---

Requests::ReqMap::iterator Requests::find(const std::string& wire) {
  return std::ranges::find_if(
      reqs_, [&](const auto& entry) { return !wire.empty() && entry.second.wire == wire; });
}

/// Nearly always the REQ of the one subscription; a search where several share it.
Requests::ReqMap::iterator Requests::find(const TargetPtr& target) {
  const auto brings = [&](const Req& req) {
    return req.target == target || req.old_target == target;
  };
  if (const auto sub = subs_.find(target->subscription); sub != subs_.end()) {
    const auto it = reqs_.find(sub->second.req);
    if (it != reqs_.end() && brings(it->second)) return it;
  }
  return std::ranges::find_if(reqs_, [&](const auto& entry) { return brings(entry.second); });
}

bool Requests::on_eose(const from_relay::Eose& eose, MonoTime now) {
  const auto it = find(eose.sub);
  if (it == reqs_.end() || it->second.phase != Phase::kOpen) return false;
  Req& req = it->second;
  if (std::exchange(req.eose, true)) return true;
  req.crowded_out = false;
  req.refusals = 0;
  req.retry_at.reset();
  req.allowance = Allowance::of(options_.live_burst);
  req.refilled_at = now;
  finish_replacement(req);
  for (const TargetPtr& part : req.parts) {
    const auto sub = subs_.find(part->subscription);
    if (sub == subs_.end() || sub->second.eose || !is_served(sub->first)) continue;
    sub->second.eose = true;
    actions_.emplace_back(act::Eose{sub->first, eose.hint});
  }
  return true;
}

bool Requests::on_closed(const from_relay::Closed& closed, MonoTime now) {
  for (auto& [key, req] : reqs_) {
    if (closed.sub.empty() || req.old_wire != closed.sub) continue;
    retire(std::exchange(req.old_wire, {}));
    req.old_target.reset();
    return true;
  }
  const auto it = find(closed.sub);
  if (it == reqs_.end() || it->second.phase != Phase::kOpen) return false;
  refused(it, closed.message, now);
  return true;
}

/// A CLOSED, or a NOTICE that means one.
void Requests::refused(ReqMap::iterator it, const std::string& message, MonoTime now) {
  Req& req = it->second;
  const Reason reason = reason_of(message);
  if (auth_.asks(reason)) {
    switch (auth_.need(req.epoch)) {
      case AuthExchange::Answer::kWait:
        req.phase = Phase::kAwaitAuth;
        changed_ = true;
        return;
      case AuthExchange::Answer::kResend:
        return send_req(req, now);
      case AuthExchange::Answer::kRefused:
        break;
    }
  } else if (learn(message, it, now)) {
    return;
  }
  const bool passing = is_passing(reason);
  if (!passing && req.parts.size() > 1) return separate(it, now);
  end(req, message, passing, now);
  if (reason == Reason::kRateLimited) paused_until_ = *req.retry_at;
}

/// What the words of a refusal say about the relay's limits; true when the REQ will be served
/// another way.
bool Requests::learn(const std::string& message, ReqMap::iterator it, MonoTime now) {
  Req& req = it->second;
  switch (refusal_of(message)) {
    case Refusal::kSubscriptions: {
      req.crowded_out = true;
      const std::size_t served = open_wires();
      if (served == 0) {
        req.crowded_out = false;
        return false;
      }
      limits_.subscriptions = std::min(limits_.subscriptions, served);
      learned_at_ = now;
      if (!merge_at_) merge_at_ = now + kGather;
      return true;
    }
    case Refusal::kFilters: {
      const std::size_t count = req.target->filters.size();
      if (count < 2) return false;
      limits_.filters = std::min(limits_.filters, count / 2);
      learned_at_ = now;
      re_place(it, now);
      return true;
    }
    case Refusal::kSize: {
      RelayLimits smaller = limits_;
      smaller.message_bytes = req_frame(req.wire, req.target->filters).size() / 2;
      if (smaller.message_bytes < kLeastMessage) return false;
      if (split_filters(req.target->filters, smaller).size() < 2) return false;
      limits_ = smaller;
      learned_at_ = now;
      re_place(it, now);
      return true;
    }
    case Refusal::kNone:
    case Refusal::kRate:
    case Refusal::kClock:
      return false;
  }
  return false;
}

/// Relays refuse in the order they read, so a refusal without a name means the last one sent.
Requests::ReqMap::iterator Requests::newest_unanswered() {
  auto newest = reqs_.end();
  for (auto it = reqs_.begin(); it != reqs_.end(); ++it) {
    const Req& req = it->second;
    const bool unanswered = req.phase == Phase::kOpen && !req.eose && !req.crowded_out &&
                            !req.retry_at && req.heard_at == req.asked_at;
    if (!unanswered) continue;
    if (newest == reqs_.end() || req.asked_at >= newest->second.asked_at) newest = it;
  }
  return newest;
}

void Requests::on_notice(const std::string& text, MonoTime now) {
  const auto newest = newest_unanswered();
  if (newest == reqs_.end()) return;
  if (auth_.asks(reason_of(text))) return refused(newest, text, now);
  const Refusal kind = refusal_of(text);
  const bool tells_a_limit = kind == Refusal::kSubscriptions || kind == Refusal::kFilters ||
                             kind == Refusal::kSize;
  if (tells_a_limit && learn(text, newest, now)) return;
  for (auto& [key, req] : reqs_)
    if (req.phase == Phase::kOpen && !req.eose && req.notice.empty())
      req.notice = text.substr(0, kMaxNotice);
}

void Requests::auth_succeeded(bool first, MonoTime now) {
  for (auto& [key, req] : reqs_) {
    if (req.phase == Phase::kAwaitAuth)
      send_req(req, now);
    else if (first && auth_.eager() && req.phase == Phase::kOpen && req.epoch != auth_.epoch())
      ask_anew(req, joint_target(req), now);
  }
}

void Requests::auth_failed(const std::string& message, bool passing, MonoTime now) {
  for (auto& [key, req] : reqs_)
    if (req.phase == Phase::kAwaitAuth) end(req, message, passing, now);
}

// --- what others read ---

void Requests::fill_table(SubTable& table) const {
  for (const auto& [key, req] : reqs_) {
    if (req.phase == Phase::kOpen && !req.wire.empty()) table.live.emplace(req.wire, req.target);
    if (!req.old_wire.empty()) table.live.emplace(req.old_wire, req.old_target);
  }
  table.retired = retired_;
}

bool Requests::before_eose(SubKey key) const {
  const auto it = subs_.find(key);
  return it != subs_.end() && !it->second.eose;
}

bool Requests::awaits_auth() const {
  return std::ranges::any_of(
      reqs_, [](const auto& entry) { return entry.second.phase == Phase::kAwaitAuth; });
}

bool Requests::any_served() const {
  return std::ranges::any_of(reqs_, [](const auto& entry) {
    return entry.second.phase == Phase::kOpen && entry.second.eose;
  });
}

}  // namespace nostr
