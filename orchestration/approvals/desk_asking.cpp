// A question comes to be: what may be asked, the row, and every message that shows it.
#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "orchestration/approvals/desk.h"
#include "orchestration/approvals/render.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using storage::Durability;
using storage::Question;
using storage::QuestionState;
using storage::Tx;

constexpr std::chrono::seconds kDeniedMemory{3'600};
constexpr std::chrono::seconds kRefusalPatience{900};
constexpr std::size_t kMaxRefusal = 300;
constexpr base::seconds kMostLater{60};  // that a message is dated, so that it is one of its own

}  // namespace

Result<void> Desk::check_ask(const Ask& ask) {
  const UnixTime now = clock_.now();
  if (ask.parsed.guardian != asker_.public_key())
    return fail(Errc::kInvalid, "the request is addressed to another guardian");
  if (ask.parsed.action_hash != ask.digest)
    return fail(Errc::kInvalid,
                "other-digest: the request's action_hash is not that of the action");
  if (ask.parsed.expires <= now) return fail(Errc::kInvalid, "the request has expired");
  if (options_.operators.empty()) return fail(Errc::kUnavailable, "no operator is configured");
  if (!nipsa::is_issuable(nipsa::approval_code(ask.request.id), {}))
    return fail(Errc::kInvalid, "the code of this request could be misread",
                "rebuild the request with a new d");
  // A requester that grinds ids could give a new question an old one's code.
  TRY(const auto namesakes,
      approvals_.by_code(nipsa::format_code(nipsa::approval_code(ask.request.id))));
  if (!namesakes.empty())
    return fail(Errc::kInvalid, "another question has the code of this request",
                "rebuild the request with a new d");
  TRY(const auto done, approvals_.bound_event(ask.digest));
  if (done)
    return fail(Errc::kConflict,
                "already-done: this action was approved before, as " + done->hex());
  TRY(const auto denied, approvals_.denied_since(ask.digest, now - kDeniedMemory));
  if (denied) return fail(Errc::kDenied, "denied: the operator refused this within the last hour");
  for (const nostr::PublicKey& person : options_.operators) {
    TRY(const std::int64_t open, approvals_.open_for(person));
    if (open >= options_.max_open)
      return fail(Errc::kLimit, fmt::format("too-many-questions: {} are open, limit is {}", open,
                                            options_.max_open));
    TRY(const std::int64_t recent,
        approvals_.asked_since(person, now - std::chrono::seconds{3'600}));
    if (recent >= options_.max_per_hour)
      return fail(Errc::kLimit, fmt::format("too-many-questions: {} in an hour, limit is {}",
                                            recent, options_.max_per_hour));
  }
  return {};
}

/// Whether a question about `digest` waits or is approved.
Result<bool> Desk::is_standing(const nostr::Sha256& digest) {
  TRY(const auto latest, approvals_.latest(digest));
  return latest &&
         (latest->state == QuestionState::kOpen || latest->state == QuestionState::kApproved);
}

base::Task<Result<void>> Desk::ask(Ask ask) {
  CO_TRY(bool standing, is_standing(ask.digest));
  if (standing) co_return Result<void>{};
  CO_TRY(const auto known, approvals_.get(ask.request.id));
  if (known)
    co_return fail(Errc::kConflict,
                   fmt::format("this request is {}", storage::name_of(known->state)));
  CO_TRY(check_ask(ask));
  co_await courier_.locate();
  // Others may have asked meanwhile: the limits and the rule of one question hold at the commit.
  CO_TRY(standing, is_standing(ask.digest));
  if (standing) co_return Result<void>{};
  CO_TRY(check_ask(ask));

  Question question{.id = ask.request.id,
                    .digest = ask.digest,
                    .code = nipsa::format_code(nipsa::approval_code(ask.request.id)),
                    .asker = options_.role,
                    .agent = ask.agent,
                    .tick = ask.parsed.tick ? ask.parsed.tick->hex() : "",
                    .requester = ask.request.pubkey,
                    .action_class = ask.action_class,
                    .summary = ask.description,
                    .action_json = ask.action_json,
                    .request_json = nostr::to_json(ask.request),
                    .sats = ask.sats,
                    .required = static_cast<int>(options_.quorum),
                    .operators = options_.operators,
                    .created_at = clock_.now(),
                    .expires_at = ask.parsed.expires,
                    .needs_proof = ask.needs_proof};
  CO_TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  CO_TRY(show_question(question, ask));
  CO_TRY(tx.commit());
  FAILPOINT("question-committed");
  LOG(kInfo, "desk", "asked", {{"code", question.code}, {"class", question.action_class}});
  outbox_filled_();
  prompt(question);
  wake_.notify();
  co_return Result<void>{};
}

/// Writes the question and every message that shows it.
Result<void> Desk::show_question(const Question& question, const Ask& ask) {
  TRY(const auto open_before, approvals_.list(QuestionState::kOpen));
  const QuestionFrame frame{.agent_name = options_.agent_name,
                            .now = clock_.now(),
                            .expires = question.expires_at,
                            .code = question.code,
                            .reason = ask.parsed.reason,
                            .needs_proof = question.needs_proof,
                            .others_open = std::ssize(open_before)};
  TRY(const std::vector<std::string> parts, render_question(frame, ask.description));
  TRY(approvals_.add(question));
  for (const nostr::PublicKey& person : options_.operators) {
    // Where somebody wrote last is where they look.
    TRY(const auto channel, approvals_.last_private_channel(person));
    int number = 0;
    for (const std::string& part : parts) {
      TRY(const Letter letter, write_part(person, part, channel == "nip04"));
      TRY(show(question, person, letter, ++number));
    }
    if (!options_.public_mentions) continue;
    const std::string line = render_mention(frame, question.action_class, question.sats);
    TRY(show(question, person, courier_.mention(person, line, ask.request), 1));
  }
  return {};
}

/// A message of its own: two questions may begin with the same words, and what refers to a message has to say
/// which of them it means.
Result<Letter> Desk::write_part(const nostr::PublicKey& person, const std::string& part, bool legacy) {
  for (base::seconds later{0}; later < kMostLater; ++later) {
    TRY(Letter letter, courier_.write(person, part, options_.agent_name + " asks", legacy, later));
    TRY(const auto known, approvals_.presentation(letter.id));
    if (!known) return letter;
  }
  return fail(Errc::kLimit, "too many questions begin with the same words now");
}

Result<void> Desk::show(const Question& question, const nostr::PublicKey& person,
                        const Letter& letter, int part) {
  TRY(approvals_.add_presentation({.id = letter.id,
                                   .question = question.id,
                                   .channel = letter.channel,
                                   .shown_to = person,
                                   .part = part,
                                   .rumor_json = letter.rumor_json,
                                   .wrap_json = nostr::to_json(letter.envelope),
                                   .created_at = clock_.now()}));
  TRY(outbox_.add(letter.envelope, letter.relays, "question", 1, clock_.now(), question.expires_at));
  return {};
}

Result<void> Desk::refuse(const nostr::Event& request, std::string_view why) {
  const UnixTime now = clock_.now();
  TRY(nostr::Draft draft,
      nipsa::build_question_refusal({.request = request.id,
                                     .requester = request.pubkey,
                                     .reason = std::string(why.substr(0, kMaxRefusal))},
                                    now));
  const nostr::Event event = nostr::sign_event(std::move(draft), asker_.key(), rng_);
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(outbox_.add(event, options_.relays, "refusal", 1, now, now + kRefusalPatience));
  TRY(tx.commit());
  outbox_filled_();
  return {};
}

}  // namespace orchestration
