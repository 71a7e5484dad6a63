// Hashing into the scalar field and the five hashes of the ciphersuite.
#include "frostr/frost/hash.h"

#include <algorithm>

#include "nostr/base/result.h"

namespace frostr {

namespace {

constexpr std::string_view kContext = "FROST-secp256k1-SHA256-v1";

void append(base::Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::string domain(std::string_view suffix) { return std::string(kContext).append(suffix); }

nostr::Sha256 tagged(std::string_view suffix, ByteView message) {
  base::Bytes input;
  append(input, base::as_bytes(domain(suffix)));
  append(input, message);
  return nostr::sha256(ByteView(input));
}

}  // namespace

std::array<std::uint8_t, 48> expand_message(ByteView message, std::string_view domain) {
  CHECK(domain.size() <= 255);
  base::Bytes suffix(base::as_bytes(domain).begin(), base::as_bytes(domain).end());
  suffix.push_back(static_cast<std::uint8_t>(domain.size()));

  base::Bytes input(64, 0);  // one block of zeros
  append(input, message);
  append(input, std::array<std::uint8_t, 3>{0, 48, 0});
  append(input, suffix);
  const nostr::Sha256 b0 = nostr::sha256(ByteView(input));

  std::array<std::uint8_t, 48> out{};
  std::array<std::uint8_t, 32> block{};
  for (std::size_t i = 0; i < 2; ++i) {
    // block i+1 = H((b0 xor block i) || i+1 || suffix), where block 0 is zero.
    input.clear();
    for (std::size_t k = 0; k < 32; ++k)
      input.push_back(static_cast<std::uint8_t>(b0.array()[k] ^ block[k]));
    input.push_back(static_cast<std::uint8_t>(i + 1));
    append(input, suffix);
    block = nostr::sha256(ByteView(input)).array();
    const std::size_t take = i == 0 ? 32 : 16;
    std::copy_n(block.begin(), take, out.begin() + static_cast<std::ptrdiff_t>(32 * i));
  }
  return out;
}

Scalar hash_to_field(ByteView message, std::string_view domain) {
  return Scalar::reduce(expand_message(message, domain));
}

Scalar frost_h1(ByteView message) { return hash_to_field(message, domain("rho")); }

Scalar frost_h2(ByteView message) { return hash_to_field(message, domain("chal")); }

Scalar frost_h3(ByteView message) { return hash_to_field(message, domain("nonce")); }

nostr::Sha256 frost_h4(ByteView message) { return tagged("msg", message); }

nostr::Sha256 frost_h5(ByteView message) { return tagged("com", message); }

}  // namespace frostr
