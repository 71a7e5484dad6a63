// bech32 and bech32m without the 90-character limit (BIP-173, BIP-350; NIP-19 lifts the limit).
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/bytes.h"

namespace base {

enum class Bech32Variant { kBech32, kBech32m };

struct Bech32 {
  std::string hrp;
  Bytes data;  ///< 8-bit bytes, already regrouped
  Bech32Variant variant = Bech32Variant::kBech32;
};

/// The 5-bit symbols between the separator and the checksum, for formats whose fields do not align to
/// bytes (BOLT-11).
struct Bech32Symbols {
  std::string hrp;  ///< folded to lower case
  Bytes symbols;    ///< each below 32
  Bech32Variant variant = Bech32Variant::kBech32;
};

/// Encodes 8-bit `data` under `hrp` (lower-case ASCII).
std::string bech32_encode(std::string_view hrp, ByteView data, Bech32Variant variant);
/// Decodes either variant and says which. Mixed case, bad checksum, non-zero padding or more than
/// `max_chars` characters are kInvalid.
Result<Bech32> bech32_decode(std::string_view text, std::size_t max_chars = 10'000);
/// The same without regrouping, so the padding is the caller's to judge.
Result<Bech32Symbols> bech32_decode_symbols(std::string_view text, std::size_t max_chars = 10'000);

}  // namespace base
