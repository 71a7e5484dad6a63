// Signing and verifying as in BIP-340 "Specification".
#include "frostr/frost/schnorr.h"

#include <algorithm>

#include "frostr/frost/hash.h"
#include "nostr/base/result.h"

namespace frostr {

namespace {

Scalar challenge(std::string_view tag_prefix, ByteView nonce, ByteView key, ByteView message) {
  base::Bytes input;
  for (const ByteView part : {nonce, key, message}) input.insert(input.end(), part.begin(), part.end());
  return Scalar::reduce(
      nostr::tagged_hash(std::string(tag_prefix) + "/challenge", input).view());
}

}  // namespace

Result<nostr::Signature> schnorr_sign(std::string_view tag_prefix, const SecretScalar& key,
                                      ByteView message, const base::Secret<32>& aux) {
  const std::string prefix(tag_prefix);
  SecretScalar secret = key.clone();
  TRY(const Point point, Point::base_times(secret));
  if (!point.has_even_y()) TRY(secret.negate());
  const nostr::PublicKey x = point.x_only();

  base::Secret<32> masked = secret_tagged_hash(prefix + "/aux", {aux.expose()});
  for (std::size_t i = 0; i < 32; ++i) masked.expose_mutable()[i] ^= secret.expose()[i];
  TRY(SecretScalar nonce,
      SecretScalar::from_bytes(
          secret_tagged_hash(prefix + "/nonce", {masked.expose(), x.view(), message}).expose()));
  TRY(const Point r, Point::base_times(nonce));
  if (!r.has_even_y()) TRY(nonce.negate());

  TRY(secret.multiply(challenge(tag_prefix, r.x_only().view(), x.view(), message)));
  TRY(nonce.add(secret));
  std::array<std::uint8_t, 64> bytes{};
  std::ranges::copy(r.x_only().view(), bytes.begin());
  std::ranges::copy(nonce.expose(), bytes.begin() + 32);
  return nostr::Signature(bytes);
}

bool schnorr_verify(std::string_view tag_prefix, const nostr::PublicKey& key, ByteView message,
                    const nostr::Signature& signature) {
  const ByteView r = signature.view().first(32);
  const auto point = Point::lift(key);
  const auto s = Scalar::from_bytes(signature.view().subspan(32));
  if (!point || !s || s->is_zero()) return false;
  const auto left = Point::base_times(*s);
  const MaybePoint right = MaybePoint(*point).times_vartime(
      challenge(tag_prefix, r, key.view(), message).negated());
  const MaybePoint nonce = left ? MaybePoint(*left) + right : right;
  return nonce.point() && nonce.point()->has_even_y() &&
         std::ranges::equal(nonce.point()->x_only().view(), r);
}

}  // namespace frostr
