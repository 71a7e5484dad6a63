// NIP-11: the relay information document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/keys.h"

namespace nostr {

/// What a relay says it enforces; absent means it does not say.
struct RelayLimitation {
  std::optional<std::int64_t> max_message_length;  ///< bytes of a frame
  std::optional<std::int64_t> max_subscriptions;
  std::optional<std::int64_t> max_filters;         ///< per REQ
  std::optional<std::int64_t> max_limit;           ///< events per filter
  std::optional<std::int64_t> max_subid_length;
  std::optional<std::int64_t> max_event_tags;
  std::optional<std::int64_t> max_content_length;
  std::optional<std::int64_t> created_at_lower_limit;  ///< seconds into the past
  std::optional<std::int64_t> created_at_upper_limit;  ///< seconds into the future
  std::optional<bool> auth_required;
  std::optional<bool> payment_required;
  std::optional<bool> restricted_writes;
  friend bool operator==(const RelayLimitation&, const RelayLimitation&) = default;
};

struct RelayInfo {
  std::string name;
  std::string description;
  std::optional<PublicKey> pubkey;  ///< the administrator
  std::optional<PublicKey> self;    ///< the relay's own key
  std::string contact;
  std::vector<int> supported_nips;  ///< ascending when built
  std::string software;
  std::string version;
  RelayLimitation limitation;
  friend bool operator==(const RelayInfo&, const RelayInfo&) = default;
};

/// The JSON document; empty members are left out.
std::string build_relay_info(const RelayInfo& info);
/// Liberal: members of a wrong type count as absent. kInvalid when `json` is no object or too large.
base::Result<RelayInfo> parse_relay_info(std::string_view json);

}  // namespace nostr
