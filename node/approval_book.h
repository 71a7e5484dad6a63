// The co-signer's view of the approval desk: words on digests, consumption, length of questions.
#pragma once

#include "frostr/approval_book.h"
#include "orchestration/approvals/desk.h"
#include "storage/approvals.h"

namespace node {

/// frostr::ApprovalBook over the desk and its store. References outlive it.
class DeskBook final : public frostr::ApprovalBook {
 public:
  /// `consumed` is called when an approval was used up, inside the co-signer's transaction.
  DeskBook(storage::Db& db, std::function<void()> consumed)
      : approvals_(db), consumed_(std::move(consumed)) {}

  base::Result<frostr::ApprovalFact> word_on(const nostr::Sha256& digest, base::UnixTime now) override;
  base::Result<void> consume(const nostr::EventId& approval, const nostr::EventId& event,
                             base::UnixTime now) override;
  std::size_t rendered_chars(const nostr::UnsignedEvent& event) override;

 private:
  storage::Approvals approvals_;
  std::function<void()> consumed_;
};

/// The word by which a co-signer refuses to ask because it would sign anyway.
inline constexpr std::string_view kNoQuestionNeeded = "no-question-needed";

/// What a 39212 carries in its encrypted content: exactly what would be signed or done.
struct QuestionBody {
  std::optional<nostr::UnsignedEvent> event;
  std::optional<base::json::Value> action;  ///< the members of a local action
};
std::string encode_question_body(const QuestionBody& body);
/// kInvalid unless exactly one of the two is there.
base::Result<QuestionBody> decode_question_body(std::string_view plaintext);

}  // namespace node
