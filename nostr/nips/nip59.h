// NIP-59: rumor → seal (kind 13) → gift wrap (kind 1059). The wrap hides who, the seal proves who.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/rng.h"
#include "nostr/event/event.h"

namespace nostr {

/// Seal and wrap are dated up to this far into the past; subscribe to 1059 with that much slack.
inline constexpr std::chrono::seconds kWrapBackdate{172'800};

/// A message that came out of a wrap.
struct Rumor {
  UnsignedEvent event;
  EventId id;             ///< recomputed, whatever the sender claimed
  PublicKey seal_author;  ///< equals event.pubkey
};

/// Wraps `rumor` for `to`: sealed by `sender`, wrapped by a one-time key, both dated at random
/// within kWrapBackdate before `now`. `rumor.pubkey` must be the sender's. kInvalid when too long
/// for NIP-44, kCrypto when `to` is not on the curve. Source: NIP-59, NIP-17 "Kind 14".
base::Result<Event> wrap_rumor(const UnsignedEvent& rumor, const SecretKey& sender, const PublicKey& to,
                               UnixTime now, base::Rng& rng);
/// Opens a wrap addressed to `self`. Checks in order: kind and signature of the wrap, signature of
/// the seal, that the rumor's author is the seal's. A forged author is kCrypto, garbage kInvalid.
base::Result<Rumor> unwrap(const Event& wrap, const SecretKey& self);

// The steps, for recipients whose key is not at hand (see signer/gift_wrap.h).

/// The seal inside a wrap addressed to `self`: what its author signed. Checks as unwrap() does.
base::Result<Event> open_wrap(const Event& wrap, const SecretKey& self);
/// Kind and signature of a wrap.
base::Result<void> check_wrap(const Event& wrap);
/// Parses the opened wrap: a kind 13 with a valid id and signature.
base::Result<Event> parse_seal(std::string_view json);
/// Parses the opened seal and compares the authors. An inner `id` or `sig` plays no part.
base::Result<Rumor> parse_rumor(std::string_view json, const PublicKey& seal_author);
/// The seal to sign, around an already encrypted rumor.
Draft build_seal(std::string encrypted_rumor, UnixTime now, base::Rng& rng);
/// Wraps a signed seal for `to` with a one-time key.
base::Result<Event> wrap_seal(const Event& seal, const PublicKey& to, UnixTime now, base::Rng& rng);

}  // namespace nostr
