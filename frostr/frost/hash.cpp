// Hashing into the scalar field and the five hashes of the ciphersuite.
#include "frostr/frost/hash.h"

#include <algorithm>

#include "nostr/base/result.h"

namespace frostr {

namespace {

void append(base::Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::string domain(std::string_view context, std::string_view suffix) {
  return std::string(context).append(suffix);
}

nostr::Sha256 prefixed(const std::string& prefix, ByteView message) {
  base::Bytes input;
  append(input, base::as_bytes(prefix));
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

Scalar FrostHash::h1(ByteView message) const {
  return hash_to_field(message, domain(context, "rho"));
}

Scalar FrostHash::h2(ByteView message) const {
  return hash_to_field(message, domain(context, "chal"));
}

Scalar FrostHash::h3(ByteView message) const {
  return hash_to_field(message, domain(context, "nonce"));
}

nostr::Sha256 FrostHash::h4(ByteView message) const {
  return prefixed(domain(context, "msg"), message);
}

nostr::Sha256 FrostHash::h5(ByteView message) const {
  return prefixed(domain(context, "com"), message);
}

base::Secret<32> secret_tagged_hash(std::string_view tag, std::initializer_list<ByteView> parts) {
  const nostr::Sha256 prefix = nostr::sha256(tag);
  nostr::Sha256Hasher hasher;
  hasher.update(prefix.view()).update(prefix.view());
  for (const ByteView part : parts) hasher.update(part);
  nostr::Sha256 digest = hasher.finish();
  base::Secret<32> out(std::span<const std::uint8_t, 32>(digest.array()));
  base::wipe(std::span(digest.data(), 32));
  return out;
}

std::array<std::uint8_t, 4> be32(std::uint32_t value) {
  std::array<std::uint8_t, 4> out{};
  for (std::size_t i = 0; i < 4; ++i) out[3 - i] = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}

}  // namespace frostr
