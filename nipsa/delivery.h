// Kind 39221: the skill itself on its way to one agent, encrypted to a key of its licence (nip-sa 3.8).
#pragma once

#include "nipsa/licence.h"
#include "nipsa/manifest.h"
#include "nipsa/reading.h"
#include "nostr/nips/nip59.h"

namespace nipsa {

inline constexpr nostr::Kind kFleetingWrap = 21'059;  ///< NIP-59: a gift wrap that relays do not store
inline constexpr std::size_t kInlineMax = 16'384;     ///< bytes of a body that travels inside
inline constexpr std::size_t kBodyMax = 1'048'576;    ///< bytes of any body

/// Where a body that is too long lies. Its key and nonce are what the delivery's payload holds.
struct Blob {
  std::string url;       ///< https
  nostr::Sha256 sha256;  ///< of the ciphertext
  std::uint64_t size = 0;
  std::string alg = "aes-256-gcm";
  friend bool operator==(const Blob&, const Blob&) = default;
};

struct Delivery {
  std::string d;  ///< 32 hex
  nostr::PublicKey agent;
  std::optional<nostr::Address> skill;
  std::string skill_id;  ///< the slug
  std::optional<nostr::EventId> manifest_id;
  std::optional<nostr::Event> manifest;      ///< whole and signed
  std::string version;
  std::optional<nostr::Address> licence;
  std::optional<nostr::PublicKey> content_key;
  std::string payload;       ///< NIP-44 content_key → agent, or plaintext of older writers
  std::optional<Blob> blob;
  std::string content_type;  ///< "skill-md" or "skill-bundle"
  std::optional<nostr::Sha256> content_hash;
  std::optional<nostr::Signature> signature;  ///< by the publisher over delivery_digest()
};

/// What the publisher signs.
nostr::Sha256 delivery_digest(const nostr::Address& skill, const nostr::EventId& manifest,
                              std::string_view version, const nostr::Sha256& hash,
                              const nostr::PublicKey& agent, const nostr::PublicKey& content_key);

/// What a delivery may come in, layered alike in each (C34): a gift wrap, one that relays do not store, or
/// the outer event of the draft. Ours are sent in the first, which relays keep and show to nobody else.
bool may_wrap_delivery(nostr::Kind kind);
/// Opens any of them for `self`: signatures of wrap and seal, rumor and seal by one author. What the outer
/// tags say plays no part. E_KIND, E_SIG, E_CRYPTO, E_SIGNER, E_JSON.
Result<nostr::Rumor> unwrap_delivery(const nostr::Event& outer, const nostr::SecretKey& self);

/// A rumor for its provider to seal. Strict: every member is needed but blob and signature.
Result<nostr::Draft> build_delivery(const Delivery& delivery, UnixTime at);
/// From a rumor, or from the outer event older writers publish. E_JSON, E_TAG_*, E_REF. The licence and
/// skill of its tags are believed only where the content is silent.
Result<Delivery> parse_delivery(const nostr::UnsignedEvent& event);

/// Whether `delivery` by `author` is the one `licence` promises: E_SIGNER unless its author is the
/// licence's provider or the publisher, E_AUTHZ for another agent, E_REF and E_HASH where address,
/// manifest, version, licence or content key differ or the embedded manifest does not verify, E_SIG for
/// a signature that is there and wrong. The manifest, read, when all is well.
Result<Manifest> check_delivery(const Delivery& delivery, const nostr::PublicKey& author,
                                const Licence& licence);

}  // namespace nipsa
