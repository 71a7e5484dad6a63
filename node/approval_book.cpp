// Desk rows as facts for the co-signer.
#include "node/approval_book.h"

#include "nostr/event/event_json.h"
#include "orchestration/approvals/render.h"

namespace node {
namespace {

using base::Result;
using storage::QuestionState;

constexpr std::chrono::seconds kDeniedMemory{3'600};

/// A question that needs a signed yes takes no other, so its approval is one.
frostr::ApprovalFact approved(const storage::Question& question) {
  return {.word = frostr::OperatorWord::kApproved,
          .approval = question.id,
          .word_is_signed = question.needs_proof};
}

}  // namespace

Result<frostr::ApprovalFact> DeskBook::word_on(const nostr::Sha256& digest, base::UnixTime now) {
  TRY(const auto denied, approvals_.denied_since(digest, now - kDeniedMemory));
  TRY(const auto question, approvals_.latest(digest));
  if (!question) return frostr::ApprovalFact{};
  if (denied && question->state == QuestionState::kDenied)
    return frostr::ApprovalFact{.word = frostr::OperatorWord::kDenied, .approval = question->id};
  if (question->state == QuestionState::kConsumed)
    return approved(*question);
  if (question->state != QuestionState::kApproved || now > question->expires_at)
    return frostr::ApprovalFact{};
  // Approved counts only once the decision is committed: the hold is over and nobody objected.
  TRY(const auto decision, approvals_.decision_for(digest));
  const bool counts = decision && decision->question == question->id && decision->approved &&
                      decision->decided_at >= question->changed_at;
  if (!counts) return frostr::ApprovalFact{};
  return approved(*question);
}

Result<void> DeskBook::consume(const nostr::EventId& approval, const nostr::EventId& event,
                               base::UnixTime now) {
  TRY(approvals_.consume(approval, event, now));
  consumed_();
  return {};
}

std::size_t DeskBook::rendered_chars(const nostr::UnsignedEvent& event) {
  return orchestration::count_chars(orchestration::describe_event(event));
}

std::string encode_question_body(const QuestionBody& body) {
  base::json::Value value = {{"v", 1}};
  if (body.event) value["event"] = nostr::to_json(*body.event);
  if (body.action) value["action"] = *body.action;
  return base::json::dump(value);
}

Result<QuestionBody> decode_question_body(std::string_view plaintext) {
  TRY(const base::json::Value value, base::json::parse(plaintext));
  QuestionBody body;
  if (value.is_object() && value.contains("event")) {
    TRY(const std::string json, base::json::get_string(value, "event"));
    TRY(body.event, nostr::parse_unsigned_event(json));
  }
  if (value.is_object() && value.contains("action")) {
    TRY(body.action, base::json::get_object(value, "action"));
  }
  if (body.event.has_value() == body.action.has_value())
    return base::fail(base::Errc::kInvalid, "a question holds exactly one event or one action");
  return body;
}

}  // namespace node
