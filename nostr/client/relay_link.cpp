// The shell around Connection: socket, backoff, the loop of one relay.
#include "nostr/client/relay_link.h"

#include <algorithm>
#include <utility>

#include "nostr/base/log.h"
#include "nostr/client/backoff.h"
#include "nostr/nips/nip42.h"

namespace nostr {

namespace {

using std::chrono::milliseconds;

/// A connection that lasted this long was a good one: the backoff starts afresh.
constexpr std::chrono::seconds kLasting{10};
/// How often a live connection is looked at when nothing is due.
constexpr milliseconds kTick{5'000};
/// What every relay takes; beyond, its document is worth a look.
constexpr std::size_t kModestSubscriptions = 10;
constexpr std::size_t kModestFrame = 32u << 10;
constexpr std::size_t kMaxWords = 200;

milliseconds ceil_ms(std::chrono::steady_clock::duration duration) {
  return std::max(std::chrono::ceil<milliseconds>(duration), milliseconds{0});
}

/// The relay's words in an action that carries a refusal; nullptr in any other.
std::string* refusal_in(Action& action) {
  if (auto* closed = std::get_if<act::SubClosed>(&action)) return &closed->message;
  if (auto* published = std::get_if<act::Published>(&action))
    if (published->outcome.state == PublishOutcome::State::kRejected)
      return &published->outcome.message;
  return nullptr;
}

}  // namespace

RelayLink::RelayLink(std::string url, LinkContext context)
    : url_(std::move(url)),
      context_(std::move(context)),
      connection_(url_, context_.options.connection),
      wake_(context_.loop) {
  status_.url = url_;
  signer_changed();
}

RelayLink::~RelayLink() { disconnect(); }

void RelayLink::signer_changed() {
  consent_.reset();
  const AuthIdentity* identity = context_.owner.identity_for(url_);
  connection_.set_auth_policy(identity != nullptr, identity != nullptr && identity->terms.eager);
}

RelayStatus RelayLink::status() const {
  RelayStatus out = status_;
  out.waiting = connection_.waiting();
  out.auth = connection_.auth_standing();
  out.auths = connection_.auths();
  out.auths_failed = connection_.auths_failed();
  out.limits = connection_.limits();
  if (connection_.slow_until() > Steady::now())
    out.slow_until = unix_time_of(connection_.slow_until());
  return out;
}

std::string RelayLink::left_because() const {
  return Steady::now() < left_until_ ? status_.last_error : std::string{};
}

base::UnixTime RelayLink::unix_time_of(Steady::time_point time) const {
  return context_.clock.now() + std::chrono::ceil<base::seconds>(time - Steady::now());
}

void RelayLink::set_state(RelayState state, std::optional<Steady::time_point> until) {
  if (status_.state == state && !until) return;
  status_.state = state;
  status_.connected = state == RelayState::kOpen || state == RelayState::kSuspect;
  status_.until.reset();
  if (until) status_.until = unix_time_of(*until);
  context_.owner.on_state(status());
}

// --- the loop of the relay ---

base::Task<void> RelayLink::run(std::shared_ptr<RelayLink> self) {
  while (!self->shut_) {
    if (!self->connection_.wanted()) {
      const bool woken = co_await self->wake_.wait_for(self->context_.options.idle_close);
      // A relay that was left is remembered until its time is up.
      if (!woken && !self->connection_.wanted() && self->left_because().empty()) break;
      continue;
    }
    if (const auto wait = self->until_attempt(); wait > milliseconds{0}) {
      co_await self->wake_.wait_for(wait);
      continue;
    }
    co_await self->run_attempt();
  }
  self->finished_ = true;
}

milliseconds RelayLink::until_attempt() const {
  return ceil_ms(std::max(next_attempt_, left_until_) - Steady::now());
}

milliseconds RelayLink::until_tick() const {
  const milliseconds most = std::min(kTick, context_.options.idle_close);
  const MonoTime due = connection_.next_due();
  if (due == MonoTime::max()) return most;
  // Never zero: something due that does not go away must not turn this into a spin.
  return std::clamp(ceil_ms(due - Steady::now()), milliseconds{1}, std::max(most, milliseconds{1}));
}

base::Task<void> RelayLink::run_attempt() {
  connect();
  auto needed_at = Steady::now();
  while (socket_) {
    co_await wake_.wait_for(until_tick());
    if (!socket_) break;
    connection_.tick(Steady::now());
    pump();
    if (!socket_) break;
    if (connection_.is_open() && connection_.suspect()) set_state(RelayState::kSuspect);
    if (connection_.wanted()) needed_at = Steady::now();
    if (socket_ && Steady::now() - needed_at >= context_.options.idle_close) {
      disconnect();
      connection_.closed("closed for want of use");
      set_state(RelayState::kIdle);
    }
  }
}

void RelayLink::connect() {
  attempted_at_ = Steady::now();
  counts_of_connection_ = {};
  messages_ = 0;
  frames_sent_ = 0;
  const IntakeLimits limits{.max_bad_frames = context_.options.max_bad_frames};
  intake_ = std::make_shared<Intake>(
      context_.loop, context_.workers, context_.verifier, limits,
      [this](IntakeBatch batch) { on_batch(std::move(batch)); });
  WsClientOptions socket = context_.options.socket;
  if (!context_.owner.may_be_private(url_)) socket.allow_private_addresses = false;
  socket_ = std::make_unique<WsClient>(context_.net, url_, intake_, socket);
  intake_->attach([socket = socket_.get()](bool on) { socket->set_reading(on); });
  set_state(RelayState::kConnecting);
}

void RelayLink::disconnect() {
  if (intake_) intake_->shut();
  intake_.reset();
  socket_.reset();
}

void RelayLink::hurry() {
  next_attempt_ = std::min(next_attempt_, attempted_at_ + context_.options.backoff_initial);
}

void RelayLink::shut(const std::string& reason) {
  shut_ = true;
  disconnect();
  connection_.give_up(reason);
  connection_.closed(reason);
  set_state(RelayState::kIdle);
  pump();
}

// --- what arrives ---

/// Whether the relay sent it, and not our socket.
bool says_something(const IntakeItem& item) {
  return !std::holds_alternative<IntakeOpened>(item) && !std::holds_alternative<IntakeClosed>(item);
}

void RelayLink::on_batch(IntakeBatch batch) {
  // The owner's callbacks may drop the last reference to this link.
  const auto self = shared_from_this();
  status_.events += batch.counts.verified;
  status_.duplicates += batch.counts.duplicates;
  status_.rejected += batch.counts.malformed + batch.counts.forged + batch.counts.unmatched;
  status_.other_tags += batch.counts.other_tags;
  status_.malformed += batch.counts.malformed;
  status_.forged += batch.counts.forged;
  status_.unmatched += batch.counts.unmatched;
  status_.dropped += batch.counts.dropped;
  if (batch.counts.verified > 0) status_.last_event = context_.clock.now();
  if (batch.latency) status_.latency = batch.latency;
  if (batch.latency || std::ranges::any_of(batch.items, says_something)) status_.last_frame = context_.clock.now();
  counts_of_connection_ += batch.counts;
  const std::shared_ptr<Intake> current = intake_;

  std::vector<Arrival> arrivals;
  bool excess = false;
  run_target_ = nullptr;
  for (IntakeItem& item : batch.items) {
    if (auto* event = std::get_if<IntakeEvent>(&item)) {
      excess = !take_event(std::move(*event), arrivals);
      if (excess) break;
      continue;
    }
    if (const auto* copies = std::get_if<IntakeCopies>(&item)) {
      const EventRun run = connection_.begin_run(copies->target, Steady::now());
      run_target_ = nullptr;
      excess = run.allowance != nullptr && !run.allowance->take(copies->count, copies->bytes);
      if (excess) break;
      continue;
    }
    flush_arrivals(arrivals);
    run_target_ = nullptr;
    // A callback may have ended this connection; the rest of the batch is then void.
    if (intake_ != current) return;
    if (auto* message = std::get_if<RelayMessagePtr>(&item)) {
      on_message(std::move(**message));
    } else if (std::holds_alternative<IntakeOpened>(item)) {
      on_opened();
    } else if (auto* closed = std::get_if<IntakeClosed>(&item)) {
      on_socket_closed(closed->reason);
    }
    if (intake_ != current) return;
  }
  flush_arrivals(arrivals);
  if (intake_ != current) return;
  if (excess) return leave("left: it sent far more than a REQ asked for");
  if (batch.hostile)
    return leave(fmt::format("left after bad frames: {} malformed, {} forged, {} unmatched, {} late",
                             counts_of_connection_.malformed, counts_of_connection_.forged,
                             counts_of_connection_.unmatched, counts_of_connection_.late));
  if (connection_.is_open() && !connection_.suspect()) set_state(RelayState::kOpen);
}

/// Hands one event to those who asked for it; false when its REQ has brought too many.
bool RelayLink::take_event(IntakeEvent event, std::vector<Arrival>& arrivals) {
  if (event.target.get() != run_target_) {
    run_ = connection_.begin_run(event.target, Steady::now());
    run_target_ = event.target.get();
  }
  if (run_.allowance != nullptr && !run_.allowance->take(1, event.bytes)) return false;
  if (event.target->parts.empty()) {
    arrivals.push_back({std::move(event.target), std::move(event.event), run_.stored});
    return true;
  }
  if (!event.target->delivered->insert(event.event->id)) return true;
  for (const TargetPtr& part : event.target->parts)
    if (matches_any(part->filters, *event.event))
      arrivals.push_back({part, event.event, run_.stored});
  return true;
}

void RelayLink::flush_arrivals(std::vector<Arrival>& arrivals) {
  if (arrivals.empty()) return;
  const std::vector<Arrival> batch = std::exchange(arrivals, {});
  context_.owner.on_arrivals(*this, batch);
}

void RelayLink::on_opened() {
  status_.attempts = 0;
  ++status_.connections;
  status_.connected_since = context_.clock.now();
  connected_at_ = Steady::now();
  connection_.opened(connected_at_);
  set_state(RelayState::kOpen);
  pump();
}

void RelayLink::on_message(RelayMessage message) {
  const auto open_for = std::chrono::duration_cast<base::seconds>(Steady::now() - connected_at_);
  const auto expected = context_.options.connection.max_messages + 2 * frames_sent_ +
                        static_cast<std::uint64_t>(open_for.count());
  if (++messages_ > expected)
    return leave(fmt::format("left: {} messages nobody asked for", messages_));
  if (const auto* notice = std::get_if<from_relay::Notice>(&message))
    LOG(kDebug, "relay", "notice", {{"url", url_}, {"text", notice->message.substr(0, kMaxWords)}});
  connection_.received(message, Steady::now());
  pump();
}

void RelayLink::on_socket_closed(const std::string& reason) {
  if (reason.starts_with(WsClient::kTooLarge)) return leave("left: " + reason);
  const bool was_open = connection_.is_open();
  disconnect();
  status_.last_error = reason;
  if (!was_open) ++status_.attempts;
  const bool lasted = was_open && Steady::now() - connected_at_ >= kLasting;
  failures_ = lasted ? 1 : failures_ + 1;
  const auto& options = context_.options;
  next_attempt_ = Steady::now() + backoff_delay(failures_, {options.backoff_initial, options.backoff_max},
                                                context_.rng);
  LOG(kDebug, "relay", "closed", {{"url", url_}, {"reason", reason}});
  const bool refused = reason.contains(WsClient::kPrivateRefused);
  if (refused) left_until_ = Steady::now() + options.leave_for;
  connection_.closed(reason);
  set_state(refused ? RelayState::kRefused : RelayState::kBackingOff,
            std::max(next_attempt_, left_until_));
  pump();
  wake_.notify();
}

void RelayLink::leave(const std::string& reason) {
  LOG(kWarn, "relay", "left", {{"url", url_}, {"reason", reason}});
  status_.last_error = reason;
  left_until_ = Steady::now() + context_.options.leave_for * (1 << std::min(status_.left, 6U));
  ++status_.left;
  disconnect();
  connection_.give_up(reason);
  connection_.closed(reason);
  set_state(RelayState::kLeft, left_until_);
  pump();
  wake_.notify();
}

// --- carrying out ---

void RelayLink::pump() {
  if (!shut_) wake_.notify();
  // Callbacks reached from here change wishes and pump again; the outer call does the work.
  if (pumping_) return;
  const auto self = weak_from_this().lock();
  pumping_ = true;
  pump_once();
  pumping_ = false;
}

void RelayLink::pump_once() {
  for (;;) {
    // Before the frames: an event may answer a REQ at once.
    if (connection_.table_changed() && intake_) intake_->set_table(connection_.take_table());
    std::vector<Action> actions = connection_.take_actions();
    if (actions.empty()) return;
    for (Action& action : actions) {
      if (auto* frame = std::get_if<act::Send>(&action)) {
        send(std::move(frame->frame));
      } else if (auto* auth = std::get_if<act::Authenticate>(&action)) {
        challenge_ = std::move(auth->challenge);
        if (!std::exchange(authenticating_, true))
          context_.scope.spawn("nip-42 " + url_, authenticate(shared_from_this()));
      } else if (const auto* dead = std::get_if<act::Dead>(&action)) {
        if (socket_) on_socket_closed(dead->reason);
      } else {
        deliver(std::move(action));
      }
    }
  }
}

void RelayLink::send(std::string frame) {
  if (!socket_) return;
  if (frame.size() > kModestFrame || connection_.subscriptions() > kModestSubscriptions)
    want_document();
  ++frames_sent_;
  const auto sent = socket_->send(std::move(frame));
  // A full queue means the relay has stopped reading. A closed socket reports itself.
  if (!sent && sent.error().code == base::Errc::kLimit) on_socket_closed(sent.error().detail);
}

void RelayLink::deliver(Action action) {
  if (std::holds_alternative<act::Eose>(action)) status_.last_eose = context_.clock.now();
  if (const std::string* words = refusal_in(action)) {
    status_.last_refusal = words->substr(0, kMaxWords);
    const Refusal kind = refusal_of(*words);
    if (kind == Refusal::kClock && context_.options.read_documents && !shut_) {
      context_.scope.spawn("clock of " + url_, explain_clock(shared_from_this(), std::move(action)));
      return;
    }
    if (kind == Refusal::kSubscriptions || kind == Refusal::kFilters || kind == Refusal::kSize)
      want_document();
  }
  context_.owner.on_action(*this, std::move(action));
}

// --- NIP-42 ---

/// One exchange at a time: a challenge that comes meanwhile is answered next.
base::Task<void> RelayLink::authenticate(std::shared_ptr<RelayLink> self) {
  while (!self->challenge_.empty()) {
    const std::string challenge = std::exchange(self->challenge_, {});
    auto event = co_await self->sign_auth(challenge);
    self->connection_.auth_signed(challenge, std::move(event), Steady::now());
    self->pump();
  }
  self->authenticating_ = false;
}

base::Task<base::Result<Event>> RelayLink::sign_auth(std::string challenge) {
  const AuthIdentity* identity = context_.owner.identity_for(url_);
  if (identity == nullptr) co_return base::fail(base::Errc::kDenied, "no key answers for this relay");
  Signer* const signer = identity->signer;
  if (const auto ask = identity->terms.ask; ask && !consent_) {
    const bool yes = co_await ask(url_);
    consent_ = yes;
  }
  if (consent_ == false)
    co_return base::fail(base::Errc::kDenied, "our key is not to be shown to this relay");
  Draft draft = build_auth(challenge, url_, context_.clock.now());
  auto event = co_await signer->sign(std::move(draft));
  co_return event;
}

// --- NIP-11 and the clock ---

void RelayLink::want_document() {
  if (!context_.options.read_documents || shut_ || std::exchange(document_asked_, true)) return;
  context_.scope.spawn("nip-11 " + url_, read_document(shared_from_this()));
}

base::Task<void> RelayLink::read_document(std::shared_ptr<RelayLink> self) {
  const bool allow_private = self->context_.owner.may_be_private(self->url_);
  const auto document = co_await self->context_.documents.get(self->url_, allow_private);
  if (!document) {
    LOG(kDebug, "relay", "no document", {{"url", self->url_}, {"reason", document.error().detail}});
    co_return;
  }
  if (document->clock) self->status_.clock = document->clock;
  self->connection_.set_limits(document->info.limitation, Steady::now());
  self->pump();
}

namespace {

/// Delivers an action however the coroutine that holds it back ends.
class HeldAction {
 public:
  HeldAction(LinkOwner& owner, RelayLink& link, Action action)
      : owner_(owner), link_(link), action_(std::move(action)) {}
  ~HeldAction() { owner_.on_action(link_, std::move(action_)); }
  HeldAction(const HeldAction&) = delete;
  HeldAction& operator=(const HeldAction&) = delete;
  Action& action() { return action_; }

 private:
  LinkOwner& owner_;
  RelayLink& link_;
  Action action_;
};

}  // namespace

/// A refusal for the time says more once it is known whose clock is wrong.
base::Task<void> RelayLink::explain_clock(std::shared_ptr<RelayLink> self, Action action) {
  HeldAction held(self->context_.owner, *self, std::move(action));
  const bool allow_private = self->context_.owner.may_be_private(self->url_);
  const auto offset = co_await self->context_.documents.clock_of(self->url_, allow_private);
  if (!offset) co_return;
  self->status_.clock = offset;
  const std::string words = describe(*offset);
  if (!words.empty()) *refusal_in(held.action()) += "; " + words;
}

}  // namespace nostr
