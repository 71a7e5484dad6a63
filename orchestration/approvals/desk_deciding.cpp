// A question ends: what the answers amount to, the signed decision, and who is told.
#include <algorithm>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "orchestration/approvals/desk.h"

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

constexpr std::chrono::seconds kReceiptPatience{86'400};
constexpr std::string_view kDecisionChannel = "39213";

/// The kind of event a signal was, as evidence names it; nullopt for a word given at the machine.
std::optional<nostr::Kind> kind_of_channel(std::string_view channel) {
  if (channel == "nip17") return nostr::kinds::kPrivateMessage;
  if (channel == "nip04") return nostr::kinds::kLegacyDm;
  if (channel == "note") return nostr::kinds::kTextNote;
  if (channel == "comment") return nostr::kinds::kComment;
  if (channel == "reaction") return nostr::kinds::kReaction;
  if (channel == kDecisionChannel) return nipsa::kinds::kApprovalDecision;
  return std::nullopt;
}

}  // namespace

Result<void> Desk::settle(const nostr::EventId& id) {
  TRY(const auto question, approvals_.get(id));
  if (!question ||
      (question->state != QuestionState::kOpen && question->state != QuestionState::kApproved))
    return {};
  TRY(auto signals, approvals_.signals(id));
  // Whoever lost the right to answer meanwhile no longer counts.
  std::erase_if(signals, [&](const storage::Signal& s) {
    return s.author != asker_.public_key() &&
           !may_answer(*question, s.author, s.channel == kDecisionChannel);
  });
  const Fold fold = fold_signals(signals, static_cast<std::uint32_t>(question->required));
  const UnixTime now = clock_.now();
  switch (fold.outcome) {
    case FoldOutcome::kDenied:
      return decide(*question, *fold.deciding, false);
    case FoldOutcome::kOpen:
      // A yes was taken back before it was used.
      if (question->state == QuestionState::kApproved) {
        TRY(approvals_.set_state(id, QuestionState::kApproved, QuestionState::kOpen, now));
        prompt(*question);
      }
      return {};
    case FoldOutcome::kApproved: {
      const bool held = question->sats > options_.hold_above_sats && options_.hold.count() > 0;
      unprompt(id);
      if (question->state == QuestionState::kOpen && held) {
        TRY(approvals_.set_state(id, QuestionState::kOpen, QuestionState::kApproved, now));
        wake_.notify();
        return {};
      }
      if (question->state == QuestionState::kApproved && held &&
          question->changed_at + options_.hold > now)
        return {};
      return decide(*question, *fold.deciding, true);
    }
  }
  return {};
}

Result<void> Desk::decide(const Question& question, const storage::Signal& deciding,
                          bool approved) {
  const QuestionState to = approved ? QuestionState::kApproved : QuestionState::kDenied;
  TRY(const auto before, approvals_.decision_for(question.digest));
  const bool again = before && before->question == question.id;
  // A decision older than the state it should support was overtaken: taken back, then said again.
  if (again && before->approved == approved && question.state == to &&
      before->decided_at >= question.changed_at)
    return {};
  // A no that overtakes a yes, or a yes said anew: the newer 39213 replaces the one that stands.
  UnixTime now = clock_.now();
  if (again) now = std::max(now, before->decided_at + std::chrono::seconds{1});
  nipsa::ApprovalDecision decision{
      .request = question.id,
      .requester = question.requester,
      .decision = approved ? nipsa::Decision::kApproved : nipsa::Decision::kDenied,
      .agent = question.agent,
      .action = question.action_class,
      .action_hash = question.digest,
      .expires = question.expires_at};
  if (auto tick = nostr::EventId::from_hex(question.tick)) decision.tick = *tick;
  if (const auto kind = kind_of_channel(deciding.channel))
    decision.evidence.push_back({.id = deciding.id, .kind = *kind, .relay = deciding.relay});
  TRY(nostr::Draft draft, nipsa::build_approval_decision(decision, now));
  const nostr::Event event = nostr::sign_event(std::move(draft), asker_.key(), rng_);

  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  if (question.state != to) TRY(approvals_.set_state(question.id, question.state, to, now));
  TRY(approvals_.add_decision({.id = event.id,
                               .question = question.id,
                               .digest = question.digest,
                               .approved = approved,
                               .decided_by = deciding.author,
                               .signal = deciding.id,
                               .event_json = nostr::to_json(event),
                               .decided_at = now}));
  TRY(outbox_.add(event, options_.relays, "decision", 1, clock_.now(), now + kReceiptPatience));
  if (!approved) TRY(tell_outcome(question.id, "denied", "nothing was done"));
  TRY(tx.commit());
  FAILPOINT("decision-committed");
  LOG(kInfo, "desk", "decided",
      {{"code", question.code}, {"decision", approved ? "approved" : "denied"}});
  unprompt(question.id);
  outbox_filled_();
  TRY(const auto now_standing, approvals_.get(question.id));
  if (now_standing) changed_(*now_standing);
  return {};
}

