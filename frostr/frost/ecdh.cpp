// Key shares and their sum.
#include "frostr/frost/ecdh.h"

#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

Result<EcdhTarget> EcdhTarget::from_hex(std::string_view hex) {
  if (hex.size() == 66) {
    TRY(const Point point, Point::from_hex(hex));
    return EcdhTarget(point, /*compressed=*/true);
  }
  TRY(const auto key, nostr::PublicKey::from_hex(hex));
  return from_key(key);
}

Result<EcdhTarget> EcdhTarget::from_key(const nostr::PublicKey& key) {
  TRY(const Point point, Point::lift(key));
  return EcdhTarget(point, /*compressed=*/false);
}

std::string EcdhTarget::hex() const { return compressed_ ? point_.hex() : x_only().hex(); }

Result<Point> ecdh_key_share(const SecretShare& share, std::span<const ShareIndex> quorum,
                             const EcdhTarget& target) {
  TRY(const Scalar weight, lagrange(share.idx, quorum));
  SecretScalar weighted = share.secret.clone();
  TRY(weighted.multiply(weight));
  return target.point().times(weighted);
}

Result<nostr::SharedX> combine_ecdh(std::span<const Point> key_shares) {
  if (key_shares.empty()) return fail(Errc::kInvalid, "no ecdh key shares to combine");
  TRY(const Point sum, Point::sum(key_shares));
  return nostr::SharedX(sum.view().subspan<1, 32>());
}

Result<nostr::SharedX> cross_checked_ecdh(std::span<const Point> one,
                                          std::span<const Point> other) {
  TRY(nostr::SharedX first, combine_ecdh(one));
  TRY(const nostr::SharedX second, combine_ecdh(other));
  if (!base::constant_time_equal(first.expose(), second.expose()))
    return fail(Errc::kCrypto, "two quorums gave different ecdh results");
  return first;
}

}  // namespace frostr
