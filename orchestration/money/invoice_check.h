// An invoice against what was agreed: nothing is paid that differs from what was approved.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/nips/bolt11.h"

namespace orchestration {

/// What somebody agreed to pay. Members that are absent were not agreed on and are not compared.
struct InvoiceTerms {
  base::Msat amount;
  std::optional<nostr::NodeKey> payee;
  std::optional<nostr::Sha256> payment_hash;
  std::optional<nostr::Sha256> description_hash;  ///< lnurl metadata or zap request
};

/// Reads `text` and holds it against `terms`: kInvalid for no invoice or one that leaves the amount
/// open, kDenied when it differs from the terms, kLimit when it has expired. Pure.
base::Result<nostr::Invoice> check_invoice(std::string_view text, const InvoiceTerms& terms,
                                           base::UnixTime now);

/// What a wallet may charge on top: one percent, at least ten satoshi.
base::Msat fee_allowance(base::Msat amount);

}  // namespace orchestration
