// What became of an event at one relay.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/message.h"

namespace nostr {

struct PublishOutcome {
  enum class State {
    kAccepted,  ///< OK true, or the relay had it already
    kRejected,  ///< OK false
    kUnknown,   ///< sent, no answer: it may or may not be there
    kUnsent     ///< never left us: certainly not there
  };
  std::string relay;
  State state = State::kUnknown;
  Reason reason = Reason::kNone;
  std::string message;  ///< the relay's words, or why there are none
};

/// "accepted", "rejected", "unknown", "unsent".
std::string_view state_name(PublishOutcome::State state);

/// How a relay asked us to wait: "retry after 30 s", "try again in 5 minutes". One second to an hour;
/// nullopt when the words name no time. Pure.
std::optional<std::chrono::seconds> retry_hint(std::string_view message);
/// Whether a refusal is about created_at: too old, too new, outside the relay's window. Pure.
bool says_wrong_time(std::string_view message);

}  // namespace nostr
