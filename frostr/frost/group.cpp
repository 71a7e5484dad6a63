// Scalars over OpenSSL's BIGNUM where they are public, over libsecp256k1 where they are secret.
#include "frostr/frost/group.h"

#include <openssl/bn.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "nostr/base/declassify.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

constexpr std::string_view kOrderHex =
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

struct BnDelete {
  void operator()(BIGNUM* bn) const { BN_free(bn); }
  void operator()(BN_CTX* ctx) const { BN_CTX_free(ctx); }
};

using Bn = std::unique_ptr<BIGNUM, BnDelete>;
using BnCtx = std::unique_ptr<BN_CTX, BnDelete>;

Bn new_bn() {
  Bn out(BN_new());
  CHECK(out != nullptr);
  return out;
}

Bn to_bn(ByteView bytes) {
  Bn out(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  CHECK(out != nullptr);
  return out;
}

// The scratch space of this thread; BIGNUM allocates, and one signature needs dozens of operations.
BN_CTX* scratch() {
  thread_local const BnCtx ctx(BN_CTX_new());
  CHECK(ctx != nullptr);
  return ctx.get();
}

std::array<std::uint8_t, 32> order_bytes() {
  std::array<std::uint8_t, 32> out{};
  CHECK(base::hex_decode_into(kOrderHex, out));
  return out;
}

const std::array<std::uint8_t, 32>& order() {
  static const std::array<std::uint8_t, 32> value = order_bytes();
  return value;
}

const BIGNUM* order_bn() {
  static const Bn value = to_bn(order());
  return value.get();
}

struct CurveContext {
  secp256k1_context* raw;

  CurveContext() : raw(secp256k1_context_create(SECP256K1_CONTEXT_NONE)) {
    CHECK(raw != nullptr);
    base::SystemRng rng;
    const auto seed = rng.secret<32>();
    CHECK(secp256k1_context_randomize(raw, seed.expose().data()) == 1);
  }

  CurveContext(const CurveContext&) = delete;
  CurveContext& operator=(const CurveContext&) = delete;
  ~CurveContext() { secp256k1_context_destroy(raw); }
};

// Blinded once, constant afterwards, so every thread may use it.
const secp256k1_context* curve() {
  static const CurveContext context;
  return context.raw;
}

// Whether a call with a secret went well: it tells only that the secret was a scalar of the group at
// all, which holds for every secret that was not made up by a stranger.
bool succeeded(int code) {
  return base::declassified(code) == 1;
}

// libsecp256k1's ECDH hands over both coordinates; we keep the compressed point.
int write_compressed(unsigned char* out, const unsigned char* x, const unsigned char* y, void*) {
  out[0] = static_cast<unsigned char>(2 | (y[31] & 1));
  std::memcpy(out + 1, x, 32);
  return 1;
}

}  // namespace

// The one place that knows how Point stores libsecp256k1's value.
struct PointAccess {
  static secp256k1_pubkey raw(const Point& point) {
    static_assert(sizeof(secp256k1_pubkey) == 64);
    secp256k1_pubkey out;
    std::memcpy(out.data, point.parsed_.data(), 64);
    return out;
  }

  static Point wrap(const secp256k1_pubkey& key) {
    Point out;
    std::size_t size = out.compressed_.size();
    CHECK(secp256k1_ec_pubkey_serialize(curve(), out.compressed_.data(), &size, &key,
                                        SECP256K1_EC_COMPRESSED) == 1);
    std::memcpy(out.parsed_.data(), key.data, 64);
    return out;
  }
};

// --- Scalar ------------------------------------------------------------------------------------

namespace {

Scalar to_scalar(const BIGNUM* value) {
  std::array<std::uint8_t, 32> bytes{};
  CHECK(BN_bn2binpad(value, bytes.data(), 32) == 32);
  return Scalar::reduce(bytes);
}

}  // namespace

Scalar Scalar::from_u32(std::uint32_t value) {
  Scalar out;
  for (std::size_t i = 0; i < 4; ++i)
    out.bytes_[31 - i] = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}

Result<Scalar> Scalar::from_bytes(ByteView bytes) {
  if (bytes.size() != 32)
    return fail(Errc::kInvalid,
                "scalar is " + std::to_string(bytes.size()) + " bytes, expected 32");
  Scalar out;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  if (out.bytes_ >= order()) return fail(Errc::kInvalid, "scalar is not below the group order");
  return out;
}

Result<Scalar> Scalar::from_hex(std::string_view hex) {
  std::array<std::uint8_t, 32> bytes{};
  if (!base::hex_decode_into(hex, bytes))
    return fail(Errc::kInvalid, "scalar is not 64 lower-case hex characters");
  return from_bytes(bytes);
}

