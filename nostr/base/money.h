// Msat and Sat: integer money that cannot be mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace base {

/// Millisatoshi, the unit of every ledger here. Never negative on the wire; sums are checked by
/// the ledgers, which bound each amount by kMaxMsat.
struct Msat {
  std::int64_t value = 0;
  friend auto operator<=>(const Msat&, const Msat&) = default;
  friend constexpr Msat operator+(Msat a, Msat b) { return {a.value + b.value}; }
  friend constexpr Msat operator-(Msat a, Msat b) { return {a.value - b.value}; }
};

/// 21 million bitcoin.
inline constexpr Msat kMaxMsat{2'100'000'000'000'000'000};

/// Satoshi, the unit NIP-SA writes into tags.
struct Sat {
  std::int64_t value = 0;
  friend auto operator<=>(const Sat&, const Sat&) = default;
};

constexpr Msat to_msat(Sat s) { return {s.value * 1000}; }
/// Rounds up: a started satoshi is charged whole.
constexpr Sat to_sat_ceil(Msat m) { return {(m.value + 999) / 1000}; }

}  // namespace base
