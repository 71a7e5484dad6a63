// What approval and node tests share: a relay on loopback, and operators who talk through it as
// ordinary clients do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nostr/base/workers.h"
#include "nostr/client/pool.h"
#include "nostr/server/relay.h"
#include "storage/events.h"
#include "storage/schema.h"

namespace orchestration::testing {

/// The value, or the end of the test with the error's words.
template <class T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << base::errc_name(result.error().code) << ": " << result.error().detail;
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class T>
base::Errc errc_of(const base::Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? base::Errc::kInternal : result.error().code;
}

/// A message as an operator's client would show it.
struct Shown {
  std::string channel;  ///< "nip17" or "nip04"
  nostr::EventId id;    ///< what a reply or reaction refers to
  nostr::PublicKey from;
  std::string text;
};

/// An embedded relay with everything that speaks to it. The clock moves only when told to; waits are
/// on conditions, never on time.
class RelayWorld {
 public:
  RelayWorld();
  ~RelayWorld();
  std::string url() const { return relay->url(); }
  /// Takes the relay away, and brings one with the same port and store back.
  void relay_down();
  void relay_up();
  /// Runs the loop until `condition` holds; a test failure after a long silence.
  void until(const std::function<bool()>& condition);
  /// Runs the loop until whatever is under way over loopback has come through: a marker published
  /// now has been read back.
  void settle();

  base::Loop loop;
  base::ManualClock clock{base::unix_time(1'760'000'000)};
  base::SystemRng rng;
  nostr::NetThread net;
  base::Workers workers{2};
  nostr::Pool pool;
  std::unique_ptr<storage::Db> relay_db;
  storage::EventDb relay_store;
  std::unique_ptr<nostr::Relay> relay;

 private:
  std::uint16_t port_ = 0;
  int markers_ = 0;
};

/// Somebody with an ordinary key and an ordinary client.
class Person {
 public:
  explicit Person(RelayWorld& world) : world_(world), key_(nostr::SecretKey::generate(world.rng)) {}

  nostr::PublicKey pubkey() const { return key_.public_key(); }
  const nostr::SecretKey& key() const { return key_; }
  /// Publishes a 10050 naming the world's relay: from now on messages arrive as NIP-17.
  void open_inbox();

  /// Every message to this person on the relay, oldest first.
  std::vector<Shown> inbox();
  /// Waits until `count` messages are there, then returns them.
  std::vector<Shown> wait_inbox(std::size_t count);

  /// NIP-17 message; `refers_to` becomes an `e` tag with marker reply. Returns the rumor id.
  nostr::EventId write(const nostr::PublicKey& to, std::string text, std::vector<nostr::EventId> refers_to = {},
                       std::chrono::seconds later = {});
  /// The rumor of write(), for sending twice.
  nostr::UnsignedEvent compose(const nostr::PublicKey& to, std::string text, std::vector<nostr::EventId> refers_to = {},
                               std::chrono::seconds later = {}) const;
  void send_wrapped(const nostr::UnsignedEvent& rumor, const nostr::PublicKey& to);
  /// NIP-04 message; the event's id.
  nostr::EventId write_legacy(const nostr::PublicKey& to, std::string_view text);
  /// Any public event of this person; its id.
  nostr::EventId publish(nostr::Kind kind, nostr::Tags tags, std::string content, std::chrono::seconds later = {});
  void publish(const nostr::Event& event);

 private:
  RelayWorld& world_;
  nostr::SecretKey key_;
};

}  // namespace orchestration::testing
