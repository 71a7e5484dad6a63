// Kind 39220: the right of one agent to one skill (nip-sa 3.8).
#pragma once

#include "nipsa/capabilities.h"
#include "nipsa/kinds.h"
#include "nipsa/manifest.h"
#include "nipsa/reading.h"

namespace nipsa {

enum class LicenceType { kPerpetual, kSubscription, kMetered };
std::string_view licence_type_name(LicenceType type);
/// Lower case only; E_ENUM.
Result<LicenceType> parse_licence_type(std::string_view text);

/// How it was paid for: ["payment_rail", rail, ref?] or a bare payment hash.
struct LicencePayment {
  std::string hash;   ///< of the lightning payment; "" when none was made
  std::string rail;   ///< "lightning"; "" when not said
  std::string ref;
  std::string proof;
  friend bool operator==(const LicencePayment&, const LicencePayment&) = default;
};

struct Licence {
  std::string id;          ///< 32 hex when we mint it; whatever precedes ":AGENT" otherwise
  nostr::PublicKey issuer; ///< who signs
  nostr::PublicKey agent;
  std::optional<nostr::Address> skill;  ///< 33400; older writers name it only
  std::string skill_name;
  std::optional<nostr::EventId> manifest;
  std::string version;
  std::optional<nostr::Sha256> manifest_hash;
  std::optional<nostr::PublicKey> provider;
  UnixTime licensed_at;
  std::optional<UnixTime> expires;   ///< the earliest that is stated anywhere
  std::optional<LicenceType> type;   ///< nullopt: a word we do not know, treated as expired
  std::optional<std::uint64_t> max_uses;
  std::optional<std::uint64_t> max_per_day;  ///< restrictions.max_requests_per_day
  LicencePayment payment;
  std::optional<Sat> price;
  /// One key of this licence alone, to which its content is encrypted.
  std::optional<nostr::PublicKey> content_key;
  bool revoked = false;
  Capabilities capabilities;

  /// The `d` of its address.
  std::string d() const { return id + ":" + agent.hex(); }
  nostr::Address address() const { return {kinds::kSkillLicence, issuer, d()}; }
  friend bool operator==(const Licence&, const Licence&) = default;
};

/// Strict: the id is 32 hex, and skill, manifest, version, hash, provider, content key and a type are
/// there; metered needs max_uses. E_TAG_MISSING names what is not, E_NUM for dates out of order.
Result<nostr::Draft> build_licence(const Licence& licence, UnixTime at);
/// Reads both dialects. E_KIND for an event of this kind that is another protocol's, E_TAG_MISSING
/// without an agent, E_CONFLICT when two tags name two agents, E_TAG_DUP for two rails.
Result<Licence> parse_licence(const nostr::Event& event);

/// Whether `licence` admits `agent` at `now` by what it says itself: E_SIGNER unless its issuer is one
/// of `issuers`, E_AUTHZ for another agent, E_REVOKED, E_FUTURE, E_EXPIRED (also for a type we do not
/// know). Revocation by deletion or by a newer head is the caller's to find.
Result<void> check_licence(const Licence& licence, const std::vector<nostr::PublicKey>& issuers,
                           const nostr::PublicKey& agent, UnixTime now);
/// Whether it is one for this very manifest: E_REF for another skill, id or version, E_HASH.
Result<void> check_licence_covers(const Licence& licence, const nostr::Event& manifest_event,
                                  const Manifest& manifest);

}  // namespace nipsa
