// Kind 1985 about agents: how their credits ended, and which operator answers for them (nip-sa 4.8, 3.1).
#pragma once

#include <span>

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

enum class CreditOutcome { kSuccess, kDefault };

/// What an issuer says of a credit that is over, in the namespace agent/credit.
struct CreditLabel {
  CreditOutcome outcome = CreditOutcome::kSuccess;
  nostr::PublicKey agent;
  nostr::EventId evidence;  ///< the receipt (39244) or the notice of default (39245)
  Sat amount;               ///< repaid or lost
  friend bool operator==(const CreditLabel&, const CreditLabel&) = default;
};

/// The issuer of `evidence` signs it: of a receipt a success, of a notice a default. E_KIND for another
/// event; the errors of their readers.
Result<nostr::Draft> build_credit_label(const nostr::Event& evidence, UnixTime at);
/// E_KIND for another namespace, E_ENUM for both outcomes or another one, E_TAG_MISSING, E_NUM, E_HEX.
Result<CreditLabel> parse_credit_label(const nostr::Event& event);

/// How an agent stands with the issuers one trusts.
struct CreditStanding {
  std::uint32_t successes = 0;
  std::uint32_t defaults = 0;
  Sat repaid;
  Sat lost;
  friend bool operator==(const CreditStanding&, const CreditStanding&) = default;
};
/// Adds up the labels on `agent` by `issuers`. Each piece of evidence counts once per issuer, its default
/// before its success; labels that are taken back by one of `deletions`, dated in the future, unsigned or
/// the agent's own count nothing.
CreditStanding credit_standing(const nostr::PublicKey& agent, std::span<const nostr::Event> labels,
                               std::span<const nostr::Event> deletions,
                               std::span<const nostr::PublicKey> issuers, UnixTime now);

/// By an operator (ours, namespace nip-sa.operator): "I control this agent". A profile alone proves
/// nothing of whom it names.
nostr::Draft build_operator_label(const nostr::PublicKey& agent, UnixTime at);
/// Whether `label` says so of `agent` by `operator_key` and no deletion takes it back. Signatures are
/// checked here.
bool acknowledges_agent(const nostr::Event& label, const nostr::PublicKey& operator_key,
                        const nostr::PublicKey& agent, std::span<const nostr::Event> deletions);

}  // namespace nipsa
