// Public key recovery by libsecp256k1.
#include "nostr/crypto/node_key.h"

#include <secp256k1_recovery.h>

namespace nostr {

base::Result<NodeKey> recover_node_key(const Sha256& message,
                                       std::span<const std::uint8_t, 64> signature,
                                       int recovery_id) {
  const secp256k1_context* const context = secp256k1_context_static;  // nothing secret is computed
  secp256k1_ecdsa_recoverable_signature parsed;
  secp256k1_pubkey key;
  if (recovery_id < 0 || recovery_id > 3 ||
      secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, signature.data(),
                                                          recovery_id) != 1 ||
      secp256k1_ecdsa_recover(context, &key, &parsed, message.data()) != 1)
    return base::fail(base::Errc::kCrypto, "no key can have made this signature");
  NodeKey out;
  std::size_t length = NodeKey::kSize;
  CHECK(secp256k1_ec_pubkey_serialize(context, out.data(), &length, &key,
                                      SECP256K1_EC_COMPRESSED) == 1);
  return out;
}

}  // namespace nostr
