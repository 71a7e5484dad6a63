// Wire faults by script: each frame between a client and the relay passes rules that may drop, delay,
// change or answer it. Pure: frames and times in, effects out. nostr/server/README.md shows the use.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"
#include "nostr/event/event.h"
#include "nostr/net/ws_server.h"

namespace nostr {

using base::milliseconds;

enum class Direction { kIn, kOut };  ///< from the client, to the client

namespace fault {

// What happens to the frame itself. A rule that follows sees what these leave of it.
struct Drop {};
/// The frame comes later and so does all behind it.
struct Delay { milliseconds by{0}; milliseconds jitter{0}; };
/// The frame comes later and what is behind it overtakes.
struct Reorder { milliseconds by{100}; };
struct Duplicate { std::size_t copies = 1; };
/// Replaces that many characters by others.
struct Corrupt { std::size_t characters = 1; };
/// Keeps only the first bytes.
struct Truncate { std::size_t keep = 1; };
/// At most that many bytes a second in this direction.
struct Throttle { std::size_t bytes_per_second = 1'000; };
/// Out EVENT: the content is changed, so that neither id nor signature is right.
struct Forge {};
/// Out OK: says the opposite, with this message.
struct FlipOk { std::string message; };
/// Out OK: speaks of another id.
struct WrongId {};

// What takes the place of the frame, said to the client.
/// Any text, in which {sub} and {id} stand for the frame's.
struct Say { std::string frame; };
struct Notice { std::string message; };
/// CLOSED for the frame's subscription, which the relay forgets.
struct Closed { std::string message; };
/// In EVENT: OK false, and the event is not stored.
struct Reject { std::string message; };
/// In EVENT: OK true, and the event is not stored.
struct Swallow {};
/// In NEG-OPEN, NEG-MSG: NEG-ERR.
struct NegError { std::string message; };
/// In EVENT, REQ, COUNT, NEG-OPEN of a client that has not authenticated: "auth-required: …".
struct DemandAuth {};

// What comes on top of the frame.
/// A validly signed event of that kind and a stranger's key, on the frame's subscription.
struct Unmatched { Kind kind = 1; };
/// That many forged events on the frame's subscription.
struct Flood { std::size_t events = 1'000; };
/// A new AUTH challenge; whoever was authenticated no longer is.
struct RotateChallenge { milliseconds after{0}; };
/// The relay neither reads nor writes any more, the TCP connection stays.
struct HalfOpen { milliseconds after{0}; };
/// The relay reads nothing for a while.
struct StopReading { milliseconds lasting{1'000}; };
/// A closing handshake, or a reset without one.
struct Disconnect { milliseconds after{0}; bool reset = false; };
/// Resets every connection; nobody listens during `pause`.
struct Restart { milliseconds after{0}; milliseconds pause{0}; };

}  // namespace fault

using Fault = std::variant<fault::Drop, fault::Delay, fault::Reorder, fault::Duplicate, fault::Corrupt,
                           fault::Truncate, fault::Throttle, fault::Forge, fault::FlipOk, fault::WrongId,
                           fault::Say, fault::Notice, fault::Closed, fault::Reject, fault::Swallow,
                           fault::NegError, fault::DemandAuth, fault::Unmatched, fault::Flood,
                           fault::RotateChallenge, fault::HalfOpen, fault::StopReading, fault::Disconnect,
                           fault::Restart>;

/// The verb of a connection's beginning, before any frame: only what comes on top applies.
inline constexpr std::string_view kConnectVerb = "CONNECT";

/// Which frames a rule is about; absent members match everything.
struct FaultMatch {
  Direction direction = Direction::kOut;
  std::string verb;                         ///< "EVENT", "REQ", … or kConnectVerb
  std::string sub;                          ///< subscription id
  std::vector<Kind> kinds;                  ///< of the event, of the event an OK is about, or in a filter
  std::optional<std::uint64_t> connection;  ///< 1 is the first since the relay's start
  std::uint64_t from_connection = 1;        ///< that one and all later
  milliseconds after{0};                    ///< since the connection began
  std::optional<milliseconds> lasting;      ///< from `after` on

  // Of the frames that match so far:
  enum class Scope { kRelay, kConnection, kSubscription };
  Scope per = Scope::kRelay;  ///< what the following count
  std::uint64_t nth = 0;      ///< only the n-th, from 1
  std::uint64_t every = 0;    ///< only every k-th
  std::uint64_t times = 0;    ///< only the first so many of those
  double probability = 1;     ///< then, by the seed
};

struct FaultRule {
  FaultMatch match;
  Fault fault;
};

namespace effect {
struct ToClient { std::string frame; };
struct ToRelay { std::string frame; };
struct RotateChallenge {};
struct HalfOpen {};
struct StopReading { milliseconds lasting{0}; };
struct Disconnect { bool reset = false; };
struct Restart { milliseconds pause{0}; };
}  // namespace effect

/// What the relay has to do about one connection, `delay` from now. Equal delays keep their order.
struct Effect {
  milliseconds delay{0};
  std::variant<effect::ToClient, effect::ToRelay, effect::RotateChallenge, effect::HalfOpen,
               effect::StopReading, effect::Disconnect, effect::Restart>
      what;
};

/// The rules and what they have counted. One thread.
class FaultEngine {
 public:
  using RuleId = std::uint64_t;
  explicit FaultEngine(std::uint64_t seed = 1);

  /// Rules apply in the order of their ids, which are never used again.
  RuleId add(FaultRule rule);
  bool remove(RuleId id);
  void clear();
  bool empty() const { return rules_.empty(); }
  /// How many frames a rule has hit.
  std::uint64_t hits(RuleId id) const;

  /// Where a frame is met. `now` is any clock that does not go back.
  struct Context {
    ConnectionId connection = 0;
    Direction direction = Direction::kOut;
    bool authenticated = false;
    milliseconds now{0};
    UnixTime wall_clock{};  ///< for events of the engine's own
  };
  /// Numbers the connection and applies the rules for CONNECT.
  std::vector<Effect> on_connect(ConnectionId connection, milliseconds now, UnixTime wall_clock);
  std::vector<Effect> on_frame(const Context& context, std::string frame);
  void on_disconnect(ConnectionId connection);

 private:
  struct Connection {
    std::uint64_t number = 0;
    milliseconds began{0};
    milliseconds busy_until[2] = {};                ///< by direction: frames in order wait for it
    std::map<std::string, Kind> published;          ///< ids of events on their way to an OK
  };
  struct Rule {
    struct Count {
      std::uint64_t matches = 0;
      std::uint64_t hits = 0;
    };
    FaultRule rule;
    std::map<std::string, Count> counts;            ///< by scope
    std::uint64_t hits = 0;
  };
  struct Subject;
  struct Passage;
  friend struct Passage;

  std::vector<Effect> apply(const Context& context, Connection& connection, const Subject& subject,
                            std::optional<std::string> frame);
  bool is_hit(Rule& rule, const Subject& subject, const Context& context,
              const Connection& connection);

  base::SeededRng rng_;
  SecretKey stranger_;
  std::map<RuleId, Rule> rules_;
  RuleId last_rule_ = 0;
  std::uint64_t last_number_ = 0;
  std::unordered_map<ConnectionId, Connection> connections_;
};

}  // namespace nostr
