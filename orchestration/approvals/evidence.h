// Evidence: what a question leaves behind, in a form that somebody else can check without asking us.
//
// The chain that is checked: an operator signed something → it names the code, the request or the
// message that showed it → the request is signed and carries the digest → the digest is that of the
// action, which is rendered anew. A word in a NIP-17 message is proven by the seal its author signed
// and by the keys of that one message, which open nothing else of the conversation.
// Source: NIP-SA approval through ordinary clients, "Evidence".
#pragma once

#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/crypto/keys.h"
#include "orchestration/approvals/fold.h"
#include "storage/approvals.h"

namespace orchestration {

/// The longest bundle that is written or read, in bytes of JSON.
inline constexpr std::size_t kMaxEvidenceBytes = 4'194'304;

/// Everything known about `question`, as one JSON object ("format": kEvidenceFormat). `asker` is the
/// key that asked, for opening the seals. kDatabase; kLimit when it would be too long.
base::Result<base::json::Value> gather_evidence(storage::Approvals& approvals,
                                                const storage::Question& question,
                                                const nostr::SecretKey& asker);
inline constexpr std::string_view kEvidenceFormat = "sovereign-approval-evidence-1";

/// How far a statement carries.
enum class Standing {
  kProven,   ///< follows from signatures and hashes in the bundle
  kClaimed,  ///< consistent, but only whoever made the bundle vouches for it
  kBroken,   ///< contradicts itself, or a check failed
};
std::string_view standing_name(Standing standing);

struct EvidenceLine {
  Standing standing = Standing::kBroken;
  std::string what;  ///< e.g. "request", "answer 2 of npub1…"
  std::string why;   ///< what was checked, or what does not fit; may hold words of others
};

struct EvidenceReport {
  /// Of the outcome: the weakest link it needs. Nothing can show that no answer was left out: whoever
  /// said another word has to bring it.
  Standing standing = Standing::kBroken;
  FoldOutcome outcome = FoldOutcome::kOpen;  ///< what the answers amount to, folded anew
  std::string code;
  std::string action;  ///< what was decided on, rendered here from the action itself
  std::vector<EvidenceLine> lines;
};

/// Checks a bundle. `operators`: whose word counts, in the view of whoever checks; when empty those
/// the bundle names, which is then one of the things that are only claimed. kInvalid when it is no
/// bundle at all; everything else is a line.
base::Result<EvidenceReport> check_evidence(const base::json::Value& bundle,
                                            const std::vector<nostr::PublicKey>& operators);

}  // namespace orchestration
