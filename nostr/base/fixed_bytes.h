// FixedBytes<Tag, N>: one distinct type per meaning for ids, keys, hashes and signatures.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "nostr/base/bytes.h"

namespace base {

/// A public value of exactly N bytes. Two tags never convert into each other; bytes go in only
/// explicitly. Not for secrets: those are base::Secret.
template <class Tag, std::size_t N>
class FixedBytes {
 public:
  static constexpr std::size_t kSize = N;

  constexpr FixedBytes() = default;  ///< all zero
  explicit constexpr FixedBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  /// Exactly 2N lower-case hex characters; kInvalid otherwise.
  static Result<FixedBytes> from_hex(std::string_view hex) {
    FixedBytes out;
    if (!hex_decode_into(hex, out.bytes_))
      return fail(Errc::kInvalid, "expected " + std::to_string(2 * N) +
                                      " lower-case hex characters, got " + std::to_string(hex.size()));
    return out;
  }
  /// Exactly N bytes; kInvalid otherwise.
  static Result<FixedBytes> from_bytes(ByteView bytes) {
    if (bytes.size() != N)
      return fail(Errc::kInvalid,
                  "expected " + std::to_string(N) + " bytes, got " + std::to_string(bytes.size()));
    FixedBytes out;
    std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
    return out;
  }

  std::string hex() const { return hex_encode(bytes_); }
  ByteView view() const { return bytes_; }
  const std::array<std::uint8_t, N>& array() const { return bytes_; }
  std::uint8_t* data() { return bytes_.data(); }
  const std::uint8_t* data() const { return bytes_.data(); }
  bool is_zero() const { return *this == FixedBytes{}; }

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;

 private:
  std::array<std::uint8_t, N> bytes_{};
};

/// Hash for unordered containers. The values are uniformly distributed (hashes and curve points),
/// so eight bytes from the middle suffice; strangers cannot cheaply choose them in our favour
/// because maps keyed by them are bounded.
struct FixedBytesHash {
  template <class Tag, std::size_t N>
  std::size_t operator()(const FixedBytes<Tag, N>& value) const {
    std::size_t out = 0;
    std::memcpy(&out, value.data() + N / 2, sizeof out);
    return out;
  }
};

}  // namespace base

template <class Tag, std::size_t N>
struct std::hash<base::FixedBytes<Tag, N>> : base::FixedBytesHash {};
