// Sealing, opening and the loop that drives a ceremony.
#include "frostr/ceremony/room.h"

#include <utility>

#include "frostr/wire/transport.h"
#include "nostr/base/log.h"
#include "nostr/event/kinds.h"

namespace frostr {

using base::Result;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kTick{1'000};
constexpr milliseconds kConnectWait{5'000};
constexpr milliseconds kLeaveWait{3'000};
// A party may repeat itself, not fill our memory: what is dropped it says again.
constexpr std::size_t kMaxIncoming = 1'024;
constexpr std::size_t kMaxInFlight = 1'024;

}  // namespace

CeremonyRoom::CeremonyRoom(Deps deps, nostr::SecretKey self, Options options)
    : deps_(deps),
      self_(std::move(self)),
      options_(std::move(options)),
      arrived_(deps_.loop),
      connected_(deps_.loop),
      scope_(deps_.loop) {}

CeremonyRoom::~CeremonyRoom() = default;

void CeremonyRoom::subscribe() {
  nostr::Filter filter;
  for (const nostr::PublicKey& party : options_.parties)
    if (party != self_.public_key()) filter.authors.push_back(party);
  filter.kinds = {nostr::kinds::kBifrost};
  filter.tags['p'] = {self_.public_key().hex()};
  nostr::SubscriptionCallbacks callbacks;
  callbacks.on_events = [this](std::span<const nostr::Delivery> events) {
    for (const nostr::Delivery& delivery : events) on_event(*delivery.event);
  };
  callbacks.on_eose = [this](const std::string&) {
    is_connected_ = true;
    connected_.notify();
  };
  subscription_ = deps_.pool.subscribe(options_.relays, {std::move(filter)}, std::move(callbacks));
}

void CeremonyRoom::on_event(const nostr::Event& event) {
  if (incoming_.size() == kMaxIncoming) return;
  auto text = open(event);
  if (!text) {
    LOG(kDebug, "ceremony", "message dropped", {{"why", text.error().detail}});
    return;
  }
  incoming_.push_back({event.pubkey, *std::move(text)});
  arrived_.notify();
}

// Id, signature and author are checked when the pool delivers. created_at is not looked at: a replayed
// message changes nothing, and clocks need not agree.
Result<std::string> CeremonyRoom::open(const nostr::Event& event) const {
  return open_sealed(event, self_, deps_.clock.now(), std::nullopt);
}

Task<Result<void>> CeremonyRoom::run(Ceremony& ceremony) {
  subscribe();
  if (!is_connected_ && !co_await connected_.wait_for(kConnectWait))
    tell("no relay answers yet; still trying");
  Result<void> going;
  auto next_tick = steady_clock::now();
  while (going && !ceremony.over()) {
    going = hand_over(ceremony);
    if (going && steady_clock::now() >= next_tick) {
      next_tick = steady_clock::now() + kTick;
      going = send(ceremony.tick(deps_.clock.now()));
    }
    if (!going || ceremony.over()) break;
    tell(ceremony.waiting_for());
    if (incoming_.empty()) {
      const auto pause = std::chrono::duration_cast<milliseconds>(next_tick - steady_clock::now());
      co_await arrived_.wait_for(std::max(pause, milliseconds{1}));
    }
  }
  co_await leave();
  co_return going;
}

Result<void> CeremonyRoom::hand_over(Ceremony& ceremony) {
  while (!incoming_.empty()) {
    const Incoming next = std::move(incoming_.front());
    incoming_.pop_front();
    TRY(send(ceremony.receive(next.from, next.text)));
  }
  return {};
}

Result<void> CeremonyRoom::send(std::vector<CeremonyMail> mail) {
  if (mail.empty()) return {};
  if (options_.before_send) TRY(options_.before_send());
  for (CeremonyMail& one : mail) {
    if (scope_.running() >= kMaxInFlight) return {};  // it will be said again
    TRY(nostr::Event event,
        seal_message(self_, one.to, one.text, deps_.clock.now(), deps_.rng));
    base::wipe(one.text);
    scope_.spawn("ceremony message", publish(std::move(event)));
  }
  return {};
}

Task<void> CeremonyRoom::publish(nostr::Event event) {
  const auto outcomes = co_await deps_.pool.publish(options_.relays, std::move(event));
  for (const nostr::PublishOutcome& outcome : outcomes)
    if (outcome.state != nostr::PublishOutcome::State::kAccepted)
      LOG(kDebug, "ceremony", "a relay did not take a message",
          {{"relay", outcome.relay}, {"why", outcome.message}});
}

void CeremonyRoom::tell(std::string line) {
  if (line.empty() || line == told_) return;
  told_ = std::move(line);
  if (options_.progress) options_.progress(told_);
}

/// The last word is on its way for a moment after the end.
Task<void> CeremonyRoom::leave() {
  const auto deadline = steady_clock::now() + kLeaveWait;
  while (scope_.running() > 0 && steady_clock::now() < deadline)
    co_await base::sleep_for(milliseconds{5});
  subscription_.reset();
  co_await scope_.stop();
}

}  // namespace frostr
