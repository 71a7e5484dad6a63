// The words in which our co-signers say no, so that a requester can act on them.
//
//   approval-required:<digest hex>   only the operator's yes is missing; nothing was spent
//   lease-held:<unix time>           another process acts for this member until then; nothing was spent,
//                                    and another member must not be asked instead
//   refused:<word>[: text]           final: another member must not be asked instead
//   retry:<word>[: text]             the session was unusable (stale nonce, starting up): ask again
// A stock peer's text fits none of them and counts as a refusal.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/clock.h"
#include "nostr/crypto/hash.h"

namespace frostr {

struct Reject {
  enum class Kind { kApprovalRequired, kLeaseHeld, kRefused, kRetry };
  Kind kind = Kind::kRefused;
  nostr::Sha256 digest{};     ///< for kApprovalRequired
  base::UnixTime until{};     ///< for kLeaseHeld
  std::string reason{};       ///< a peer's text: escape before showing
};

std::string approval_required_text(const nostr::Sha256& digest);
std::string lease_held_text(base::UnixTime until);
std::string refused_text(std::string_view reason);
/// The words of a judgement's refusal: a lease that another process has until `lease_until` has its own.
std::string refusal_text(std::string_view reason, base::UnixTime lease_until);
std::string retry_text(std::string_view reason);

/// Never fails: what cannot be read is a refusal with the whole text as reason.
Reject read_reject(std::string_view text);

}  // namespace frostr
