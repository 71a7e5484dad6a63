// Random bytes from OpenSSL, and a SHA-256 counter stream for repeatable runs.
#include "nostr/base/rng.h"

#include <climits>
#include <cstring>

#include <openssl/rand.h>
#include <openssl/sha.h>

namespace base {

std::string Rng::hex(std::size_t count) {
  Bytes bytes(count);
  fill(bytes);
  return hex_encode(bytes);
}

std::uint64_t Rng::below(std::uint64_t bound) {
  CHECK(bound > 0);
  // Values under 2^64 mod bound would make the low residues more likely, so they are drawn again.
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    std::uint64_t value = 0;
    const auto raw = bytes<sizeof value>();
    std::memcpy(&value, raw.data(), sizeof value);
    if (value >= threshold) return value % bound;
  }
}

void SystemRng::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::size_t step = std::min<std::size_t>(out.size(), INT_MAX);
    CHECK(RAND_bytes(out.data(), static_cast<int>(step)) == 1);
    out = out.subspan(step);
  }
}

void SeededRng::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::array<std::uint64_t, 2> block = {seed_, counter_.fetch_add(1)};
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const unsigned char*>(block.data()), sizeof block, digest.data());
    const std::size_t step = std::min(out.size(), digest.size());
    std::memcpy(out.data(), digest.data(), step);
    out = out.subspan(step);
  }
}

}  // namespace base
