// The ECDSA side of secp256k1, for reading only: whose recoverable signature is this?
#pragma once

#include <span>

#include "nostr/base/fixed_bytes.h"
#include "nostr/crypto/hash.h"

namespace nostr {

/// A compressed point: how a lightning node is called.
using NodeKey = base::FixedBytes<struct NodeKeyTag, 33>;

/// The key that signed `message` with the 64-byte r || s and the recovery id 0..3. kCrypto when
/// there is none. Any thread.
base::Result<NodeKey> recover_node_key(const Sha256& message,
                                       std::span<const std::uint8_t, 64> signature,
                                       int recovery_id);

}  // namespace nostr
