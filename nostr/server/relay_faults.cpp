// How the relay obeys its fault rules: every frame passes the engine, and what comes of it is carried out
// at its time.
#include <algorithm>
#include <utility>

#include "nostr/base/log.h"
#include "nostr/base/loop_timer.h"
#include "nostr/server/relay_impl.h"

namespace nostr {
namespace {

constexpr std::size_t kMaxPostponed = 16u << 20;  ///< bytes that faults hold back for one client
constexpr milliseconds kListenAgain{200};         ///< after the port was taken meanwhile

/// Faults need only differences of time.
milliseconds steady_now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
}

template <class... Fs>
struct Overload : Fs... {
  using Fs::operator()...;
};

std::size_t size_of(const Effect& effect) {
  if (const auto* to = std::get_if<effect::ToClient>(&effect.what)) return to->frame.size();
  if (const auto* to = std::get_if<effect::ToRelay>(&effect.what)) return to->frame.size();
  return 0;
}

}  // namespace

/// Numbers a new connection and does what its beginning asks for.
void Relay::Impl::begin(ConnectionId connection) {
  const milliseconds now = steady_now();
  carry_out(connection, faults.on_connect(connection, now, clock.now()), now);
}

FaultEngine::Context Relay::Impl::context_of(ConnectionId connection, Direction direction,
                                             milliseconds now) {
  const auto found = clients.find(connection);
  return {.connection = connection,
          .direction = direction,
          .authenticated = found != clients.end() && found->second.session.is_authenticated(),
          .now = now,
          .wall_clock = clock.now()};
}

/// Takes one frame through the rules. One look at the clock: what the rules put behind another frame
/// by that time must not find it still waiting.
void Relay::Impl::pass(ConnectionId connection, Direction direction, std::string frame) {
  const milliseconds now = steady_now();
  release_due(now);  // what was to come before it
  if (!clients.contains(connection)) return;
  carry_out(connection, faults.on_frame(context_of(connection, direction, now), std::move(frame)), now);
}

void Relay::Impl::carry_out(ConnectionId connection, std::vector<Effect> effects,
                            milliseconds now) {
  for (Effect& effect : effects) {
    if (effect.delay > milliseconds{0})
      postpone(connection, std::move(effect), now);
    else
      carry_out_now(connection, effect);
  }
}

void Relay::Impl::carry_out_now(ConnectionId connection, Effect& effect) {
  std::visit(Overload{
                 [&](effect::ToClient& to) { write(connection, std::move(to.frame)); },
                 [&](effect::ToRelay& to) { answer(connection, to.frame); },
                 [&](effect::RotateChallenge) { rotate_challenge(connection); },
                 [&](effect::HalfOpen) {
                   const auto found = clients.find(connection);
                   if (found == clients.end()) return;
                   found->second.half_open = true;
                   hold_reading(connection, true);
                 },
                 [&](effect::StopReading stop) {
                   hold_reading(connection, true);
                   call_later(stop.lasting, [connection](Impl& self) {
                     const auto found = self.clients.find(connection);
                     if (found != self.clients.end() && !found->second.half_open)
                       self.hold_reading(connection, false);
                   });
                 },
                 [&](effect::Disconnect end) {
                   if (server && end.reset) server->abort(connection);
                   if (server && !end.reset) server->disconnect(connection);
                 },
                 // Not from within a walk over all clients.
                 [&](effect::Restart again) {
                   call_later(milliseconds{0}, [again](Impl& self) { self.restart(again.pause); });
                 },
             },
             effect.what);
}

void Relay::Impl::postpone(ConnectionId connection, Effect effect, milliseconds now) {
  const auto found = clients.find(connection);
  if (found == clients.end()) return;
  found->second.postponed += size_of(effect);
  if (found->second.postponed > kMaxPostponed) {
    LOG(kInfo, "relay", "too much held back, connection dropped",
        {{"connection", std::to_string(connection)}});
    if (server) server->abort(connection);
    return;
  }
  const milliseconds delay = effect.delay;
  postponed.emplace(now + delay, Postponed{connection, std::move(effect)});
  call_later(delay, [](Impl& self) { self.release_due(steady_now()); });
}

void Relay::Impl::release_due(milliseconds now) {
  while (!postponed.empty() && postponed.begin()->first <= now) {
    Postponed item = std::move(postponed.begin()->second);
    postponed.erase(postponed.begin());
    const auto found = clients.find(item.connection);
    if (found == clients.end()) continue;
    const bool was_full = found->second.postponed >= kHighWater;
    found->second.postponed -= std::min(found->second.postponed, size_of(item.effect));
    const bool is_full = found->second.postponed >= kHighWater;
    carry_out_now(item.connection, item.effect);
    if (!was_full || is_full) continue;
    make_runnable(item.connection);
    const std::lock_guard lock(mutex);
    schedule_locked();
  }
}

void Relay::Impl::call_later(milliseconds delay, std::function<void(Impl&)> what) {
  base::call_after(loop, delay, [weak = weak_from_this(), what = std::move(what)] {
    const auto self = weak.lock();
    if (self && !self->stopped) what(*self);
  });
}

void Relay::Impl::rotate_challenge(ConnectionId connection) {
  const auto found = clients.find(connection);
  if (found == clients.end()) return;
  write(connection, found->second.session.rotate_challenge(rng.hex(16)));
}

void Relay::Impl::hold_reading(ConnectionId connection, bool hold) {
  const std::lock_guard lock(mutex);
  const auto found = unhandled.find(connection);
  if (found == unhandled.end() || !server) return;
  found->second.held = hold;
  server->set_reading(connection, !hold && found->second.bytes < kPauseReading);
}

void Relay::Impl::restart(milliseconds pause) {
  std::unique_ptr<WsServer> old;
  {
    const std::lock_guard lock(mutex);
    old = std::move(server);
  }
  if (!old) return;  // a pause is on already
  old->abort_all();  // waits for the net thread, which may want the lock
  old.reset();
  clients.clear();
  runnable.clear();
  postponed.clear();
  call_later(pause, [](Impl& self) { self.listen_again(); });
}

void Relay::Impl::listen_again() {
  const auto listening = listen(port);
  if (listening) return;
  LOG(kWarn, "relay", "cannot listen again yet", {{"reason", listening.error().detail}});
  call_later(kListenAgain, [](Impl& self) { self.listen_again(); });
}

}  // namespace nostr
