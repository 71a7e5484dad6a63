// Secret<N>: bytes that wipe themselves, stay out of swap and core dumps, cannot be copied by
// accident, printed or compared.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "nostr/base/bytes.h"
#include "nostr/base/locked_memory.h"

namespace base {

/// N secret bytes in locked memory. Move-only and as cheap to move as a pointer; a value that was
/// moved from, like a fresh one, is zero. There is no hex(), no operator== and no stream output on
/// purpose: the bytes leave only through expose(), which is easy to search for.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  /// Takes a copy of `bytes`; the caller wipes its own.
  explicit Secret(std::span<const std::uint8_t, N> bytes) : slot_(take_locked_slot(N)) {
    std::copy(bytes.begin(), bytes.end(), slot_);
  }
  Secret(Secret&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      clear();
      slot_ = std::exchange(other.slot_, nullptr);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { clear(); }

  /// A deliberate copy, where two owners really need the value.
  Secret clone() const { return Secret(expose()); }
  std::span<const std::uint8_t, N> expose() const {
    return slot_ != nullptr ? std::span<const std::uint8_t, N>(slot_, N)
                            : std::span<const std::uint8_t, N>(kZero);
  }
  std::span<std::uint8_t, N> expose_mutable() {
    if (slot_ == nullptr) slot_ = take_locked_slot(N);
    return std::span<std::uint8_t, N>(slot_, N);
  }

 private:
  static constexpr std::array<std::uint8_t, N> kZero{};

  void clear() {
    if (slot_ != nullptr) give_locked_slot(std::exchange(slot_, nullptr), N);
  }

  std::uint8_t* slot_ = nullptr;
};

}  // namespace base
