// Decoded text encodes back to itself in lower case; any bytes survive encoding and decoding.
#include "nostr/base/bech32.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes(data, size);
  if (const auto decoded = base::bech32_decode(base::as_text(bytes))) {
    std::string lower(base::as_text(bytes));
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    CHECK(base::bech32_encode(decoded->hrp, decoded->data, decoded->variant) == lower);
  }
  for (const auto variant : {base::Bech32Variant::kBech32, base::Bech32Variant::kBech32m}) {
    const auto back =
        base::bech32_decode(base::bech32_encode("fuzz", bytes, variant), 2 * size + 32);
    CHECK(back && back->hrp == "fuzz" && back->variant == variant);
    CHECK(std::ranges::equal(back->data, bytes));
  }
  return 0;
}
