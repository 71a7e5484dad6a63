// A skill changes hands: the seller encrypts it so that only the agent's group and the key of one licence
// open it together, the buyer opens it and believes nothing on the way.
#pragma once

#include "nipsa/delivery.h"
#include "nipsa/skill_listing.h"
#include "nostr/nips/nip44.h"
#include "orchestration/marketplace/package.h"

namespace orchestration {

/// Whom a licence is for, and what it shall say beside what follows from the manifest.
struct LicenceGrant {
  nostr::PublicKey agent;
  nipsa::LicenceTerms terms;
  std::string id;                               ///< 32 hex; "" makes one
  std::optional<nostr::Sha256> payment_hash;    ///< of the lightning payment it was bought with
  std::optional<base::Sat> price;
  /// Where a body lies that is too long to travel inside: its URL is this, a slash and its hash.
  std::string blobs_at;
};

/// A licence and what it opens, both unsigned.
struct Handover {
  nipsa::Licence licence;
  nostr::Draft licence_draft;
  nostr::Draft delivery;  ///< a rumor for the provider to seal
  std::optional<base::Bytes> blob;  ///< ciphertext of a long body, to be put where `blobs_at` says
};

/// Makes the key of the licence, encrypts `package` with it to the agent and forgets it: from then on
/// nobody but the group can open the body. `issuer` will sign the licence, `provider` seal the delivery, which
/// it vouches for where it is the publisher. kConflict when the package is not what the manifest names,
/// kLimit when the body is over nipsa::kInlineMax and the grant names no place for it.
base::Result<Handover> hand_over(const SkillPackage& package, const nostr::Event& manifest,
                                 const LicenceGrant& grant,
                                 const nostr::PublicKey& issuer, const nostr::SecretKey& provider,
                                 base::UnixTime now, base::Rng& rng);

/// The licence as its issuer takes it back: a newer version of the same address.
base::Result<nostr::Draft> revoked_licence(const nostr::Event& licence, base::UnixTime now);

/// Whether `bytes` are what the delivery refers to: E_HASH, E_SIZE. Needs no key, so that no use of a
/// licence is spent on something else.
base::Result<void> check_blob(const nipsa::Blob& blob, base::ByteView bytes);
/// Opens a delivery that check_delivery() has passed, with the key the group made together; `blob` is
/// what it refers to, where it does, and passed check_blob(). E_HASH unless the body is the one the
/// manifest names.
base::Result<SkillPackage> open_delivery(const nipsa::Delivery& delivery,
                                         const nipsa::Manifest& manifest,
                                         const nostr::ConversationKey& key, base::ByteView blob = {});

}  // namespace orchestration
