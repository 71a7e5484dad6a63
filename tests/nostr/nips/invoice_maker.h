// A lightning node small enough for tests: it signs BOLT-11 invoices that commit to a text.
#pragma once

#include <secp256k1_recovery.h>

#include <memory>
#include <optional>
#include <vector>

#include "nostr/base/bech32.h"
#include "nostr/crypto/keys.h"
#include "nostr/nips/bolt11.h"

namespace nips_test {

/// 8-bit bytes as 5-bit symbols, zeros behind.
inline base::Bytes to_symbols(base::ByteView bytes) {
  base::Bytes out;
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    window = (window << 8 | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) out.push_back((window >> (bits - 5)) & 31);
  }
  if (bits > 0) out.push_back(static_cast<std::uint8_t>(window << (5 - bits)) & 31);
  return out;
}

inline base::Bytes to_bytes(const base::Bytes& symbols) {
  base::Bytes out;
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t symbol : symbols) {
    window = (window << 5 | symbol) & 0xfff;
    if ((bits += 5) < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(window >> bits));
  }
  if (bits > 0) out.push_back(static_cast<std::uint8_t>(window << (8 - bits)));
  return out;
}

/// What an invoice says. `hrp` holds network and amount ("lnbc21u").
struct InvoiceParts {
  std::string hrp;
  nostr::Sha256 payment_hash;
  std::string description;
  std::optional<nostr::Sha256> description_hash;
  std::int64_t timestamp = 1'496'314'658;
  std::optional<std::int64_t> expiry;  ///< seconds; the default is an hour
};

inline void append_number(base::Bytes& out, std::int64_t value, std::size_t symbols) {
  for (std::size_t i = symbols; i-- > 0;)
    out.push_back(static_cast<std::uint8_t>(value >> (5 * i)) & 31);
}

/// `key` signs as the node.
inline std::string sign_invoice(const InvoiceParts& parts, const nostr::SecretKey& key) {
  base::Bytes data;
  append_number(data, parts.timestamp, 7);
  const auto field = [&](std::uint8_t type, const base::Bytes& symbols) {
    data.push_back(type);
    append_number(data, static_cast<std::int64_t>(symbols.size()), 2);
    data.insert(data.end(), symbols.begin(), symbols.end());
  };
  field(1, to_symbols(parts.payment_hash.view()));                                      // p
  if (parts.description_hash) field(23, to_symbols(parts.description_hash->view()));    // h
  if (!parts.description_hash) field(13, to_symbols(base::as_bytes(parts.description)));  // d
  if (parts.expiry) {
    base::Bytes number;
    append_number(number, *parts.expiry, 7);
    field(6, number);  // x
  }
  while (data.size() % 8 != 0) field(10, {});  // unknown and empty: makes all of it whole bytes
  const base::Bytes body = to_bytes(data);
  const nostr::Sha256 message = nostr::Sha256Hasher().update(parts.hrp).update(body).finish();
  const std::unique_ptr<secp256k1_context, decltype(&secp256k1_context_destroy)> context(
      secp256k1_context_create(SECP256K1_CONTEXT_NONE), &secp256k1_context_destroy);
  secp256k1_ecdsa_recoverable_signature signature;
  CHECK(secp256k1_ecdsa_sign_recoverable(context.get(), &signature, message.data(),
                                         key.expose().data(), nullptr, nullptr) == 1);
  std::array<std::uint8_t, 65> raw{};
  int recovery_id = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context.get(), raw.data(), &recovery_id,
                                                          &signature);
  raw[64] = static_cast<std::uint8_t>(recovery_id);
  const base::Bytes tail = to_symbols(raw);
  data.insert(data.end(), tail.begin(), tail.end());
  CHECK(data.size() % 8 == 0);
  return base::bech32_encode(parts.hrp, to_bytes(data), base::Bech32Variant::kBech32);
}

/// One that commits to a text elsewhere.
inline std::string make_invoice(const std::string& hrp, const nostr::Sha256& payment_hash,
                                const nostr::Sha256& description_hash,
                                const nostr::SecretKey& key) {
  return sign_invoice({.hrp = hrp,
                       .payment_hash = payment_hash,
                       .description = "",
                       .description_hash = description_hash,
                       .timestamp = 1'496'314'658,
                       .expiry = std::nullopt},
                      key);
}

}  // namespace nips_test
