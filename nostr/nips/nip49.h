// NIP-49: a secret key under a password, written as ncryptsec1….
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"
#include "nostr/crypto/password.h"

namespace nostr {

/// What is known about the key's life so far (NIP-49 "KEY_SECURITY_BYTE").
enum class KeyHandling : std::uint8_t {
  kInsecure = 0,   ///< was stored or pasted in the clear at least once
  kSecure = 1,     ///< never known to have been
  kUntracked = 2,  ///< nobody keeps count
};

struct DecryptedKey {
  SecretKey key;
  KeyHandling handling = KeyHandling::kUntracked;
};

/// What an ncryptsec says without its password. Whose key it is, it does not say.
struct NcryptsecHeader {
  unsigned log_n = 0;
  KeyHandling handling = KeyHandling::kUntracked;
};

/// Whether `text`, surrounding white space aside, claims to be an ncryptsec.
bool is_ncryptsec(std::string_view text);
/// kInvalid for malformed text, kUnsupported for another version than 2.
base::Result<NcryptsecHeader> read_ncryptsec_header(std::string_view text);

/// `ncryptsec1…`. The password is normalised to NFKC. Blocks: 2^log_n KiB of memory, about 0.2 s at
/// log_n 16. kInvalid for an empty password or one that is not UTF-8, kLimit as scrypt_key.
base::Result<std::string> nip49_encrypt(const SecretKey& key, std::string_view password,
                                        KeyHandling handling, base::Rng& rng, unsigned log_n = 16);
/// kCrypto for a wrong password, kInvalid for malformed text, kUnsupported for another version,
/// kLimit for a log_n over kMaxScryptLogN: the cost is the text's choice, so it is bounded.
base::Result<DecryptedKey> nip49_decrypt(std::string_view text, std::string_view password);

}  // namespace nostr
