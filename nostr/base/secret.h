// Secret<N>: bytes that wipe themselves, cannot be copied by accident, printed or compared.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "nostr/base/bytes.h"

namespace base {

/// N secret bytes. Move-only; the source of a move and every destroyed value are wiped.
/// There is no hex(), no operator== and no stream output on purpose: the bytes leave only
/// through expose(), which is easy to search for.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  /// Takes a copy of `bytes`; the caller wipes its own.
  explicit Secret(std::span<const std::uint8_t, N> bytes) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.clear(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.clear();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { clear(); }

  /// A deliberate copy, where two owners really need the value.
  Secret clone() const { return Secret(std::span<const std::uint8_t, N>(bytes_)); }
  std::span<const std::uint8_t, N> expose() const { return bytes_; }
  std::span<std::uint8_t, N> expose_mutable() { return bytes_; }

 private:
  void clear() { wipe(bytes_); }

  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace base
