// A Connection without a socket: what it asks for, and what it hears.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nostr/client/connection.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr::testing {

inline constexpr MonoTime kNow{std::chrono::hours{1'000}};

inline TargetPtr target(SubKey key, Kind kind = 1) {
  return std::make_shared<const Target>(
      Target{key, kind_filter(kind), std::make_shared<DeliveredIds>(100), {}});
}

/// A connection and everything it has asked for so far.
struct ConnectionFixture {
  Connection connection{"ws://relay"};
  std::vector<std::string> sent;
  std::vector<Action> facts;
  std::vector<std::string> challenges;

  void take() {
    for (Action& action : connection.take_actions()) {
      if (auto* send = std::get_if<act::Send>(&action))
        sent.push_back(send->frame);
      else if (auto* auth = std::get_if<act::Authenticate>(&action))
        challenges.push_back(auth->challenge);
      else
        facts.push_back(std::move(action));
    }
  }
  void hear(RelayMessage message, MonoTime now = kNow) {
    connection.received(message, now);
    take();
  }
  /// The subscription id of the last REQ or COUNT.
  std::string wire() {
    take();
    for (auto it = sent.rbegin(); it != sent.rend(); ++it)
      if (it->starts_with("[\"REQ\"") || it->starts_with("[\"COUNT\"")) {
        const auto begin = it->find(",\"") + 2;
        return it->substr(begin, it->find('"', begin) - begin);
      }
    return "";
  }
  std::size_t sent_count(std::string_view prefix) {
    take();
    return static_cast<std::size_t>(std::ranges::count_if(
        sent, [&](const std::string& frame) { return frame.starts_with(prefix); }));
  }
  template <class T>
  std::vector<T> all() {
    take();
    std::vector<T> out;
    for (const Action& action : facts)
      if (const auto* fact = std::get_if<T>(&action)) out.push_back(*fact);
    return out;
  }
  /// Plays challenge, signature and the relay's yes.
  void authenticate(const std::string& challenge, bool accepted = true) {
    const Event auth = make_event(1, "", kinds::kClientAuth, {{"challenge", challenge}});
    connection.auth_signed(challenge, auth, kNow);
    hear(from_relay::Ok{auth.id, accepted, accepted ? "" : "restricted: not you"});
  }
};

}  // namespace nostr::testing
