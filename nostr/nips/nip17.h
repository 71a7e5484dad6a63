// NIP-17: private messages as rumors, and the list of relays an inbox is read from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event.h"
#include "nostr/nips/nip10.h"

namespace nostr {

/// A kind 14 message, before sealing or after opening.
struct PrivateMessage {
  PublicKey from;
  std::vector<PublicKey> to;
  std::string subject;
  std::vector<EventRef> refs;  ///< the `e` tags: what it answers, in tag order
  std::string text;
  UnixTime at;
};

/// The rumor of `message`: the thing to wrap once per recipient (and once for the sender).
UnsignedEvent build_private_message(const PrivateMessage& message);
/// kInvalid unless `rumor` is a kind 14. Malformed tags are ignored.
base::Result<PrivateMessage> parse_private_message(const UnsignedEvent& rumor);

/// Kind 10050 naming the inbox relays. Without one, NIP-17 clients refuse to send.
Draft build_dm_relays(const std::vector<std::string>& relays, UnixTime at);
/// Relay URLs of a kind 10050, at most 16, malformed ones left out. kInvalid for another kind.
base::Result<std::vector<std::string>> parse_dm_relays(const Event& event);

}  // namespace nostr
