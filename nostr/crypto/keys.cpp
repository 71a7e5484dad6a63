// HOT PATH: BIP-340 verification. Keys, signatures and ECDH over libsecp256k1.
#include "nostr/crypto/keys.h"

#include <algorithm>
#include <array>

#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>

#include "nostr/base/declassify.h"

namespace nostr {
namespace {

/// One context for the process. It is randomised before anybody sees it and constant afterwards,
/// which is what makes it safe to share between threads.
const secp256k1_context* context() {
  static const secp256k1_context* const shared = [] {
    secp256k1_context* fresh = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    CHECK(fresh != nullptr);
    const auto seed = base::SystemRng().secret<32>();
    CHECK(secp256k1_context_randomize(fresh, seed.expose().data()) == 1);
    return fresh;
  }();
  return shared;
}

/// The library's key pair in our wiping storage; its layout is opaque but plain bytes.
static_assert(sizeof(secp256k1_keypair) == SecretKey::kKeypairSize);
static_assert(alignof(secp256k1_keypair) == 1);

bool parse_x_only(const PublicKey& key, secp256k1_xonly_pubkey& out) {
  return secp256k1_xonly_pubkey_parse(context(), &out, key.data()) == 1;
}

/// Keeps the bare x coordinate: NIP-44 and NIP-04 hash (or do not hash) it themselves.
int copy_x(unsigned char* out, const unsigned char* x, const unsigned char* /*y*/, void* /*data*/) {
  std::copy_n(x, 32, out);
  return 1;
}

}  // namespace

base::Result<SecretKey> SecretKey::from_bytes(std::span<const std::uint8_t, 32> bytes) {
  base::Secret<kKeypairSize> storage;
  auto* pair = reinterpret_cast<secp256k1_keypair*>(storage.expose_mutable().data());
  // Whether the bytes are a key at all, and the public half of it, are no secrets.
  if (base::declassified(secp256k1_keypair_create(context(), pair, bytes.data())) != 1)
    return base::fail(base::Errc::kInvalid, "secret key is zero or not below the group order");
  PublicKey public_key;
  secp256k1_xonly_pubkey x_only;
  CHECK(secp256k1_keypair_xonly_pub(context(), &x_only, nullptr, pair) == 1);
  base::declassify(&x_only, sizeof x_only);
  CHECK(secp256k1_xonly_pubkey_serialize(context(), public_key.data(), &x_only) == 1);
  return SecretKey(base::Secret<32>(bytes), std::move(storage), public_key);
}

SecretKey SecretKey::generate(base::Rng& rng) {
  for (;;) {
    // A draw outside the range has probability 2^-128.
    const auto candidate = rng.secret<32>();
    if (auto key = from_bytes(candidate.expose())) return *std::move(key);
  }
}

base::Result<SecretKey> SecretKey::from_hex(std::string_view hex) {
  base::Secret<32> bytes;
  if (!base::hex_decode_into(hex, bytes.expose_mutable()))
    return base::fail(base::Errc::kInvalid, "secret key is not 64 lower-case hex characters");
  return from_bytes(bytes.expose());
}

SecretKey SecretKey::clone() const {
  return SecretKey(bytes_.clone(), keypair_.clone(), public_key_);
}

Signature SecretKey::sign(const Sha256& message, base::Rng& rng) const {
  const auto auxiliary = rng.secret<32>();
  const auto* pair = reinterpret_cast<const secp256k1_keypair*>(keypair_.expose().data());
  Signature out;
  CHECK(base::declassified(secp256k1_schnorrsig_sign32(context(), out.data(), message.data(), pair,
                                                       auxiliary.expose().data())) == 1);
  base::declassify(out.data(), Signature::kSize);
  return out;
}

bool verify(const PublicKey& key, const Sha256& message, const Signature& signature) {
  return verify_message(key, message.view(), signature);
}

bool verify_message(const PublicKey& key, base::ByteView message, const Signature& signature) {
  secp256k1_xonly_pubkey x_only;
  return parse_x_only(key, x_only) &&
         secp256k1_schnorrsig_verify(context(), signature.data(), message.data(), message.size(),
                                     &x_only) == 1;
}

// The library's parsed key is plain bytes without alignment, so it can live in an array.
static_assert(sizeof(secp256k1_xonly_pubkey) == 64 && alignof(secp256k1_xonly_pubkey) == 1);

std::optional<VerifyingKey> VerifyingKey::parse(const PublicKey& key) {
  VerifyingKey out;
  if (!parse_x_only(key, *reinterpret_cast<secp256k1_xonly_pubkey*>(out.point_.data())))
    return std::nullopt;
  return out;
}

bool VerifyingKey::verify(const Sha256& message, const Signature& signature) const {
  const auto* point = reinterpret_cast<const secp256k1_xonly_pubkey*>(point_.data());
  return secp256k1_schnorrsig_verify(context(), signature.data(), message.data(),
                                     message.view().size(), point) == 1;
}

base::Result<SharedX> ecdh(const SecretKey& secret, const PublicKey& peer) {
  std::array<std::uint8_t, 33> compressed;
  compressed[0] = 2;  // the even-Y point with this x, as BIP-340's lift_x chooses
  std::copy_n(peer.data(), 32, compressed.begin() + 1);
  secp256k1_pubkey point;
  if (secp256k1_ec_pubkey_parse(context(), &point, compressed.data(), compressed.size()) != 1)
    return base::fail(base::Errc::kCrypto, "public key is not on the curve");
  SharedX out;
  CHECK(base::declassified(secp256k1_ecdh(context(), out.expose_mutable().data(), &point,
                                          secret.expose().data(), copy_x, nullptr)) == 1);
  return out;
}

bool is_on_curve(const PublicKey& key) {
  secp256k1_xonly_pubkey x_only;
  return parse_x_only(key, x_only);
}

}  // namespace nostr
