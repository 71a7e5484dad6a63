// bech32 and bech32m: checksum polynomial and the regrouping of 8-bit bytes into 5-bit symbols.
#include "nostr/base/bech32.h"

#include <array>
#include <span>

namespace base {
namespace {

constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kChecksumSize = 6;
constexpr std::uint8_t kBad = 0xff;

constexpr std::array<std::uint8_t, 128> kSymbolOf = [] {
  std::array<std::uint8_t, 128> table{};
  table.fill(kBad);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

/// The constant a valid checksum leaves behind: 1 in BIP-173, its replacement in BIP-350.
constexpr std::uint32_t residue(Bech32Variant variant) {
  return variant == Bech32Variant::kBech32 ? 1 : 0x2bc830a3;
}

std::uint32_t polymod_step(std::uint32_t state, std::uint8_t symbol) {
  constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                       0x3d4233dd, 0x2a1462b3};
  const std::uint32_t top = state >> 25;
  state = ((state & 0x1ffffff) << 5) ^ symbol;
  for (std::size_t i = 0; i < kGenerator.size(); ++i)
    if (((top >> i) & 1) != 0) state ^= kGenerator[i];
  return state;
}

/// Checksum state after the expanded human-readable part.
std::uint32_t polymod_hrp(std::string_view hrp) {
  std::uint32_t state = 1;
  for (const char c : hrp) state = polymod_step(state, static_cast<std::uint8_t>(c) >> 5);
  state = polymod_step(state, 0);
  for (const char c : hrp) state = polymod_step(state, static_cast<std::uint8_t>(c) & 31);
  return state;
}

/// Symbols back to bytes; up to four bits may be left over, and only as zeros.
Result<Bytes> regroup(std::span<const std::uint8_t> symbols) {
  Bytes out;
  out.reserve(symbols.size() * 5 / 8);
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t symbol : symbols) {
    window = ((window << 5) | symbol) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(window >> bits));
    }
  }
  if (bits >= 5) return fail(Errc::kInvalid, "bech32 data holds a superfluous character");
  if ((window & ((1U << bits) - 1)) != 0) return fail(Errc::kInvalid, "bech32 padding is not zero");
  return out;
}

/// Checks the characters and folds an all-upper-case spelling into lower case.
Result<std::string> fold_case(std::string_view text) {
  std::string out(text);
  bool lower = false;
  bool upper = false;
  for (char& c : out) {
    if (c < 33 || c > 126)
      return fail(Errc::kInvalid, "bech32 text has a character outside printable ASCII");
    lower = lower || (c >= 'a' && c <= 'z');
    if (c >= 'A' && c <= 'Z') {
      upper = true;
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  if (lower && upper) return fail(Errc::kInvalid, "bech32 text mixes upper and lower case");
  return out;
}

}  // namespace

std::string bech32_encode(std::string_view hrp, ByteView data, Bech32Variant variant) {
  std::string out;
  out.reserve(hrp.size() + 1 + (data.size() * 8 + 4) / 5 + kChecksumSize);
  out.append(hrp).push_back('1');
  std::uint32_t state = polymod_hrp(hrp);
  const auto put = [&](std::uint32_t symbol) {
    state = polymod_step(state, static_cast<std::uint8_t>(symbol));
    out.push_back(kAlphabet[symbol]);
  };
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t byte : data) {
    window = ((window << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      put((window >> bits) & 31);
    }
  }
  if (bits > 0) put((window << (5 - bits)) & 31);
  for (std::size_t i = 0; i < kChecksumSize; ++i) state = polymod_step(state, 0);
  state ^= residue(variant);
  for (std::size_t i = 0; i < kChecksumSize; ++i)
    out.push_back(kAlphabet[(state >> (5 * (kChecksumSize - 1 - i))) & 31]);
  return out;
}

Result<Bech32Symbols> bech32_decode_symbols(std::string_view text, std::size_t max_chars) {
  if (text.size() > max_chars)
    return fail(Errc::kInvalid, "bech32 text is " + std::to_string(text.size()) +
                                    " characters, limit is " + std::to_string(max_chars));
  TRY(const std::string folded, fold_case(text));
  const std::size_t separator = folded.rfind('1');
  if (separator == std::string::npos || separator == 0)
    return fail(Errc::kInvalid, "bech32 text has no prefix before its last 1");
  if (folded.size() - separator - 1 < kChecksumSize)
    return fail(Errc::kInvalid, "bech32 text is too short for a checksum");

  const std::string_view hrp = std::string_view(folded).substr(0, separator);
  std::uint32_t state = polymod_hrp(hrp);
  Bytes symbols;
  symbols.reserve(folded.size() - separator - 1);
  for (const char c : std::string_view(folded).substr(separator + 1)) {
    const std::uint8_t symbol = kSymbolOf[static_cast<std::uint8_t>(c)];
    if (symbol == kBad)
      return fail(Errc::kInvalid, "bech32 data has a character outside its alphabet");
    state = polymod_step(state, symbol);
    symbols.push_back(symbol);
  }
  Bech32Symbols out;
  if (state == residue(Bech32Variant::kBech32))
    out.variant = Bech32Variant::kBech32;
  else if (state == residue(Bech32Variant::kBech32m))
    out.variant = Bech32Variant::kBech32m;
  else
    return fail(Errc::kInvalid, "bech32 checksum does not match",
                "check the text for a typing error");

  symbols.resize(symbols.size() - kChecksumSize);
  out.hrp = hrp;
  out.symbols = std::move(symbols);
  return out;
}

Result<Bech32> bech32_decode(std::string_view text, std::size_t max_chars) {
  TRY(Bech32Symbols decoded, bech32_decode_symbols(text, max_chars));
  auto data = regroup(decoded.symbols);
  wipe(decoded.symbols);  // the text may have been a secret key
  if (!data) return std::unexpected(std::move(data).error());
  return Bech32{std::move(decoded.hrp), *std::move(data), decoded.variant};
}

}  // namespace base
