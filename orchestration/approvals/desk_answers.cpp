// The desk's other half: what arrives, who said it, which question it is about, and what it counts for.
#include <algorithm>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/base/log.h"
#include "orchestration/approvals/answer.h"
#include "orchestration/approvals/desk.h"

namespace orchestration {
namespace {

using base::Result;
using base::UnixTime;
using storage::Answer;
using storage::Question;
using storage::QuestionState;
using storage::Signal;
using storage::SignalVerdict;

constexpr std::chrono::seconds kSkewPast{120};
constexpr std::chrono::seconds kSkewFuture{300};
constexpr std::chrono::seconds kGraceAfterExpiry{30};
constexpr std::chrono::seconds kHintPause{600};
constexpr std::size_t kCodesRemembered = 500;
// The journal of one question: what strangers say is evidence up to a point, and it never takes the
// place of what those say who may decide. The code is public, so anybody may send it any number of times.
constexpr std::size_t kMaxForeignSignals = 20;
constexpr std::size_t kMaxSignals = 200;

bool still_undecided(const Question& question) {
  return question.state == QuestionState::kOpen || question.state == QuestionState::kApproved;
}

}  // namespace

void Desk::on_events(std::span<const nostr::Delivery> batch) {
  for (const nostr::Delivery& delivery : batch) {
    auto heard = hear(*delivery.event, asker_.key());
    if (!heard) {
      LOG(kDebug, "desk", "unreadable answer", {{"relay", delivery.relay}, {"detail", heard.error().detail}});
      continue;
    }
    if (*heard) consider(**heard, delivery.relay);
  }
}

void Desk::consider(const Heard& heard, const std::string& relay) {
  auto known = approvals_.has_signal(heard.id);
  if (!known) return report_failure("cannot read the journal", known.error());
  if (*known) return;  // one rumor arrives once per relay and per wrap

  if (heard.form == Heard::Form::kText && is_operator(heard.author) &&
      read_answer(heard.text, {}, !heard.refers_to.empty()).kind == AnswerKind::kDenyAll) {
    if (auto done = deny_all(heard, relay); !done) report_failure("cannot deny all", done.error());
    return;
  }
  const std::optional<Signal> signal = judge(heard, relay);
  if (!signal) return;
  if (signal->question) {
    auto journal = approvals_.signals(*signal->question);
    if (!journal) return report_failure("cannot read the journal", journal.error());
    const auto is_foreign = [](const Signal& s) { return s.verdict == SignalVerdict::kNotAnApprover; };
    const auto foreign = static_cast<std::size_t>(std::count_if(journal->begin(), journal->end(), is_foreign));
    const bool full = is_foreign(*signal) ? foreign >= kMaxForeignSignals : journal->size() - foreign >= kMaxSignals;
    if (full) return;
  }
  if (auto added = approvals_.add_signal(*signal); !added) return report_failure("cannot journal an answer", added.error());
  LOG(kInfo, "desk", "answer", {{"channel", signal->channel}, {"verdict", std::string(storage::name_of(signal->verdict))}, {"answer", std::string(storage::name_of(signal->answer))}});
  if (signal->verdict == SignalVerdict::kAccepted && signal->answer != Answer::kNone && signal->question)
    if (auto settled = settle(*signal->question); !settled) report_failure("cannot settle a question", settled.error());
}

Result<std::optional<nostr::EventId>> Desk::referred_question(const Heard& heard) {
  std::optional<nostr::EventId> found;
  for (const nostr::EventId& id : heard.refers_to) {
    std::optional<nostr::EventId> candidate;
    TRY(const auto question, approvals_.get(id));
    if (question) {
      candidate = id;
    } else {
      TRY(const auto shown, approvals_.presentation(id));
      if (shown) candidate = shown->question;
    }
    if (candidate && found && *candidate != *found) return std::nullopt;
    if (candidate) found = candidate;
  }
  return found;
}

std::optional<std::pair<nostr::EventId, nostr::EventId>> Desk::withdrawn_signal(const Heard& heard) {
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    auto questions = approvals_.list(state);
    if (!questions) continue;
    for (const Question& question : *questions) {
      auto signals = approvals_.signals(question.id);
      if (!signals) continue;
      for (const Signal& signal : *signals)
        if (signal.author == heard.author && std::find(heard.refers_to.begin(), heard.refers_to.end(), signal.id) != heard.refers_to.end())
          return std::pair(question.id, signal.id);
    }
  }
  return std::nullopt;
}

