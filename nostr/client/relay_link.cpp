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
/// How often a live connection looks whether a refused subscription is due again.
constexpr milliseconds kTick{5'000};

milliseconds ceil_ms(std::chrono::steady_clock::duration duration) {
  return std::max(std::chrono::ceil<milliseconds>(duration), milliseconds{0});
}

}  // namespace

RelayLink::RelayLink(std::string url, LinkContext context)
    : url_(std::move(url)), context_(std::move(context)), connection_(url_), wake_(context_.loop) {
  status_.url = url_;
  signer_changed();
}

RelayLink::~RelayLink() { disconnect(); }

void RelayLink::signer_changed() {
  connection_.set_can_auth(context_.owner.signer_for(url_) != nullptr);
}

RelayStatus RelayLink::status() const { return status_; }

std::string RelayLink::left_because() const {
  return Steady::now() < left_until_ ? status_.last_error : std::string{};
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

base::Task<void> RelayLink::run_attempt() {
  connect();
  auto needed_at = Steady::now();
  while (socket_) {
    const milliseconds idle_close = context_.options.idle_close;
    co_await wake_.wait_for(std::min(kTick, idle_close));
    if (!socket_) break;
    connection_.tick(context_.clock.now());
    pump();
    if (connection_.wanted()) needed_at = Steady::now();
    if (socket_ && Steady::now() - needed_at >= idle_close) {
      disconnect();
      connection_.closed("closed for want of use");
      status_.connected = false;
    }
  }
}

void RelayLink::connect() {
  attempted_at_ = Steady::now();
  counts_of_connection_ = {};
  const IntakeLimits limits{.max_bad_frames = context_.options.max_bad_frames};
  intake_ = std::make_shared<Intake>(
      context_.loop, context_.workers, context_.verifier, limits,
      [this](IntakeBatch batch) { on_batch(std::move(batch)); });
  WsClientOptions socket = context_.options.socket;
  if (!context_.owner.may_be_private(url_)) socket.allow_private_addresses = false;
  socket_ = std::make_unique<WsClient>(context_.net, url_, intake_, socket);
  intake_->attach([socket = socket_.get()](bool on) { socket->set_reading(on); });
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
  status_.connected = false;
  connection_.give_up(reason);
  connection_.closed(reason);
  pump();
}

// --- what arrives ---

void RelayLink::on_batch(IntakeBatch batch) {
  // The owner's callbacks may drop the last reference to this link.
  const auto self = shared_from_this();
  status_.events += batch.counts.verified;
  status_.duplicates += batch.counts.duplicates;
  status_.rejected += batch.counts.bad();
  status_.dropped += batch.counts.dropped;
  counts_of_connection_ += batch.counts;
  const std::shared_ptr<Intake> current = intake_;

  std::vector<Arrival> arrivals;
  for (IntakeItem& item : batch.items) {
    if (auto* event = std::get_if<IntakeEvent>(&item)) {
      const bool stored = connection_.before_eose(event->target->subscription);
      arrivals.push_back({std::move(event->target), std::move(event->event), stored});
      continue;
    }
    flush_arrivals(arrivals);
    // A callback may have ended this connection; the rest of the batch is then void.
    if (intake_ != current) return;
    if (auto* message = std::get_if<RelayMessagePtr>(&item)) {
      on_message(std::move(**message));
    } else if (std::holds_alternative<IntakeOpened>(item)) {
      status_.connected = true;
      status_.attempts = 0;
      status_.connected_since = context_.clock.now();
      connected_at_ = Steady::now();
      connection_.opened();
      pump();
    } else if (auto* closed = std::get_if<IntakeClosed>(&item)) {
      on_socket_closed(closed->reason);
    }
    if (intake_ != current) return;
  }
  flush_arrivals(arrivals);
  if (batch.hostile && intake_ == current) leave(counts_of_connection_);
}

void RelayLink::flush_arrivals(std::vector<Arrival>& arrivals) {
  if (arrivals.empty()) return;
  const std::vector<Arrival> batch = std::exchange(arrivals, {});
  context_.owner.on_arrivals(*this, batch);
}

void RelayLink::on_message(RelayMessage message) {
  if (const auto* notice = std::get_if<from_relay::Notice>(&message))
    LOG(kDebug, "relay", "notice", {{"url", url_}, {"text", notice->message.substr(0, 200)}});
  connection_.received(message, context_.clock.now());
  pump();
}

void RelayLink::on_socket_closed(const std::string& reason) {
  const bool was_open = std::exchange(status_.connected, false);
  disconnect();
  status_.last_error = reason;
  if (!was_open) ++status_.attempts;
  const bool lasted = was_open && Steady::now() - connected_at_ >= kLasting;
  failures_ = lasted ? 1 : failures_ + 1;
  const auto& options = context_.options;
  next_attempt_ = Steady::now() + backoff_delay(failures_, {options.backoff_initial, options.backoff_max},
                                                context_.rng);
  LOG(kDebug, "relay", "closed", {{"url", url_}, {"reason", reason}});
  connection_.closed(reason);
  pump();
  wake_.notify();
}

void RelayLink::leave(const IntakeCounts& counts) {
  const std::string reason = fmt::format("left after bad frames: {} malformed, {} forged, {} unmatched",
                                         counts.malformed, counts.forged, counts.unmatched);
  LOG(kWarn, "relay", "left", {{"url", url_}, {"reason", reason}});
  status_.connected = false;
  status_.last_error = reason;
  left_until_ = Steady::now() + context_.options.leave_for;
  disconnect();
  connection_.give_up(reason);
  connection_.closed(reason);
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
      if (auto* send = std::get_if<act::Send>(&action)) {
        if (!socket_) continue;
        const auto sent = socket_->send(std::move(send->frame));
        // A full queue means the relay has stopped reading. A closed socket reports itself.
        if (!sent && sent.error().code == base::Errc::kLimit) on_socket_closed(sent.error().detail);
      } else if (auto* auth = std::get_if<act::Authenticate>(&action)) {
        context_.scope.spawn("nip-42 " + url_, authenticate(shared_from_this(), std::move(auth->challenge)));
      } else {
        context_.owner.on_action(*this, std::move(action));
      }
    }
  }
}

base::Task<void> RelayLink::authenticate(std::shared_ptr<RelayLink> self, std::string challenge) {
  Signer* signer = self->context_.owner.signer_for(self->url_);
  base::Result<Event> event = base::fail(base::Errc::kDenied, "no key answers for this relay");
  if (signer != nullptr) {
    Draft draft = build_auth(challenge, self->url_, self->context_.clock.now());
    event = co_await signer->sign(std::move(draft));
  }
  self->connection_.auth_signed(challenge, std::move(event), self->context_.clock.now());
  self->pump();
}

}  // namespace nostr
