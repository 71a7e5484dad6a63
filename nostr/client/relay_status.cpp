// Names of relay states, as status pages print them.
#include "nostr/client/relay_status.h"

namespace nostr {

std::string_view name_of(RelayState state) {
  switch (state) {
    case RelayState::kIdle: return "idle";
    case RelayState::kConnecting: return "connecting";
    case RelayState::kOpen: return "open";
    case RelayState::kSuspect: return "suspect";
    case RelayState::kBackingOff: return "backing-off";
    case RelayState::kLeft: return "left";
    case RelayState::kRefused: return "refused";
  }
  return "unknown";
}

std::string_view name_of(AuthStanding standing) {
  switch (standing) {
    case AuthStanding::kNone: return "none";
    case AuthStanding::kOffered: return "offered";
    case AuthStanding::kDone: return "done";
  }
  return "none";
}

}  // namespace nostr