Result<std::optional<storage::Decision>> Desk::decision(const nostr::Sha256& digest) {
  TRY(auto decision, approvals_.decision_for(digest));
  if (!decision) return std::nullopt;
  TRY(const auto question, approvals_.get(decision->question));
  if (!question) return std::nullopt;
  const bool approved =
      question->state == QuestionState::kApproved && decision->decided_at >= question->changed_at;
  const bool standing = decision->approved ? approved || question->state == QuestionState::kConsumed
                                           : question->state == QuestionState::kDenied;
  if (!standing) return std::nullopt;
  if (question->state == QuestionState::kApproved && clock_.now() > question->expires_at)
    return std::nullopt;
  return decision;
}

Result<Question> Desk::answer_here(const std::string& code, bool approve) {
  const auto folded = nipsa::fold_code(code);
  if (!folded)
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no code", code),
                "codes look like K7QF-2M9X");
  TRY(const auto questions, approvals_.by_code(nipsa::format_code(*folded)));
  if (questions.empty())
    return fail(Errc::kNotFound, fmt::format("no question has the code {}", code),
                "sovereign pending");
  if (questions.size() > 1)
    return fail(Errc::kConflict, fmt::format("several questions have the code {}", code));
  const Question& question = questions.front();
  if (question.state != QuestionState::kOpen && question.state != QuestionState::kApproved)
    return fail(Errc::kConflict,
                fmt::format("question {} is {}", question.code, storage::name_of(question.state)));
  if (approve && question.needs_proof)
    return fail(Errc::kDenied, fmt::format("question {} needs a yes that you sign", question.code),
                "sovereign approve CODE --key-file FILE --relay URL");
  const UnixTime now = clock_.now();
  nostr::EventId id;
  rng_.fill(std::span<std::uint8_t>(id.data(), nostr::EventId::kSize));
  TRY(approvals_.add_signal({.id = id,
                             .question = question.id,
                             .author = asker_.public_key(),
                             .channel = "cli",
                             .strength = storage::SignalStrength::kA,
                             .answer = approve ? storage::Answer::kApprove : storage::Answer::kDeny,
                             .verdict = storage::SignalVerdict::kAccepted,
                             .said_at = now,
                             .received_at = now}));
  TRY(settle(question.id));
  TRY(auto after, approvals_.get(question.id));
  return *after;
}

Result<void> Desk::cancel(const nostr::EventId& id) {
  TRY(const auto question, approvals_.get(id));
  if (!question) return fail(Errc::kNotFound, "no such question");
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(approvals_.set_state(id, question->state, QuestionState::kCancelled, clock_.now()));
  TRY(tell_outcome(id, "cancelled", "the agent no longer asks"));
  TRY(tx.commit());
  unprompt(id);
  outbox_filled_();
  return {};
}

/// Whether this person's last word on the question came by NIP-04: then that is what their client shows.
Result<bool> Desk::writes_legacy(const nostr::EventId& id, const nostr::PublicKey& person) {
  TRY(const auto signals, approvals_.signals(id));
  bool legacy = false;
  for (const storage::Signal& signal : signals)
    if (signal.author == person) legacy = signal.channel == "nip04";
  return legacy;
}

Result<void> Desk::tell_outcome(const nostr::EventId& id, std::string_view outcome,
                                std::string_view detail) {
  TRY(const auto question, approvals_.get(id));
  if (!question) return fail(Errc::kNotFound, "no such question");
  const std::string text =
      fmt::format("{} {}: {}", question->code, outcome, base::escape_for_terminal(detail));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  for (const nostr::PublicKey& person : question->operators) {
    TRY(const bool legacy, writes_legacy(id, person));
    TRY(const Letter letter,
        courier_.write(person, text, options_.agent_name + ": " + std::string(outcome), legacy));
    TRY(const storage::Receipt receipt,
        approvals_.add_receipt({.id = letter.id,
                                .question = id,
                                .told_to = person,
                                .channel = letter.channel,
                                .outcome = std::string(outcome),
                                .rumor_json = letter.rumor_json,
                                .wrap_json = nostr::to_json(letter.envelope),
                                .created_at = clock_.now()}));
    if (receipt.id != letter.id) continue;  // told before, with other words perhaps: once is enough
    TRY(outbox_.add(letter.envelope, letter.relays, "receipt", 1, clock_.now(),
                    clock_.now() + kReceiptPatience));
  }
  TRY(tx.commit());
  FAILPOINT("receipt-committed");
  outbox_filled_();
  return {};
}

}  // namespace orchestration