Scalar Scalar::reduce(ByteView bytes) {
  Scalar out;
  if (bytes.size() == 32) {
    std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
    if (out.bytes_ < order()) return out;
  }
  const Bn value = to_bn(bytes);
  const Bn reduced = new_bn();
  CHECK(BN_nnmod(reduced.get(), value.get(), order_bn(), scratch()) == 1);
  CHECK(BN_bn2binpad(reduced.get(), out.bytes_.data(), 32) == 32);
  return out;
}

Scalar Scalar::operator+(const Scalar& other) const {
  const Bn out = new_bn();
  CHECK(BN_mod_add(out.get(), to_bn(bytes_).get(), to_bn(other.bytes_).get(), order_bn(),
                   scratch()) == 1);
  return to_scalar(out.get());
}

Scalar Scalar::operator-(const Scalar& other) const {
  const Bn out = new_bn();
  CHECK(BN_mod_sub(out.get(), to_bn(bytes_).get(), to_bn(other.bytes_).get(), order_bn(),
                   scratch()) == 1);
  return to_scalar(out.get());
}

Scalar Scalar::operator*(const Scalar& other) const {
  const Bn out = new_bn();
  CHECK(BN_mod_mul(out.get(), to_bn(bytes_).get(), to_bn(other.bytes_).get(), order_bn(),
                   scratch()) == 1);
  return to_scalar(out.get());
}

Scalar Scalar::negated() const {
  return Scalar{} - *this;
}

Result<Scalar> Scalar::inverted() const {
  if (is_zero()) return fail(Errc::kInvalid, "zero has no inverse");
  const Bn out = new_bn();
  CHECK(BN_mod_inverse(out.get(), to_bn(bytes_).get(), order_bn(), scratch()) != nullptr);
  return to_scalar(out.get());
}

// --- SecretScalar ------------------------------------------------------------------------------

SecretScalar SecretScalar::generate(base::Rng& rng) {
  // A value outside 1..n-1 comes up once in 2^128 tries.
  while (true) {
    SecretScalar out(rng.secret<32>());
    if (out.usable()) return out;
  }
}

Result<SecretScalar> SecretScalar::from_bytes(std::span<const std::uint8_t, 32> bytes) {
  SecretScalar out{base::Secret<32>(bytes)};
  if (!out.usable())
    return fail(Errc::kInvalid, "secret scalar is zero or not below the group order");
  return out;
}

Result<SecretScalar> SecretScalar::from_hex(std::string_view hex) {
  base::Secret<32> bytes;
  if (!base::hex_decode_into(hex, bytes.expose_mutable()))
    return fail(Errc::kInvalid, "secret scalar is not 64 lower-case hex characters");
  return from_bytes(bytes.expose());
}

bool SecretScalar::usable() const {
  return succeeded(secp256k1_ec_seckey_verify(curve(), bytes_.expose().data()));
}

Result<void> SecretScalar::add(const SecretScalar& other) {
  if (!other.usable() ||
      !succeeded(secp256k1_ec_seckey_tweak_add(curve(), bytes_.expose_mutable().data(),
                                               other.bytes_.expose().data())))
    return fail(Errc::kCrypto, "sum of secret scalars is zero or an operand is spent");
  return {};
}

Result<void> SecretScalar::add(const Scalar& other) {
  if (!succeeded(secp256k1_ec_seckey_tweak_add(curve(), bytes_.expose_mutable().data(),
                                               other.array().data())))
    return fail(Errc::kCrypto, "sum of scalars is zero or the secret is spent");
  return {};
}

Result<void> SecretScalar::multiply(const Scalar& factor) {
  if (!succeeded(secp256k1_ec_seckey_tweak_mul(curve(), bytes_.expose_mutable().data(),
                                               factor.array().data())))
    return fail(Errc::kCrypto, "product of scalars is zero or the secret is spent");
  return {};
}

Result<void> SecretScalar::negate() {
  if (!succeeded(secp256k1_ec_seckey_negate(curve(), bytes_.expose_mutable().data())))
    return fail(Errc::kCrypto, "the secret scalar is spent");
  return {};
}

// --- Point -------------------------------------------------------------------------------------

Result<Point> Point::from_bytes(ByteView bytes) {
  secp256k1_pubkey key;
  if (bytes.size() != 33 ||
      secp256k1_ec_pubkey_parse(curve(), &key, bytes.data(), bytes.size()) != 1)
    return fail(Errc::kCrypto, "not a compressed point of secp256k1");
  return PointAccess::wrap(key);
}

Result<Point> Point::from_hex(std::string_view hex) {
  std::array<std::uint8_t, 33> bytes{};
  if (!base::hex_decode_into(hex, bytes))
    return fail(Errc::kInvalid, "point is not 66 lower-case hex characters");
  return from_bytes(bytes);
}

Result<Point> Point::lift(const nostr::PublicKey& x_only) {
  std::array<std::uint8_t, 33> bytes{2};
  std::copy(x_only.view().begin(), x_only.view().end(), bytes.begin() + 1);
  return from_bytes(bytes);
}