/// What `heard` counts for; nullopt when it is not about any question at all.
std::optional<Signal> Desk::judge(const Heard& heard, const std::string& relay) {
  Signal signal{.id = heard.id,
                .author = heard.author,
                .channel = heard.channel,
                .said_at = heard.said_at,
                .received_at = clock_.now(),
                .relay = relay,
                .raw_json = heard.raw_json,
                .wrap_json = heard.wrap_json};
  auto referred = referred_question(heard);
  if (!referred) {
    report_failure("cannot look up a question", referred.error());
    return std::nullopt;
  }
  signal.question = *referred;

  switch (heard.form) {
    case Heard::Form::kDeletion: {
      const auto target = withdrawn_signal(heard);
      if (!target) return std::nullopt;
      signal.question = target->first;
      signal.refers_to = target->second;
      signal.answer = Answer::kWithdraw;
      signal.verdict = SignalVerdict::kAccepted;
      return signal;
    }
    case Heard::Form::kReaction: {
      if (!signal.question) return std::nullopt;
      signal.strength = storage::SignalStrength::kB;
      const ReactionKind kind = read_reaction(heard.text);
      signal.answer = kind == ReactionKind::kApprove ? Answer::kApprove : kind == ReactionKind::kDeny ? Answer::kDeny : Answer::kNone;
      break;
    }
    case Heard::Form::kDecision:
      if (!signal.question) return std::nullopt;
      signal.answer = heard.decision->decision == nipsa::Decision::kApproved ? Answer::kApprove : Answer::kDeny;
      break;
    case Heard::Form::kText:
      judge_text(heard, signal);
      if (!signal.question && signal.verdict != SignalVerdict::kUnknownCode && signal.verdict != SignalVerdict::kAmbiguous)
        return std::nullopt;
      if (!signal.question) return is_operator(heard.author) ? std::optional(signal) : std::nullopt;
      if (signal.verdict == SignalVerdict::kAmbiguous) return signal;
      break;
  }
  signal.verdict = SignalVerdict::kAccepted;
  judge_time(heard, signal);
  return signal;
}

/// Binds a text to a question by code, or by what it refers to, and reads its answer.
void Desk::judge_text(const Heard& heard, Signal& signal) {
  std::vector<std::string> codes;
  std::vector<Question> remembered;
  if (auto history = approvals_.history(kCodesRemembered)) remembered = *std::move(history);
  for (const Question& question : remembered) codes.push_back(question.code);

  const bool bound = signal.question.has_value();
  const AnswerText answer = read_answer(heard.text, codes, bound);
  signal.verdict = SignalVerdict::kClosed;  // overwritten unless nothing matches
  switch (answer.kind) {
    case AnswerKind::kApprove: signal.answer = Answer::kApprove; break;
    case AnswerKind::kDeny: signal.answer = Answer::kDeny; break;
    case AnswerKind::kUnknownCode:
      signal.verdict = SignalVerdict::kUnknownCode;
      signal.question.reset();
      hint(heard, "that code belongs to no question");
      return;
    case AnswerKind::kAmbiguous:
      signal.verdict = SignalVerdict::kAmbiguous;
      hint(heard, "that names several questions; answer one at a time");
      return;
    case AnswerKind::kDenyAll:
    case AnswerKind::kComment:
      if (answer.code || bound) hint(heard, "to approve, answer exactly: yes and the code");
      break;
  }
  if (!answer.code) return;
  // Two questions share a code only by malice or by a miracle: then nothing is bound by it.
  const auto matches = std::count_if(remembered.begin(), remembered.end(), [&](const Question& q) { return q.code == *answer.code; });
  const auto question = std::find_if(remembered.begin(), remembered.end(), [&](const Question& q) { return q.code == *answer.code; });
  if (matches != 1 || (bound && *signal.question != question->id)) {
    signal.verdict = SignalVerdict::kAmbiguous;
    signal.answer = Answer::kNone;
    if (!bound) signal.question = question->id;
    return;
  }
  signal.question = question->id;
}

