// NIP-42: a client proves its key to a relay.
#pragma once

#include <string_view>

#include "nostr/event/event.h"

namespace nostr {

inline constexpr std::chrono::seconds kAuthWindow{600};

/// The kind 22242 event a client signs for `challenge` of the relay at `relay_url`.
Draft build_auth(std::string_view challenge, std::string_view relay_url, UnixTime at);

/// The relay's side: kind, signature, this challenge, this relay (scheme, host and port; case, a
/// default port, path and trailing slash do not matter) and created_at within kAuthWindow of `now`.
/// kDenied naming what does not fit; kCrypto for id or signature.
base::Result<void> check_auth(const Event& event, std::string_view challenge, std::string_view relay_url,
                              UnixTime now);

}  // namespace nostr
