// NIP-05: names at domains — what to ask, and how to read the answer. Nothing here touches the
// network.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// `name@domain`; a bare domain means `_@domain`.
struct InternetIdentifier {
  std::string name;    ///< lower case
  std::string domain;  ///< lower case, perhaps with a port
  friend bool operator==(const InternetIdentifier&, const InternetIdentifier&) = default;
};

/// Liberal in case, strict in characters: name a-z 0-9 - _ . (and +, which some servers give out),
/// domain a host name with a dot, or localhost. kInvalid otherwise, or over 320 bytes.
base::Result<InternetIdentifier> parse_identifier(std::string_view text);
/// As people see it: the domain alone for the root name.
std::string display_identifier(const InternetIdentifier& identifier);
/// What to GET. The answer counts only without a redirect (NIP-05 "Security Constraints").
std::string identifier_url(const InternetIdentifier& identifier);

/// What a domain says about a name.
struct NamedKey {
  PublicKey pubkey;
  std::vector<std::string> relays;         ///< where to find this key, at most 16
  std::vector<std::string> signer_relays;  ///< where its remote signer listens (NIP-46), at most 16
  friend bool operator==(const NamedKey&, const NamedKey&) = default;
};
/// Reads a nostr.json. The name is looked up as asked, then without regard to case. kNotFound when
/// it is not in it, kInvalid when its key is no lower-case hex, or the document is none or over 1
/// MiB.
base::Result<NamedKey> find_name(std::string_view nostr_json, std::string_view name);

}  // namespace nostr
