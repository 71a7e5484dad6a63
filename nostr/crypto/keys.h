// Keys and signatures on secp256k1: BIP-340 signing and checking, and the ECDH that NIP-04/44 use.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/base/fixed_bytes.h"
#include "nostr/base/rng.h"
#include "nostr/base/secret.h"
#include "nostr/crypto/hash.h"

namespace nostr {

/// An x-only public key (BIP-340): a Nostr identity. Not necessarily on the curve; operations that
/// need a point say so.
using PublicKey = base::FixedBytes<struct PublicKeyTag, 32>;
/// A BIP-340 signature.
using Signature = base::FixedBytes<struct SignatureTag, 64>;
/// The x coordinate of an ECDH result; secret.
using SharedX = base::Secret<32>;

/// A secp256k1 secret key: 1 ≤ k < n. Wiped, move-only. Keeps the key pair in the library's form,
/// which halves the cost of a signature.
class SecretKey {
 public:
  static constexpr std::size_t kKeypairSize = 96;

  static SecretKey generate(base::Rng& rng);
  /// kInvalid when the bytes are zero or not below the group order. Wipes nothing of the caller's.
  static base::Result<SecretKey> from_bytes(std::span<const std::uint8_t, 32> bytes);
  /// 64 lower-case hex characters.
  static base::Result<SecretKey> from_hex(std::string_view hex);

  /// Computed once, at creation.
  const PublicKey& public_key() const { return public_key_; }
  SecretKey clone() const;
  std::span<const std::uint8_t, 32> expose() const { return bytes_.expose(); }

  /// BIP-340 over a 32-byte message with fresh auxiliary randomness. Constant time.
  Signature sign(const Sha256& message, base::Rng& rng) const;

 private:
  SecretKey(base::Secret<32> bytes, base::Secret<kKeypairSize> keypair, const PublicKey& public_key)
      : bytes_(std::move(bytes)), keypair_(std::move(keypair)), public_key_(public_key) {}

  base::Secret<32> bytes_;
  base::Secret<kKeypairSize> keypair_;
  PublicKey public_key_;
};

/// BIP-340 verification. False also when `key` is not on the curve. HOT, any thread.
bool verify(const PublicKey& key, const Sha256& message, const Signature& signature);
/// The same for a message of any length, as the public BIP-340 vectors need.
bool verify_message(const PublicKey& key, base::ByteView message, const Signature& signature);

/// A public key whose point is already worked out, for those who check many signatures of few
/// authors: finding the point is a tenth of a check.
class VerifyingKey {
 public:
  /// nullopt when `key` is not on the curve.
  static std::optional<VerifyingKey> parse(const PublicKey& key);
  /// BIP-340 verification. HOT, any thread.
  bool verify(const Sha256& message, const Signature& signature) const;

 private:
  VerifyingKey() = default;
  std::array<std::uint8_t, 64> point_{};  ///< the library's form
};

/// x coordinate of secret · lift_x(peer): the shared x of NIP-04 and NIP-44. Constant time in the
/// secret. kCrypto when `peer` is not on the curve.
base::Result<SharedX> ecdh(const SecretKey& secret, const PublicKey& peer);

/// Whether an even-Y point with this x exists.
bool is_on_curve(const PublicKey& key);

}  // namespace nostr
