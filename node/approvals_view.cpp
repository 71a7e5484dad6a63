// Rows as JSON.
#include "node/approvals_view.h"

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "node/desk_views.h"
#include "orchestration/approvals/evidence.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using storage::Question;

constexpr std::int64_t kMostListed = 1'000;

Result<Question> find_question(storage::Approvals& approvals, const std::string& text) {
  if (const auto id = nostr::EventId::from_hex(text)) {
    TRY(auto question, approvals.get(*id));
    if (question) return *std::move(question);
    return fail(Errc::kNotFound, "no question has this id", "sovereign approval list");
  }
  const auto folded = nipsa::fold_code(text);
  if (!folded)
    return fail(Errc::kInvalid, fmt::format("\"{}\" is neither a code nor the id of a request", text),
                "codes look like K7QF-2M9X");
  TRY(auto questions, approvals.by_code(nipsa::format_code(*folded)));
  if (questions.empty())
    return fail(Errc::kNotFound, fmt::format("no question has the code {}", text),
                "sovereign approval list");
  return std::move(questions.front());
}

Value signal_view(const storage::Signal& signal) {
  return {{"id", signal.id.hex()},
          {"author", signal.author.hex()},
          {"channel", signal.channel},
          {"answer", std::string(storage::name_of(signal.answer))},
          {"verdict", std::string(storage::name_of(signal.verdict))},
          {"said_at", base::to_unix(signal.said_at)},
          {"received_at", base::to_unix(signal.received_at)},
          {"relay", signal.relay}};
}

Result<Value> whole_view(storage::Approvals& approvals, const Question& question) {
  Value out = question_view(question);
  out["required"] = question.required;
  out["changed_at"] = base::to_unix(question.changed_at);
  for (const char* list : {"operators", "shown", "answers", "decisions", "told"})
    out[list] = Value::array();
  for (const nostr::PublicKey& person : question.operators) out["operators"].push_back(person.hex());
  TRY(const auto shown, approvals.presentations(question.id));
  for (const storage::Presentation& one : shown)
    out["shown"].push_back({{"id", one.id.hex()},
                            {"to", one.shown_to.hex()},
                            {"channel", one.channel},
                            {"part", one.part},
                            {"at", base::to_unix(one.created_at)}});
  TRY(const auto signals, approvals.signals(question.id));
  for (const storage::Signal& signal : signals) out["answers"].push_back(signal_view(signal));
  TRY(const auto decisions, approvals.decisions(question.id));
  for (const storage::Decision& decision : decisions)
    out["decisions"].push_back({{"id", decision.id.hex()},
                                {"approved", decision.approved},
                                {"by", decision.decided_by.hex()},
                                {"at", base::to_unix(decision.decided_at)}});
  TRY(const auto receipts, approvals.receipts(question.id));
  for (const storage::Receipt& receipt : receipts)
    out["told"].push_back({{"to", receipt.told_to.hex()},
                           {"channel", receipt.channel},
                           {"outcome", receipt.outcome},
                           {"at", base::to_unix(receipt.created_at)}});
  TRY(const auto bound, approvals.bound_event(question.digest));
  out["bound_to"] = bound ? Value(bound->hex()) : Value();
  return out;
}

}  // namespace

Result<Value> answer_approvals(storage::Db& db, const nostr::SecretKey& asker,
                               std::string_view method, const Value& params) {
  storage::Approvals approvals(db);
  if (method == "approval-list") {
    const std::int64_t limit = base::json::int_or(params, "limit", 20);
    if (limit < 1 || limit > kMostListed)
      return fail(Errc::kInvalid, fmt::format("limit is 1 to {}", kMostListed));
    TRY(const auto questions, approvals.history(static_cast<std::size_t>(limit)));
    Value out = Value::array();
    for (const Question& question : questions) out.push_back(question_view(question));
    return out;
  }
  TRY(const std::string id, base::json::get_string(params, "id"));
  TRY(const Question question, find_question(approvals, id));
  if (method == "approval-show") return whole_view(approvals, question);
  if (method == "approval-evidence")
    return orchestration::gather_evidence(approvals, question, asker);
  return fail(Errc::kUnsupported, fmt::format("there is no method \"{}\"", method));
}

}  // namespace node
