// Zaps (NIP-57): money in public — the request before, the receipt after.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nostr/client/pool.h"
#include "orchestration/money/lnurl.h"

namespace orchestration {

/// Whom to zap, for what, and where the receipt shall appear.
struct ZapWish {
  nostr::PublicKey to;
  std::optional<nostr::EventId> event;
  std::optional<nostr::Kind> kind;  ///< of that event
  base::Msat amount;
  std::string comment;
  std::vector<std::string> relays;
};

/// A zap that is asked for and not paid.
struct ZapOffer {
  nostr::Event request;  ///< 9734, signed
  std::string address;   ///< the lightning address it goes to
  nostr::PublicKey provider;
  std::string invoice;
  std::vector<std::string> relays;
};

/// App thread. References outlive it.
class Zapper {
 public:
  Zapper(nostr::Pool& pool, Lnurl& lnurl, const base::Clock& clock)
      : pool_(pool), lnurl_(lnurl), clock_(clock) {}

  /// The lightning address in the newest profile (kind 0) of `who`. kNotFound without one.
  base::Task<base::Result<std::string>> address_of(nostr::PublicKey who,
                                                   std::vector<std::string> relays);
  /// Finds the address, has `signer` sign the request, and asks for its invoice.
  base::Task<base::Result<ZapOffer>> offer(ZapWish wish, nostr::Signer& signer);
  /// Waits for the provider's receipt of this offer, among all that claim to be one. kTimeout: none came;
  /// whether it was paid is what the payment says, not the receipt.
  base::Task<base::Result<nostr::Zap>> receipt(ZapOffer offer, std::chrono::milliseconds limit);

 private:
  nostr::Pool& pool_;
  Lnurl& lnurl_;
  const base::Clock& clock_;
};

}  // namespace orchestration
