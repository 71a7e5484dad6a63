// Fixed keys and times for the NIP tests.
#pragma once

#include "nostr/base/rng.h"
#include "nostr/event/event.h"

namespace nips_test {

inline nostr::SecretKey key(char digit) {
  return nostr::SecretKey::from_hex(std::string(63, '0') + digit).value();
}
inline nostr::PublicKey pub(char digit) { return key(digit).public_key(); }
inline nostr::EventId id(char digit) { return nostr::EventId::from_hex(std::string(64, digit)).value(); }
inline constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);

inline nostr::Event signed_by(const nostr::SecretKey& author, nostr::Kind kind, nostr::Tags tags,
                              std::string content, base::UnixTime at = kNow) {
  base::SeededRng rng(7);
  return nostr::sign_event({kind, at, std::move(tags), std::move(content)}, author, rng);
}

}  // namespace nips_test
