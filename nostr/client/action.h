// What the state machine of one relay wants done or has learnt.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include "nostr/base/result.h"
#include "nostr/client/publish_outcome.h"
#include "nostr/event/message.h"
#include "nostr/nips/nip45.h"

namespace nostr {

/// Numbers the caller chooses, unique per connection.
using SubKey = std::uint64_t;
using Ticket = std::uint64_t;
/// What becomes of an event that was sent when the connection is lost before its OK.
enum class Repeat { kOnce, kNever };

/// Time that no clock setting moves: what deadlines are made of.
using MonoTime = std::chrono::steady_clock::time_point;

namespace act {
struct Send { std::string frame; };
/// Sign a NIP-42 event for `challenge` and hand it to auth_signed().
struct Authenticate { std::string challenge; };
struct Eose { SubKey sub = 0; EoseHint hint = EoseHint::kNone; };
/// The relay ended or does not answer a subscription; `for_good` unless it is asked again later.
struct SubClosed { SubKey sub = 0; std::string message; bool for_good = true; };
/// The relay could not be reached; persistent subscriptions wait, one-shot ones may give up.
struct Unreachable { SubKey sub = 0; std::string reason; };
struct Published { Ticket ticket = 0; PublishOutcome outcome; };
struct Counted { Ticket ticket = 0; base::Result<CountAnswer> count; };
/// NIP-77: the relay's next message in hex, or why there will be none.
struct Negotiated { Ticket ticket = 0; base::Result<std::string> payload_hex; };
/// The socket is open but nobody answers any more: make a new one.
struct Dead { std::string reason; };
}  // namespace act

using Action = std::variant<act::Send, act::Authenticate, act::Eose, act::SubClosed,
                            act::Unreachable, act::Published, act::Counted, act::Negotiated,
                            act::Dead>;

}  // namespace nostr
