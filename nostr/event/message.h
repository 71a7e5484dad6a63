// Relay protocol frames as values: what relays send to clients, and what clients send to relays.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "nostr/event/event_json.h"
#include "nostr/event/filter.h"

namespace nostr {

/// The machine-readable prefix of OK and CLOSED messages (NIP-01, NIP-42).
enum class Reason {
  kNone, kDuplicate, kPow, kBlocked, kRateLimited, kInvalid, kRestricted, kMute, kError,
  kAuthRequired, kUnsupported, kOther,
};
/// Splits "prefix: text"; an unknown prefix is kOther.
Reason reason_of(std::string_view message);
/// The prefix as it is written on the wire; "" for kNone, "other" for kOther.
std::string_view reason_name(Reason reason);

/// What a relay says about stored events that it has not sent (NIP-67); most say nothing.
enum class EoseHint {
  kNone,
  kFinish,  ///< there are none
  kMore     ///< there are some: ask for older ones
};

namespace from_relay {
struct EventMessage { std::string sub; Event event; };
struct Ok { EventId id; bool accepted = false; std::string message; };
struct Eose { std::string sub; EoseHint hint = EoseHint::kNone; };
struct Closed { std::string sub; std::string message; };
struct Notice { std::string message; };
struct Auth { std::string challenge; };
/// `hll` is NIP-45's registers as the relay wrote them, or "".
struct Count { std::string sub; std::uint64_t count = 0; bool approximate = false; std::string hll; };
struct NegMessage { std::string sub; std::string payload_hex; };
struct NegError { std::string sub; std::string message; };
}  // namespace from_relay

using RelayMessage =
    std::variant<from_relay::EventMessage, from_relay::Ok, from_relay::Eose, from_relay::Closed,
                 from_relay::Notice, from_relay::Auth, from_relay::Count, from_relay::NegMessage,
                 from_relay::NegError>;

namespace from_client {
struct EventMessage { Event event; };
struct Req { std::string sub; Filters filters; };
struct Close { std::string sub; };
struct Auth { Event event; };
struct Count { std::string sub; Filters filters; };
/// NIP-77 names one filter; NDK sends a list of them, and strfry takes either.
struct NegOpen { std::string sub; Filters filters; std::string payload_hex; };
struct NegMessage { std::string sub; std::string payload_hex; };
struct NegClose { std::string sub; };
}  // namespace from_client

using ClientMessage =
    std::variant<from_client::EventMessage, from_client::Req, from_client::Close, from_client::Auth,
                 from_client::Count, from_client::NegOpen, from_client::NegMessage,
                 from_client::NegClose>;

/// Cheap look at a frame before parsing it: for `["EVENT",sub,{…}]` the subscription and the claimed
/// id, found without a JSON parser; nullopt when the frame is anything else or unusual in form
/// (escapes in the subscription or in a member name, an id that is not 64 lower-case hex).
/// Views point into `frame`. HOT: lets a known id skip parsing and verification. Nothing behind the
/// id has been looked at, so a caller who knows the id uses the event it verified before, never
/// this frame's body.
struct EventFramePeek {
  std::string_view sub;
  std::string_view id_hex;
};
std::optional<EventFramePeek> peek_event_frame(std::string_view frame);

/// What a frame may hold besides an event of EventLimits::max_bytes: verb, subscription, message.
inline constexpr std::size_t kMaxFrameOverhead = 4096;
/// A NIP-77 frame of either side, which holds no event: 500 kB of payload in hex is the most in use.
inline constexpr std::size_t kMaxNegFrameBytes = 1u << 20;
/// NIP-01's bound on a subscription id, in characters.
inline constexpr std::size_t kMaxSubChars = 64;
/// How many filters one REQ or COUNT may carry.
inline constexpr std::size_t kMaxFilters = 64;

/// Parses a relay's frame. kInvalid for anything that is not one of the messages above. Elements
/// behind those a message needs are ignored, as NIPs append them. HOT.
base::Result<RelayMessage> parse_relay_message(std::string_view frame, const EventLimits& limits = {});
/// The same without a copy when `frame` has kJsonPadding spare bytes, as frames from the net have.
base::Result<RelayMessage> parse_relay_message_in_place(const std::string& frame,
                                                        const EventLimits& limits = {});
/// Parses a client's frame, as the embedded relay does. Signatures are not checked here.
/// kUnsupported for a verb that is not one of the messages above, kInvalid for everything else.
base::Result<ClientMessage> parse_client_message(std::string_view frame, const EventLimits& limits = {});

std::string event_frame(const Event& event);
std::string req_frame(std::string_view sub, const Filters& filters);
std::string count_frame(std::string_view sub, const Filters& filters);
std::string close_frame(std::string_view sub);
std::string auth_frame(const Event& event);
std::string neg_open_frame(std::string_view sub, const Filter& filter, std::string_view payload_hex);
std::string neg_message_frame(std::string_view sub, std::string_view payload_hex);  ///< both sides
std::string neg_close_frame(std::string_view sub);

/// The relay's side.
std::string relay_event_frame(std::string_view sub, const Event& event);
std::string ok_frame(const EventId& id, bool accepted, std::string_view message);
std::string eose_frame(std::string_view sub, EoseHint hint = EoseHint::kNone);
std::string closed_frame(std::string_view sub, std::string_view message);
std::string notice_frame(std::string_view message);
std::string auth_challenge_frame(std::string_view challenge);
std::string count_result_frame(std::string_view sub, std::uint64_t count);
/// `max_records` tells the client how large a set it may ask for, after "blocked".
std::string neg_error_frame(std::string_view sub, std::string_view message,
                            std::optional<std::uint64_t> max_records = {});

}  // namespace nostr
