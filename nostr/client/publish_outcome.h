// What became of an event at one relay.
#pragma once

#include <string>

#include "nostr/event/message.h"

namespace nostr {

struct PublishOutcome {
  enum class State {
    kAccepted,  ///< OK true, or the relay had it already
    kRejected,  ///< OK false
    kUnknown    ///< no answer: it may or may not be there
  };
  std::string relay;
  State state = State::kUnknown;
  Reason reason = Reason::kNone;
  std::string message;  ///< the relay's words, or why the outcome is unknown
};

}  // namespace nostr
