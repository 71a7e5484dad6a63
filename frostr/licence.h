// Licences (39220, NIP-SA 3.8) as a co-signer sees them: live or not, from the event alone and from
// what stands at its address now.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "nostr/event/event.h"

namespace frostr {

inline constexpr nostr::Kind kLicenceKind = 39220;

enum class LicenceState {
  kNone,     ///< no such licence by an issuer the policy trusts
  kLive,
  kExpired,  ///< its time is up, has not begun, or cannot be read
  kRevoked,  ///< it says so, its issuer deleted it or put another in its place
  kExhausted,    ///< metered, and every use was admitted
  kRateLimited,  ///< as many uses today as it allows in a day
};
std::string_view licence_state_name(LicenceState state);

/// What `licence` says about itself at `now`. The date wins over the type: a perpetual licence with
/// a past date is expired. An unknown type or status is not live.
LicenceState licence_state(const nostr::Event& licence, base::UnixTime now);

/// The same, knowing what the co-signer has seen: `deleted` by its issuer, or another licence
/// (`head`) at the same address, which must say the same content key to keep this one alive.
LicenceState licence_state(const nostr::Event& licence, const std::optional<nostr::Event>& head,
                           bool deleted, base::UnixTime now);

/// How often a licence was used, as this co-signer counted.
struct LicenceUse {
  std::uint64_t all = 0;
  std::uint64_t today = 0;   ///< since midnight, UTC
  bool counted = false;      ///< the use asked for is among them, and may be repeated
};
/// kExhausted or kRateLimited when `licence` limits its uses and they are up, kExpired when its limits
/// cannot be read, else kLive. One that says it is metered and not by what admits nothing.
LicenceState licence_meter(const nostr::Event& licence, const LicenceUse& use);

/// Whether `licence` is one for `agent`.
bool licence_is_for(const nostr::Event& licence, const nostr::PublicKey& agent);
/// Whether the content of `licence` is encrypted to `key`.
bool names_content_key(const nostr::Event& licence, const nostr::PublicKey& key);

}  // namespace frostr
