// How it stands with one relay, as a value: for status pages, doctor and policy.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/base/clock.h"
#include "nostr/client/clock_offset.h"
#include "nostr/client/relay_limits.h"

namespace nostr {

enum class RelayState {
  kIdle,        ///< nobody needs it
  kConnecting,
  kOpen,
  kSuspect,     ///< open but silent; asked whether it is there
  kBackingOff,  ///< waits for the next attempt, at `until`
  kLeft,        ///< misbehaved; not spoken to before `until`
  kRefused,     ///< our own policy forbids its address; looked at again at `until`
};
std::string_view name_of(RelayState state);

/// Whether this connection is known to the relay by a key (NIP-42).
enum class AuthStanding {
  kNone,     ///< it has not asked
  kOffered,  ///< it sent a challenge, which nothing needed to be answered so far, or which was refused
  kDone,     ///< it took our answer
};
std::string_view name_of(AuthStanding standing);

struct RelayStatus {
  std::string url;
  RelayState state = RelayState::kIdle;
  std::optional<base::UnixTime> until;
  bool connected = false;
  AuthStanding auth = AuthStanding::kNone;
  std::uint64_t auths = 0;          ///< challenges answered to its content, since the relay is known
  std::uint64_t auths_failed = 0;   ///< not answered, or answered in vain
  std::uint32_t attempts = 0;       ///< consecutive failed connection attempts
  std::uint32_t left = 0;           ///< times it was left for misbehaving
  std::uint64_t connections = 0;    ///< made since the relay is known
  std::string last_error;           ///< why the last connection ended, or could not be made
  std::string last_refusal;         ///< the relay's words when it last refused a REQ or an event
  std::uint64_t events = 0;         ///< verified events received, copies not counted
  std::uint64_t duplicates = 0;
  std::uint64_t rejected = 0;       ///< the three that follow
  std::uint64_t malformed = 0;      ///< no relay message, or over a limit
  std::uint64_t forged = 0;         ///< id or signature is wrong
  std::uint64_t unmatched = 0;      ///< nobody asked for it
  std::uint64_t other_tags = 0;     ///< asked for but for its tags; not handed over, and forgiven for long
  std::uint64_t dropped = 0;        ///< not looked at: the relay sent faster than we can check
  base::UnixTime connected_since;
  std::optional<base::UnixTime> last_event;
  std::optional<base::UnixTime> last_frame;  ///< anything it said
  std::optional<base::UnixTime> last_eose;
  std::optional<std::chrono::microseconds> latency;  ///< of the last ping
  std::optional<base::UnixTime> slow_until;  ///< events are held back: the relay asked for it
  std::size_t waiting = 0;          ///< REQs that wait for a place, or take turns
  RelayLimits limits;               ///< published or learnt
  std::optional<ClockOffset> clock; ///< what its HTTP server says of our clock
};

}  // namespace nostr
