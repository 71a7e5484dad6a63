// Kind 39260: one agent lets another act within a scope, for a while, up to a sum (nip-sa 3.11).
#pragma once

#include <span>

#include "nipsa/manifest.h"
#include "nipsa/scope.h"

namespace nipsa {

inline constexpr std::chrono::seconds kDelegationTtlMax{30 * 86'400};
inline constexpr std::size_t kMaxDelegationDepth = 3;
inline constexpr std::size_t kMaxDelegationTask = 16'384;  ///< bytes

struct Delegation {
  std::string d;                   ///< random_d("del-", rng)
  nostr::PublicKey delegate;       ///< `p`: who may act
  std::string relay;               ///< where it is read
  Scope scope;
  std::string credit;              ///< envelope of the parent; "" when no money may be spent
  std::optional<Sat> max_amount;   ///< needed with credit
  Capabilities capabilities;
  std::optional<nostr::EventId> parent_session;
  std::optional<nostr::EventId> guardian_approval;  ///< the 39213
  std::optional<nostr::EventId> parent;  ///< the 39260 under which this one is given (ours)
  UnixTime expires;
  std::string task;  ///< what is to be done, in words
  friend bool operator==(const Delegation&, const Delegation&) = default;
};

/// The delegating agent signs it. E_TAG_MISSING for credit without a sum, E_NUM for a date not within
/// 30 days, E_SIZE.
Result<nostr::Draft> build_delegation(const Delegation& delegation, UnixTime at);
/// The same errors, and E_TAG_BAD, E_REF, E_HEX, E_ENUM. E_TAG_MISSING without `exp`: nobody delegates
/// for ever. E_CONFLICT when `a` is not the skill of the scope.
Result<Delegation> parse_delegation(const nostr::Event& event);

/// A delegation, read, and the event it was read from.
struct GivenDelegation {
  nostr::Event event;
  Delegation delegation;
};

/// What `me` asks of a delegation before it acts under it: E_AUTHZ for another delegate, E_EXPIRED from
/// its date on, E_REVOKED when one of `deletions` is its author's and covers it.
Result<void> check_delegation(const GivenDelegation& given, const nostr::PublicKey& me,
                              std::span<const nostr::Event> deletions, UnixTime now);
/// Whether `manifest` is the skill it is for and the delegate's own: E_REF for another skill or version,
/// E_EXPIRED, E_SIGNER unless the delegate is its publisher or provider or has `proved` by a challenge
/// to hold the key (auth.h), E_AUTHZ for a capability the manifest does not name.
Result<void> check_delegated_skill(const Delegation& delegation, const Manifest& manifest, bool proved,
                                   UnixTime now);
/// What one who delegates must have: E_BUDGET above `remaining` of its own credit, E_AUTHZ when the sum
/// reaches the threshold above which its guardian decides and no decision is named.
Result<void> check_delegated_money(const Delegation& delegation, Sat remaining,
                                   std::optional<Sat> approval_threshold);
/// Whether each of `chain`, root first, is given under the one before it: E_AUTHZ for more than three,
/// for a later end, for a capability or sum the parent was not given; E_SIGNER when it is not by the
/// parent's delegate, E_REF when it names another parent.
Result<void> check_delegation_chain(std::span<const GivenDelegation> chain);
/// Whether what `parent`'s delegate gives on stays together within its sum; E_BUDGET. Events given twice
/// count once.
Result<void> check_children(const GivenDelegation& parent, std::span<const GivenDelegation> children);

}  // namespace nipsa
