// NIP-45: counts, exact or estimated, and the HyperLogLog registers that let several relays' counts
// be added up without counting anybody twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"
#include "nostr/event/filter.h"

namespace nostr {

/// HyperLogLog over event authors with 256 registers (NIP-45 "HyperLogLog").
class HyperLogLog {
 public:
  static constexpr std::size_t kRegisters = 256;

  /// 512 lower-case hex characters; kInvalid otherwise.
  static base::Result<HyperLogLog> from_hex(std::string_view hex);
  std::string hex() const;

  /// Counts an author. `offset` 8..23, from hll_offset: it decides which bytes of the key are
  /// looked at.
  void add(const PublicKey& author, std::size_t offset);
  /// Afterwards this counts everybody whom either counted. Both must be of one offset.
  void merge(const HyperLogLog& other);
  /// About how many distinct authors were counted; a few per cent off.
  std::uint64_t estimate() const;

  friend bool operator==(const HyperLogLog&, const HyperLogLog&) = default;

 private:
  std::array<std::uint8_t, kRegisters> registers_{};
};

/// The offset for a filter: from the first value of its first tag condition. nullopt without one:
/// then no registers can be given.
std::optional<std::size_t> hll_offset(const Filter& filter);
/// The offset for one tag value: the 33rd character of its hex id or key, of the key in an address,
/// or of the value's SHA-256, plus 8.
std::size_t hll_offset_of(std::string_view tag_value);

/// What a relay answers to COUNT.
struct CountAnswer {
  std::uint64_t count = 0;
  bool approximate = false;
  std::optional<HyperLogLog> hll;
  friend bool operator==(const CountAnswer&, const CountAnswer&) = default;
};
/// The object behind the subscription id, as JSON.
std::string build_count(const CountAnswer& answer);
/// Liberal: unknown members and broken registers are left out. kInvalid without a count.
base::Result<CountAnswer> parse_count(std::string_view json);

}  // namespace nostr
