// A skill changes hands: the seller encrypts it so that only the agent's group and the key of one licence
// open it together, the buyer opens it and believes nothing on the way.
#pragma once

#include "nipsa/delivery.h"
#include "nostr/nips/nip44.h"
#include "orchestration/marketplace/package.h"

namespace orchestration {

/// What a licence shall say; the rest follows from the manifest.
struct LicenceTerms {
  nipsa::LicenceType type = nipsa::LicenceType::kPerpetual;
  std::optional<std::uint64_t> max_uses;
  std::optional<std::uint64_t> max_per_day;
  std::optional<std::chrono::seconds> lasts;
};

/// A licence and what it opens, both unsigned.
struct Handover {
  nipsa::Licence licence;
  nostr::Draft licence_draft;
  nostr::Draft delivery;  ///< a rumor for the provider to seal
};

/// Makes the key of the licence, encrypts `package` with it to `agent` and forgets it: from then on
/// nobody but the group can open the body. `issuer` signs licence and delivery; where it is the publisher
/// too, `publisher` vouches for the delivery. kConflict when the package is not what the manifest names,
/// kLimit when the body is over nipsa::kInlineMax.
base::Result<Handover> hand_over(const SkillPackage& package, const nostr::Event& manifest,
                                 const nostr::PublicKey& agent, const LicenceTerms& terms,
                                 const nostr::SecretKey& issuer, base::UnixTime now, base::Rng& rng);

/// The licence as its issuer takes it back: a newer version of the same address.
base::Result<nostr::Draft> revoked_licence(const nostr::Event& licence, base::UnixTime now);

/// Opens a delivery that check_delivery() has passed, with the key the group made together. E_HASH
/// unless the body is the one the manifest names.
base::Result<SkillPackage> open_delivery(const nipsa::Delivery& delivery,
                                         const nipsa::Manifest& manifest,
                                         const nostr::ConversationKey& key);

}  // namespace orchestration