Result<Point> Point::base_times(const SecretScalar& k) {
  secp256k1_pubkey key;
  if (!succeeded(secp256k1_ec_pubkey_create(curve(), &key, k.expose().data())))
    return fail(Errc::kCrypto, "the secret scalar is spent");
  base::declassify(&key, sizeof key);  // a public key or a nonce commitment
  return PointAccess::wrap(key);
}

Result<Point> Point::base_times(const Scalar& k) {
  secp256k1_pubkey key;
  if (secp256k1_ec_pubkey_create(curve(), &key, k.array().data()) != 1)
    return fail(Errc::kCrypto, "zero times the generator is infinity");
  return PointAccess::wrap(key);
}

Result<Point> Point::sum(std::span<const Point> points) {
  if (points.empty()) return fail(Errc::kCrypto, "sum of no points is infinity");
  std::vector<secp256k1_pubkey> keys;
  keys.reserve(points.size());
  for (const Point& point : points) keys.push_back(PointAccess::raw(point));
  std::vector<const secp256k1_pubkey*> pointers;
  pointers.reserve(keys.size());
  for (const secp256k1_pubkey& key : keys) pointers.push_back(&key);
  secp256k1_pubkey out;
  if (secp256k1_ec_pubkey_combine(curve(), &out, pointers.data(), pointers.size()) != 1)
    return fail(Errc::kCrypto, "sum of the points is infinity");
  return PointAccess::wrap(out);
}

Result<Point> Point::times_vartime(const Scalar& k) const {
  secp256k1_pubkey key = PointAccess::raw(*this);
  if (secp256k1_ec_pubkey_tweak_mul(curve(), &key, k.array().data()) != 1)
    return fail(Errc::kCrypto, "zero times a point is infinity");
  return PointAccess::wrap(key);
}

Result<Point> Point::times(const SecretScalar& k) const {
  const secp256k1_pubkey key = PointAccess::raw(*this);
  base::Secret<33> product;
  if (!succeeded(secp256k1_ecdh(curve(), product.expose_mutable().data(), &key, k.expose().data(),
                                write_compressed, nullptr)))
    return fail(Errc::kCrypto, "the secret scalar is spent");
  // What the requester of an ECDH is sent; it tells nothing of k.
  base::declassify(product.expose().data(), product.expose().size());
  return from_bytes(product.expose());
}

Result<base::Secret<32>> Point::ecdh(const SecretScalar& k) const {
  const secp256k1_pubkey key = PointAccess::raw(*this);
  base::Secret<32> out;
  if (!succeeded(secp256k1_ecdh(curve(), out.expose_mutable().data(), &key, k.expose().data(), nullptr,
                                nullptr)))
    return fail(Errc::kCrypto, "the secret scalar is spent");
  return out;
}

Result<Point> Point::plus_base_vartime(const Scalar& t) const {
  if (t.is_zero()) return *this;
  secp256k1_pubkey key = PointAccess::raw(*this);
  if (secp256k1_ec_pubkey_tweak_add(curve(), &key, t.array().data()) != 1)
    return fail(Errc::kCrypto, "sum of the points is infinity");
  return PointAccess::wrap(key);
}

Point Point::negated() const {
  secp256k1_pubkey key = PointAccess::raw(*this);
  CHECK(secp256k1_ec_pubkey_negate(curve(), &key) == 1);
  return PointAccess::wrap(key);
}

nostr::PublicKey Point::x_only() const {
  std::array<std::uint8_t, 32> x{};
  std::copy(compressed_.begin() + 1, compressed_.end(), x.begin());
  return nostr::PublicKey(x);
}

// --- MaybePoint --------------------------------------------------------------------------------

Result<MaybePoint> MaybePoint::from_bytes(ByteView bytes) {
  if (bytes.size() == 33 && std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; }))
    return MaybePoint{};
  TRY(const Point point, Point::from_bytes(bytes));
  return MaybePoint(point);
}

MaybePoint MaybePoint::sum(std::span<const MaybePoint> points) {
  std::vector<Point> finite;
  for (const MaybePoint& point : points)
    if (point.point_) finite.push_back(*point.point_);
  // The only way in which a sum of points fails is to be infinity.
  const auto out = Point::sum(finite);
  return out ? MaybePoint(*out) : MaybePoint{};
}

MaybePoint MaybePoint::operator+(const MaybePoint& other) const {
  return sum(std::array{*this, other});
}

MaybePoint MaybePoint::negated() const {
  return point_ ? MaybePoint(point_->negated()) : MaybePoint{};
}

MaybePoint MaybePoint::times_vartime(const Scalar& k) const {
  if (!point_ || k.is_zero()) return {};
  const auto out = point_->times_vartime(k);
  CHECK(out.has_value());
  return MaybePoint(*out);
}

std::array<std::uint8_t, 33> MaybePoint::bytes() const {
  std::array<std::uint8_t, 33> out{};
  if (point_) std::ranges::copy(point_->view(), out.begin());
  return out;
}

}  // namespace frostr
