// BOLT-11: reading a lightning invoice — what NIP-47 and NIP-57 need to know before money moves.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/base/clock.h"
#include "nostr/base/money.h"
#include "nostr/crypto/node_key.h"

namespace nostr {

/// What unlocks a payment; who shows it has paid.
using Preimage = base::FixedBytes<struct PreimageTag, 32>;

struct Invoice {
  std::string network;               ///< "bc", "tb", "tbs", "bcrt", …
  std::optional<base::Msat> amount;  ///< absent when the payer chooses
  base::UnixTime created_at;
  std::chrono::seconds expiry{3600};
  Sha256 payment_hash;
  NodeKey payee;            ///< who signed; recovered from the signature
  std::string description;  ///< "" when there is none, or only its hash
  std::optional<Sha256> description_hash;
  friend bool operator==(const Invoice&, const Invoice&) = default;
};

/// Reads and checks an invoice, with or without `lightning:`, in either case. kInvalid for a broken
/// checksum, amount or field, or over 7 089 characters (what a QR code can hold); kCrypto when
/// nobody can have signed it. Feature bits and routes are not read: they are the paying wallet's
/// business. Source: BOLT-11 "Requirements".
base::Result<Invoice> parse_invoice(std::string_view text);
/// The last second in which it may be paid.
base::UnixTime expires_at(const Invoice& invoice);
/// Whether `preimage` is the receipt of a payment of `payment_hash`.
bool is_paid_by(const Sha256& payment_hash, const Preimage& preimage);

}  // namespace nostr
