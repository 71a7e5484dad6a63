// BOLT-11: prefix with the amount, timestamp, tagged fields of 5-bit symbols, signature.
#include "nostr/nips/bolt11.h"

#include <algorithm>
#include <span>

#include "nostr/base/bech32.h"
#include "nostr/base/number.h"

namespace nostr {

namespace {

using base::Errc;
using base::fail;
using Symbols = std::span<const std::uint8_t>;

constexpr std::size_t kMaxChars = 7'089;
constexpr std::size_t kTimestampSymbols = 7;
constexpr std::size_t kSignatureSymbols = 104;  // 64 bytes and the recovery id
constexpr std::size_t kHashSymbols = 52;
constexpr std::size_t kNodeKeySymbols = 53;

/// Symbols packed into bytes; bits that fill no byte are dropped, or kept with zeros behind them.
enum class LastBits { kDrop, kKeep };
base::Bytes pack(Symbols symbols, LastBits last) {
  base::Bytes out;
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t symbol : symbols) {
    window = ((window << 5) | symbol) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(window >> bits));
  }
  if (bits > 0 && last == LastBits::kKeep)
    out.push_back(static_cast<std::uint8_t>(window << (8 - bits)));
  return out;
}

/// A big-endian number of at most 12 symbols; longer ones do not fit and are nullopt.
std::optional<std::int64_t> number(Symbols symbols) {
  if (symbols.size() > 12) return std::nullopt;
  std::int64_t out = 0;
  for (const std::uint8_t symbol : symbols) out = out << 5 | symbol;
  return out;
}

/// Millisatoshi in one bitcoin divided by what the multiplier divides by; 0 for no multiplier.
std::int64_t msat_per_unit(char multiplier) {
  switch (multiplier) {
    case 'm':
      return 100'000'000;
    case 'u':
      return 100'000;
    case 'n':
      return 100;
    default:
      return 0;
  }
}

base::Result<base::Msat> parse_amount(std::string_view text) {
  const auto bad = [] { return fail(Errc::kInvalid, "the amount of the invoice is malformed"); };
  const bool has_multiplier = text.back() < '0' || text.back() > '9';
  const std::string_view digits = text.substr(0, text.size() - (has_multiplier ? 1 : 0));
  const auto count = base::parse_number<std::int64_t>(digits, 1);
  if (!count || digits.starts_with('0')) return bad();
  if (has_multiplier && text.back() == 'p') {
    if (*count % 10 != 0)
      return fail(Errc::kInvalid, "the invoice asks for parts of a millisatoshi");
    if (*count / 10 > base::kMaxMsat.value) return bad();
    return base::Msat{*count / 10};
  }
  const std::int64_t unit = has_multiplier ? msat_per_unit(text.back()) : 100'000'000'000;
  if (unit == 0 || *count > base::kMaxMsat.value / unit) return bad();
  return base::Msat{*count * unit};
}

/// `ln`, network, amount.
base::Result<void> read_prefix(std::string_view hrp, Invoice& out) {
  const auto amount = std::min(hrp.find_first_of("0123456789"), hrp.size());
  if (!hrp.starts_with("ln") || amount <= 2)
    return fail(Errc::kInvalid, "not a lightning invoice", "expected lnbc…");
  out.network = hrp.substr(2, amount - 2);
  if (amount < hrp.size()) {
    TRY(out.amount, parse_amount(hrp.substr(amount)));
  }
  return {};
}

struct Fields {
  std::optional<Sha256> payment_hash;
  std::optional<NodeKey> payee;
};

/// One tagged field; the first of a kind counts, one of a wrong length is skipped as the source
/// asks.
base::Result<void> read_field(char type, Symbols value, Fields& fields, Invoice& out) {
  const auto hash = [&] { return *Sha256::from_bytes(pack(value, LastBits::kDrop)); };
  if (type == 'p' && value.size() == kHashSymbols && !fields.payment_hash) {
    fields.payment_hash = hash();
  } else if (type == 'h' && value.size() == kHashSymbols && !out.description_hash) {
    out.description_hash = hash();
  } else if (type == 'n' && value.size() == kNodeKeySymbols && !fields.payee) {
    fields.payee = *NodeKey::from_bytes(pack(value, LastBits::kDrop));
  } else if (type == 'd' && out.description.empty()) {
    out.description = base::as_text(pack(value, LastBits::kDrop));
  } else if (type == 'x') {
    const auto seconds = number(value);
    if (!seconds || *seconds > 0xffff'ffff)
      return fail(Errc::kInvalid, "the invoice expires too far away");
    out.expiry = std::chrono::seconds(*seconds);
  }
  return {};
}

base::Result<void> read_fields(Symbols data, Fields& fields, Invoice& out) {
  constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  while (!data.empty()) {
    const std::size_t length = data.size() < 3 ? 0 : std::size_t{data[1]} << 5 | data[2];
    if (data.size() < 3 + length)
      return fail(Errc::kInvalid, "a field of the invoice is cut short");
    TRY(read_field(kAlphabet[data[0]], data.subspan(3, length), fields, out));
    data = data.subspan(3 + length);
  }
  return {};
}

base::Result<NodeKey> recover_payee(std::string_view hrp, Symbols data) {
  const base::Bytes body = pack(data.first(data.size() - kSignatureSymbols), LastBits::kKeep);
  const Sha256 message = Sha256Hasher().update(hrp).update(body).finish();
  const base::Bytes signature = pack(data.last(kSignatureSymbols), LastBits::kDrop);
  return recover_node_key(message, std::span(signature).first<64>(), signature[64]);
}

std::string_view without_scheme(std::string_view text) {
  for (const std::string_view scheme : {"lightning:", "LIGHTNING:"})
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  return text;
}

}  // namespace

base::Result<Invoice> parse_invoice(std::string_view text) {
  TRY(const base::Bech32Symbols decoded,
      base::bech32_decode_symbols(without_scheme(text), kMaxChars));
  if (decoded.variant != base::Bech32Variant::kBech32)
    return fail(Errc::kInvalid, "the invoice is written in bech32m, BOLT-11 uses bech32");
  Invoice out;
  TRY(read_prefix(decoded.hrp, out));
  const Symbols data(decoded.symbols);
  if (data.size() < kTimestampSymbols + kSignatureSymbols)
    return fail(Errc::kInvalid, "the invoice is too short for a timestamp and a signature");
  out.created_at = base::unix_time(*number(data.first(kTimestampSymbols)));
  Fields fields;
  const auto tagged = data.size() - kTimestampSymbols - kSignatureSymbols;
  TRY(read_fields(data.subspan(kTimestampSymbols, tagged), fields, out));
  if (!fields.payment_hash) return fail(Errc::kInvalid, "the invoice has no payment hash");
  out.payment_hash = *fields.payment_hash;
  TRY(out.payee, recover_payee(decoded.hrp, data));
  if (fields.payee && *fields.payee != out.payee)
    return fail(Errc::kCrypto, "the invoice is not signed by the node it names");
  return out;
}

base::UnixTime expires_at(const Invoice& invoice) {
  return invoice.created_at + invoice.expiry;
}

bool is_paid_by(const Sha256& payment_hash, const Preimage& preimage) {
  return sha256(preimage.view()) == payment_hash;
}

}  // namespace nostr
