// Threshold ECDH: each member of a quorum multiplies the target by its weighted share; the sum is
// the shared point of the whole group key. Source: @vbyte/frost as bifrost 2.0.2 uses it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "frostr/frost/shares.h"
#include "nostr/crypto/keys.h"

namespace frostr {

/// The key an ECDH is asked for, in the form it was written: 32 bytes (even Y) or 33.
class EcdhTarget {
 public:
  /// 64 or 66 lower-case hex characters; kCrypto when it is no point.
  static Result<EcdhTarget> from_hex(std::string_view hex);
  static Result<EcdhTarget> from_key(const nostr::PublicKey& key);

  const Point& point() const { return point_; }
  nostr::PublicKey x_only() const { return point_.x_only(); }
  /// As written.
  std::string hex() const;
  friend bool operator==(const EcdhTarget&, const EcdhTarget&) = default;

 private:
  EcdhTarget(Point point, bool compressed) : point_(point), compressed_(compressed) {}
  Point point_;
  bool compressed_;
};

/// (lambda·share)·target for the member `share.idx` of `quorum`, constant time in the share.
/// The result is as sensitive as the shared secret: t of them are it.
Result<Point> ecdh_key_share(const SecretShare& share, std::span<const ShareIndex> quorum,
                             const EcdhTarget& target);

/// x of the sum of one key share per quorum member: what NIP-04 and NIP-44 call the shared x.
Result<nostr::SharedX> combine_ecdh(std::span<const Point> key_shares);

/// The same from two different quorums, which must agree: key shares carry no proof, and one wrong
/// share of either quorum shows. kCrypto when they differ; who is wrong stays open.
Result<nostr::SharedX> cross_checked_ecdh(std::span<const Point> one, std::span<const Point> other);

}  // namespace frostr
