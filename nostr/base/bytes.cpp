// Hex and base64 by table, constant-time comparison, and wiping through OpenSSL.
#include "nostr/base/bytes.h"

#include <array>

#include <openssl/crypto.h>

namespace base {
namespace {

using DecodeTable = std::array<std::uint8_t, 256>;
constexpr std::uint8_t kBad = 0xff;
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr DecodeTable invert(std::string_view alphabet) {
  DecodeTable table{};
  table.fill(kBad);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}

constexpr DecodeTable kFromHex = invert(kHexDigits);
constexpr DecodeTable kFromBase64 = invert(kBase64);
constexpr DecodeTable kFromBase64Url = invert(kBase64Url);

std::string encode_groups(ByteView bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    window = (window << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out.push_back(alphabet[(window >> bits) & 63]);
    }
  }
  if (bits > 0) out.push_back(alphabet[(window << (6 - bits)) & 63]);
  return out;
}

Result<Bytes> decode_groups(std::string_view text, const DecodeTable& table) {
  if (text.size() % 4 == 1) return fail(Errc::kInvalid, "base64 text has an impossible length");
  Bytes out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t window = 0;
  int bits = 0;
  for (const char c : text) {
    const std::uint8_t value = table[static_cast<std::uint8_t>(c)];
    if (value == kBad)
      return fail(Errc::kInvalid, "base64 text has a character outside its alphabet");
    window = (window << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(window >> bits));
    }
  }
  // One byte string has one spelling: bits that encode nothing must be zero.
  if ((window & ((1U << bits) - 1)) != 0)
    return fail(Errc::kInvalid, "base64 text has non-zero trailing bits");
  return out;
}

}  // namespace

ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex_encode(ByteView bytes) {
  std::string out(bytes.size() * 2, '\0');
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    out[at++] = kHexDigits[byte >> 4];
    out[at++] = kHexDigits[byte & 15];
  }
  return out;
}

bool hex_decode_into(std::string_view hex, std::span<std::uint8_t> out) {
  if (hex.size() != out.size() * 2) return false;
  // Valid digits are below 16, so one OR over all of them tells whether any was bad.
  unsigned seen = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const unsigned high = kFromHex[static_cast<std::uint8_t>(hex[2 * i])];
    const unsigned low = kFromHex[static_cast<std::uint8_t>(hex[2 * i + 1])];
    seen |= high | low;
    out[i] = static_cast<std::uint8_t>((high << 4) | (low & 15));
  }
  return seen < 16;
}

Result<Bytes> hex_decode(std::string_view hex) {
  if (hex.size() % 2 != 0) return fail(Errc::kInvalid, "hex text has an odd length");
  Bytes out(hex.size() / 2);
  if (!hex_decode_into(hex, out))
    return fail(Errc::kInvalid, "hex text has a character other than 0-9 and a-f");
  return out;
}

std::string base64_encode(ByteView bytes) {
  std::string out = encode_groups(bytes, kBase64);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

Result<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0)
    return fail(Errc::kInvalid, "base64 text is not padded to four characters");
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return decode_groups(text, kFromBase64);
}

std::string base64url_encode(ByteView bytes) {
  return encode_groups(bytes, kBase64Url);
}

Result<Bytes> base64url_decode(std::string_view text) {
  return decode_groups(text, kFromBase64Url);
}

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::span<std::uint8_t> bytes) {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

void wipe(std::string& text) {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace base