/// Who, what exactly, and when: the checks every answer that names a question has to pass.
void Desk::judge_time(const Heard& heard, Signal& signal) {
  auto found = approvals_.get(*signal.question);
  if (!found || !*found) return;
  const Question& question = **found;
  const bool is_decision = heard.form == Heard::Form::kDecision;
  const auto& others = options_.decisions_from;
  const bool may_decide = is_operator(heard.author) ||
                          (is_decision && std::find(others.begin(), others.end(), heard.author) != others.end());
  const UnixTime now = clock_.now();
  if (!may_decide) {
    signal.verdict = SignalVerdict::kNotAnApprover;
  } else if (is_decision && heard.decision->action_hash != question.digest) {
    signal.verdict = SignalVerdict::kOtherDigest;
  } else if (question.state == QuestionState::kExpired || question.state == QuestionState::kUndeliverable ||
             now > question.expires_at + kGraceAfterExpiry || heard.said_at > question.expires_at ||
             heard.said_at > now + kSkewFuture || heard.said_at < question.created_at - kSkewPast ||
             (is_decision && heard.decision->expires && now > *heard.decision->expires)) {
    signal.verdict = SignalVerdict::kLate;
  } else if (!still_undecided(question)) {
    signal.verdict = SignalVerdict::kClosed;
  } else if (signal.strength == storage::SignalStrength::kB && signal.answer == Answer::kApprove &&
             question.sats > options_.reaction_max_sats) {
    signal.answer = Answer::kNone;
    hint(heard, "this is too much for a reaction; answer with the code");
  }
}

Result<void> Desk::deny_all(const Heard& heard, const std::string& relay) {
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    TRY(const auto questions, approvals_.list(state));
    for (const Question& question : questions) {
      // The journal is unique by id: the same message closes each question under an id of its own.
      const nostr::Sha256 derived = nostr::sha256(heard.id.hex() + question.id.hex());
      TRY(const nostr::EventId id, nostr::EventId::from_bytes(derived.view()));
      Signal signal{.id = id, .question = question.id, .author = heard.author, .channel = heard.channel,
                    .answer = Answer::kDeny, .verdict = SignalVerdict::kAccepted, .said_at = heard.said_at,
                    .received_at = clock_.now(), .relay = relay, .raw_json = heard.raw_json, .wrap_json = heard.wrap_json};
      judge_time(heard, signal);
      TRY(const bool fresh, approvals_.add_signal(signal));
      if (fresh && signal.verdict == SignalVerdict::kAccepted) TRY(settle(question.id));
    }
  }
  return {};
}

/// One line of help, at most every ten minutes, and only to an operator.
void Desk::hint(const Heard& heard, std::string_view text) {
  if (!is_operator(heard.author)) return;
  const UnixTime now = clock_.now();
  if (const auto last = hinted_.find(heard.author); last != hinted_.end() && now < last->second + kHintPause) return;
  hinted_[heard.author] = now;
  auto letter = courier_.write(heard.author, std::string(text), options_.agent_name);
  if (!letter) return;
  if (auto added = outbox_.add(letter->envelope, letter->relays, "hint", 1, now, now + std::chrono::seconds{600}); !added)
    return report_failure("cannot queue a hint", added.error());
  outbox_filled_();
}

}  // namespace orchestration
