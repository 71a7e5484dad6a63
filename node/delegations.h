// Delegations (39260) as relays tell them: one with everything above it, beside it and against it,
// and whether it stands. Source: nip-sa 3.11, 4.6.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nipsa/delegation.h"
#include "nostr/base/json.h"
#include "nostr/client/pool.h"

namespace node {

/// A delegation and what is to be thought of it.
struct DelegationFinding {
  enum class State {
    kLive,
    kExpired,
    kRevoked,
    kInvalid,  ///< it breaks a rule: whoever acts under it acts without one
  };
  nipsa::GivenDelegation given;
  std::vector<nipsa::GivenDelegation> chain;  ///< root first, `given` last
  State state = State::kInvalid;
  std::string why;  ///< "" when it is live
};
std::string_view delegation_state_name(DelegationFinding::State state);
/// id, from, to, scope, max_sat, credit, capabilities, expires_at, depth, parent, task, state, why.
base::json::Value delegation_view(const DelegationFinding& finding);

/// Looks at `event` and at what relays say of it: its chain up to the root, what was given on
/// beside it, what was taken back, the skill and the credit it names. An event that is no
/// delegation at all is an error, and so is kUnavailable: what is not known must not pass for
/// "nobody took it back".
base::Task<base::Result<DelegationFinding>> judge_delegation(nostr::Pool& pool,
                                                             std::vector<std::string> relays,
                                                             nostr::Event event,
                                                             base::UnixTime now);
/// The one with this id. kNotFound.
base::Task<base::Result<DelegationFinding>> find_delegation(nostr::Pool& pool,
                                                            std::vector<std::string> relays,
                                                            nostr::EventId id, base::UnixTime now);
/// Those by `from`, to `to`, or both, the latest first; at most 100.
base::Task<base::Result<std::vector<DelegationFinding>>> list_delegations(
    nostr::Pool& pool, std::vector<std::string> relays, std::optional<nostr::PublicKey> from,
    std::optional<nostr::PublicKey> to, base::UnixTime now);

/// What `author` signs to give `wanted`: refused beforehand where judge_delegation() would find it
/// invalid, also for one that names a delegation above it which is not live.
base::Task<base::Result<nostr::Draft>> delegation_draft(nostr::Pool& pool,
                                                        std::vector<std::string> relays,
                                                        nostr::PublicKey author,
                                                        nipsa::Delegation wanted,
                                                        base::UnixTime now);
/// The kind 5 by which `author` takes `id` back. kDenied for a delegation of somebody else.
base::Task<base::Result<nostr::Draft>> revocation_draft(nostr::Pool& pool,
                                                        std::vector<std::string> relays,
                                                        nostr::PublicKey author, nostr::EventId id,
                                                        std::string reason, base::UnixTime now);

/// The delegation that `params` ask for: to, scope, task, expires_at, capabilities, max_sat,
/// credit, under, parent_session. kInvalid names the member.
base::Result<nipsa::Delegation> delegation_from(const base::json::Value& params, base::Rng& rng);

/// "nip90:JOB", "l402:RESOURCE" or "skill:33400:KEY:SLUG:VERSION". kInvalid.
base::Result<nipsa::Scope> parse_scope(std::string_view text);

}  // namespace node
