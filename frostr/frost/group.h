// The group FROST computes in: public and secret scalars modulo n, and points of secp256k1.
//
// Public scalars (hashes, Lagrange coefficients, partial signatures) use variable-time arithmetic;
// secret ones go only through libsecp256k1's constant-time functions. Names ending in `_vartime`
// take public values only.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nostr/base/rng.h"
#include "nostr/base/secret.h"
#include "nostr/crypto/keys.h"

namespace frostr {

using base::ByteView;
using base::Result;

/// A public integer modulo the group order n, 32 bytes big endian, always reduced. May be zero.
class Scalar {
 public:
  Scalar() = default;  ///< zero
  static Scalar from_u32(std::uint32_t value);
  /// Exactly 32 bytes and below n; kInvalid otherwise. For values off the wire.
  static Result<Scalar> from_bytes(ByteView bytes);
  /// 64 lower-case hex characters of a value below n.
  static Result<Scalar> from_hex(std::string_view hex);
  /// Any number of big-endian bytes, reduced modulo n. For hashes.
  static Scalar reduce(ByteView bytes);

  Scalar operator+(const Scalar& other) const;
  Scalar operator-(const Scalar& other) const;
  Scalar operator*(const Scalar& other) const;
  Scalar negated() const;
  /// The multiplicative inverse; kInvalid for zero.
  Result<Scalar> inverted() const;

  bool is_zero() const { return *this == Scalar{}; }
  ByteView view() const { return bytes_; }
  const std::array<std::uint8_t, 32>& array() const { return bytes_; }
  std::string hex() const { return base::hex_encode(bytes_); }
  friend auto operator<=>(const Scalar&, const Scalar&) = default;

 private:
  std::array<std::uint8_t, 32> bytes_{};
};

/// A secret integer, 1 ≤ k < n: a share or a nonce. Wiped and move-only; a moved-from value is
/// zero, and every operation on it fails.
class SecretScalar {
 public:
  /// Uniform, from `rng` alone.
  static SecretScalar generate(base::Rng& rng);
  /// kInvalid for zero and for values not below n.
  static Result<SecretScalar> from_bytes(std::span<const std::uint8_t, 32> bytes);
  /// 64 lower-case hex characters; kInvalid as above. The caller wipes `hex`.
  static Result<SecretScalar> from_hex(std::string_view hex);

  SecretScalar clone() const { return SecretScalar(bytes_.clone()); }
  std::span<const std::uint8_t, 32> expose() const { return bytes_.expose(); }
  /// False once moved from.
  bool usable() const;

  /// In-place constant-time arithmetic. kCrypto when an operand or the result is zero.
  Result<void> add(const SecretScalar& other);
  Result<void> add(const Scalar& other);
  Result<void> multiply(const Scalar& factor);
  /// this = -this.
  Result<void> negate();

 private:
  explicit SecretScalar(base::Secret<32> bytes) : bytes_(std::move(bytes)) {}
  base::Secret<32> bytes_;
};

/// A point of the curve other than infinity. Compared in full: both parities of one x differ.
class Point {
 public:
  /// 33 bytes compressed (SEC 1). kCrypto when the bytes are no point.
  static Result<Point> from_bytes(ByteView bytes);
  /// 66 lower-case hex characters.
  static Result<Point> from_hex(std::string_view hex);
  /// The even-Y point with this x (BIP-340 lift_x); kCrypto when there is none.
  static Result<Point> lift(const nostr::PublicKey& x_only);
  /// k·G in constant time; kCrypto for a moved-from scalar.
  static Result<Point> base_times(const SecretScalar& k);
  /// k·G for public k; kCrypto for zero.
  static Result<Point> base_times(const Scalar& k);
  /// Sum of at least one point; kCrypto when it is infinity.
  static Result<Point> sum(std::span<const Point> points);

  /// k·P for public k, variable time; kCrypto for zero.
  Result<Point> times_vartime(const Scalar& k) const;
  /// k·P for secret k, constant time: the ECDH operation.
  Result<Point> times(const SecretScalar& k) const;
  /// P + t·G for public t (t may be zero), variable time; kCrypto when it is infinity.
  Result<Point> plus_base_vartime(const Scalar& t) const;
  Point negated() const;

  bool has_even_y() const { return compressed_[0] == 2; }
  nostr::PublicKey x_only() const;
  /// The 33 compressed bytes.
  ByteView view() const { return compressed_; }
  std::string hex() const { return base::hex_encode(compressed_); }

  friend bool operator==(const Point& a, const Point& b) { return a.compressed_ == b.compressed_; }
  friend auto operator<=>(const Point& a, const Point& b) { return a.compressed_ <=> b.compressed_; }

 private:
  friend struct PointAccess;
  Point() = default;
  std::array<std::uint8_t, 33> compressed_{};
  std::array<std::uint8_t, 64> parsed_{};  ///< libsecp256k1's form, so that no point is lifted twice
};

/// A point or infinity: what sums of strangers' points are, whom no one can keep from cancelling
/// out. Infinity is written as 33 zero bytes.
class MaybePoint {
 public:
  MaybePoint() = default;  ///< infinity
  explicit MaybePoint(const Point& point) : point_(point) {}
  /// 33 bytes: a compressed point or all zero; kCrypto otherwise.
  static Result<MaybePoint> from_bytes(ByteView bytes);
  static MaybePoint sum(std::span<const MaybePoint> points);

  MaybePoint operator+(const MaybePoint& other) const;
  MaybePoint negated() const;
  /// k·P for public k, variable time.
  MaybePoint times_vartime(const Scalar& k) const;

  bool is_infinity() const { return !point_.has_value(); }
  const std::optional<Point>& point() const { return point_; }
  std::array<std::uint8_t, 33> bytes() const;
  friend bool operator==(const MaybePoint&, const MaybePoint&) = default;

 private:
  std::optional<Point> point_;
};

}  // namespace frostr
