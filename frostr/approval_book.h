// What the co-signer needs to know from the approval desk above it, and nothing more.
#pragma once

#include "frostr/judgement.h"
#include "nostr/base/result.h"

namespace frostr {

/// The operator's word about a digest, and the question it answers.
struct ApprovalFact {
  OperatorWord word = OperatorWord::kNone;
  nostr::EventId approval;      ///< the 39212 that was decided; set unless word is kNone
  bool word_is_signed = false;  ///< only answers that operators signed (39213) counted
};

/// Decisions taken by this process's own desk. App thread; called inside the co-signer's Tx.
class ApprovalBook {
 public:
  virtual ~ApprovalBook() = default;
  /// kApproved for an approval that is live or was consumed (the co-signer knows by which event),
  /// kDenied for a denial within the last hour, else kNone: still open, expired, never asked.
  virtual base::Result<ApprovalFact> word_on(const nostr::Sha256& digest, UnixTime now) = 0;
  /// `event` gets its first partial under `approval`: from here on the approval is used up.
  virtual base::Result<void> consume(const nostr::EventId& approval, const nostr::EventId& event,
                                     UnixTime now) = 0;
  /// How many characters the operator would have to read to judge `event`.
  virtual std::size_t rendered_chars(const nostr::UnsignedEvent& event) = 0;
};

}  // namespace frostr
