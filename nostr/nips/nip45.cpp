// NIP-45: the COUNT answer and 256 one-byte registers.
#include "nostr/nips/nip45.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "nostr/base/json.h"

namespace nostr {

namespace {

using Json = base::json::Value;

constexpr std::size_t kM = HyperLogLog::kRegisters;
constexpr double kAlpha = 0.7182725932495458;  // bias of 256 registers
constexpr double kLinearBelow = 220;           // estimates up to here count empty registers instead

constexpr double kMostPeople = 1e18;  // registers of strangers may claim any number

/// What is left when `empty` of the registers saw nobody.
double linear_count(std::size_t empty) {
  return static_cast<double>(kM) * std::log(static_cast<double>(kM) / static_cast<double>(empty));
}

std::string hex_of_value(std::string_view value) {
  if (Sha256::from_hex(value)) return std::string(value);
  if (const auto address = Address::parse(value)) return address->pubkey.hex();
  return sha256(value).hex();
}

}  // namespace

base::Result<HyperLogLog> HyperLogLog::from_hex(std::string_view hex) {
  HyperLogLog out;
  if (!base::hex_decode_into(hex, out.registers_))
    return base::fail(base::Errc::kInvalid, "hll is no 512 lower-case hex characters");
  return out;
}

std::string HyperLogLog::hex() const {
  return base::hex_encode(registers_);
}

void HyperLogLog::add(const PublicKey& author, std::size_t offset) {
  CHECK(offset >= 8 && offset < 24);
  const auto bytes = author.view().subspan(offset, 8);
  std::uint8_t zeros = 0;
  for (const std::uint8_t byte : bytes.subspan(1)) {
    zeros = static_cast<std::uint8_t>(zeros + std::countl_zero(byte));
    if (byte != 0) break;
  }
  std::uint8_t& kept = registers_[bytes[0]];
  kept = std::max(kept, static_cast<std::uint8_t>(zeros + 1));
}

void HyperLogLog::merge(const HyperLogLog& other) {
  std::ranges::transform(registers_, other.registers_, registers_.begin(),
                         [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
}

std::uint64_t HyperLogLog::estimate() const {
  const auto empty = static_cast<std::size_t>(std::ranges::count(registers_, 0));
  if (empty > 0 && linear_count(empty) <= kLinearBelow)
    return static_cast<std::uint64_t>(linear_count(empty));
  double sum = 0;
  for (const std::uint8_t kept : registers_) sum += std::ldexp(1, -std::min<int>(kept, 57));
  const double estimate = kAlpha * kM * kM / sum;
  if (empty > 0 && estimate <= 3.0 * kM) return static_cast<std::uint64_t>(linear_count(empty));
  return static_cast<std::uint64_t>(std::min(estimate, kMostPeople));
}

std::optional<std::size_t> hll_offset(const Filter& filter) {
  for (const auto& [letter, values] : filter.tags)
    if (!values.empty()) return hll_offset_of(values.front());
  return std::nullopt;
}

std::size_t hll_offset_of(std::string_view tag_value) {
  const char digit = hex_of_value(tag_value)[32];
  return 8 + static_cast<std::size_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

std::string build_count(const CountAnswer& answer) {
  Json out{{"count", answer.count}};
  if (answer.approximate) out["approximate"] = true;
  if (answer.hll) out["hll"] = answer.hll->hex();
  return base::json::dump(out);
}

base::Result<CountAnswer> parse_count(std::string_view json) {
  TRY(const Json object, base::json::parse(json, {.max_bytes = 8'192, .max_depth = 8}));
  TRY(const std::int64_t count, base::json::get_int(object, "count"));
  if (count < 0) return base::fail(base::Errc::kInvalid, "count is negative");
  CountAnswer out{.count = static_cast<std::uint64_t>(count),
                  .approximate = base::json::get_bool(object, "approximate").value_or(false)};
  if (const auto hll = HyperLogLog::from_hex(base::json::string_or(object, "hll"))) out.hll = *hll;
  return out;
}

}  // namespace nostr
