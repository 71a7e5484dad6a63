// The desk's other half: what arrives, who said it, which question it is about, and what it counts
// for.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/base/log.h"
#include "orchestration/approvals/answer.h"
#include "orchestration/approvals/desk.h"
#include "orchestration/approvals/render.h"

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
constexpr std::chrono::seconds kHintPause{600};
constexpr std::size_t kCodesRemembered = 500;
// The journal of one question: what strangers say is evidence up to a point, and it never takes the
// place of what those say who may decide. The code is public, so anybody may send it any number of
// times.
constexpr std::size_t kMaxForeignSignals = 20;
constexpr std::size_t kMaxSignals = 200;   // of one author
constexpr std::size_t kMaxDeletions = 64;  // remembered for what arrives after them

bool still_undecided(const Question& question) {
  return question.state == QuestionState::kOpen || question.state == QuestionState::kApproved;
}

/// What may be allowed by a thumb, or before everybody's eyes: statements, and looking at things.
/// Money to others, commands, and what the agent is, take a word said in private.
bool takes_little(const Question& question) {
  constexpr std::array<std::string_view, 11> kLight = {
      "kind:1", "kind:6", "kind:7", "kind:16", "kind:1111", "kind:30023",
      "dm",     "search", "fetch",  "read_file", "pay"};
  return std::find(kLight.begin(), kLight.end(), question.action_class) != kLight.end();
}

bool refers_to(const Heard& heard, const nostr::EventId& id) {
  return std::find(heard.refers_to.begin(), heard.refers_to.end(), id) != heard.refers_to.end();
}

}  // namespace

/// Whether every answer is kept that can be; a word that could not be written down is asked for again.
bool Desk::on_events(std::span<const nostr::Delivery> batch) {
  bool kept = true;
  for (const nostr::Delivery& delivery : batch) {
    auto heard = hear(*delivery.event, asker_.key());
    if (!heard) {
      LOG(kDebug, "desk", "unreadable answer",
          {{"relay", delivery.relay}, {"detail", heard.error().detail}});
      continue;
    }
    if (!*heard) continue;
    if (auto considered = consider(**heard, delivery.relay); !considered) {
      report_failure("cannot keep an answer", considered.error());
      kept = kept && considered.error().code != base::Errc::kDatabase;
    }
  }
  return kept;
}

base::Result<void> Desk::consider(const Heard& heard, const std::string& relay) {
  TRY(const bool known, approvals_.has_signal(heard.id));
  if (known) return {};  // one rumor arrives once per relay and per wrap

  if (heard.form == Heard::Form::kDeletion) {
    withdraw(heard, relay);
    return drop_what_is_not_asked_any_more(heard);
  }
  if (const auto order = order_in(heard)) return obey(heard, relay, *order);
  if (heard.form == Heard::Form::kOrder) return {};  // somebody else's, or for somebody else
  const bool told = heard.form == Heard::Form::kText && is_operator(heard.author);
  if (told && read_answer(heard.text, {}, !heard.refers_to.empty()).kind == AnswerKind::kDenyAll)
    return deny_all(heard, relay);
  const std::optional<Signal> signal = judge(heard, relay);
  if (!signal) return {};
  return keep(*signal);
}

/// Whether the journal of the signal's question takes one more by this author.
Result<bool> Desk::has_room(const Signal& signal) {
  if (!signal.question) return true;
  TRY(const auto journal, approvals_.signals(*signal.question));
  const bool foreign = signal.verdict == SignalVerdict::kNotAnApprover;
  const auto count = std::count_if(journal.begin(), journal.end(), [&](const Signal& s) {
    return foreign ? s.verdict == SignalVerdict::kNotAnApprover : s.author == signal.author;
  });
  return static_cast<std::size_t>(count) < (foreign ? kMaxForeignSignals : kMaxSignals);
}

/// Journals an answer together with a withdrawal that came before it, then acts on it.
Result<void> Desk::keep(const Signal& signal) {
  TRY(const bool room, has_room(signal));
  if (!room) return {};
  TRY(storage::Tx tx, storage::Tx::begin(db_, storage::Durability::kFull));
  TRY(approvals_.add_signal(signal));
  if (signal.verdict == SignalVerdict::kAccepted && signal.answer == Answer::kApprove)
    for (const auto& [deletion, relay] : deletions_)
      if (deletion.author == signal.author && refers_to(deletion, signal.id))
        TRY(approvals_.add_signal(withdrawal(deletion, relay, signal)));
  TRY(tx.commit());
  LOG(kInfo, "desk", "answer",
      {{"channel", signal.channel},
       {"verdict", std::string(storage::name_of(signal.verdict))},
       {"answer", std::string(storage::name_of(signal.answer))}});
  if (signal.verdict == SignalVerdict::kAccepted && signal.answer != Answer::kNone &&
      signal.question)
    return settle(*signal.question);
  return {};
}

Result<bool> Desk::is_anything_open() {
  TRY(const auto open, approvals_.list(QuestionState::kOpen, 1));
  TRY(const auto approved, approvals_.list(QuestionState::kApproved, 1));
  return !open.empty() || !approved.empty();
}

Result<bool> Desk::expects(const Heard& heard) {
  if (heard.form != Heard::Form::kText) return true;
  if (!is_operator(heard.author)) return false;
  if (read_order(heard.text)) return true;
  TRY(const auto referred, referred_question(heard));
  TRY(const auto codes, approvals_.codes(kCodesRemembered));
  const AnswerText answer = read_answer(heard.text, codes, referred.has_value());
  if (referred || answer.code || answer.kind == AnswerKind::kUnknownCode ||
      answer.kind == AnswerKind::kAmbiguous)
    return true;
  // A yes in reply to something else is talk about that.
  const bool loose = answer.kind == AnswerKind::kUnbound && heard.refers_to.empty();
  if (answer.kind != AnswerKind::kDenyAll && !loose) return false;
  return is_anything_open();
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
  if (!found && heard.address) return addressed_question(*heard.address);
  return found;
}

/// The open question whose 39212 stands at `address`.
Result<std::optional<nostr::EventId>> Desk::addressed_question(const nostr::Address& address) {
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    TRY(const auto questions, approvals_.list(state));
    for (const Question& question : questions) {
      if (question.requester != address.pubkey) continue;
      TRY(const nostr::Event request, nostr::parse_event(question.request_json));
      if (nostr::address_of(request) == address) return question.id;
    }
  }
  return std::nullopt;
}

Signal Desk::withdrawal(const Heard& heard, const std::string& relay, const Signal& target) const {
  return {.id = derived_id(heard.id, target.id),
          .question = target.question,
          .author = heard.author,
          .channel = heard.channel,
          .answer = Answer::kWithdraw,
          .verdict = SignalVerdict::kAccepted,
          .refers_to = target.id,
          .said_at = heard.said_at,
          .received_at = clock_.now(),
          .relay = relay,
          .raw_json = heard.raw_json,
          .wrap_json = heard.wrap_json};
}

/// Takes back what the same operator said. On a question that is over it changes nothing any more and is
/// written down all the same.
void Desk::withdraw(const Heard& heard, const std::string& relay) {
  if (!is_operator(heard.author)) return;
  deletions_.emplace_back(heard, relay);
  if (deletions_.size() > kMaxDeletions) deletions_.pop_front();
  for (const nostr::EventId& id : heard.refers_to) {
    const auto said = approvals_.signal(id);
    if (!said || !*said || !(*said)->question || (*said)->author != heard.author) continue;
    const auto question = approvals_.get(*(*said)->question);
    if (!question || !*question) continue;
    Signal taken_back = withdrawal(heard, relay, **said);
    if (!still_undecided(**question)) taken_back.verdict = SignalVerdict::kClosed;
    if (auto kept = keep(taken_back); !kept) report_failure("cannot keep a withdrawal", kept.error());
  }
}

/// The requester took the request back: nobody waits for the answer, and a yes would only lie about.
Result<void> Desk::drop_what_is_not_asked_any_more(const Heard& heard) {
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    TRY(const auto questions, approvals_.list(state));
    for (const Question& question : questions)
      if (question.requester == heard.author && refers_to(heard, question.id)) TRY(cancel(question.id));
  }
  return {};
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
    case Heard::Form::kDeletion:
    case Heard::Form::kOrder:
      return std::nullopt;  // handled before
    case Heard::Form::kReaction: {
      if (!signal.question) return std::nullopt;
      signal.strength = storage::SignalStrength::kB;
      const ReactionKind kind = read_reaction(heard.text);
      signal.answer = kind == ReactionKind::kApprove ? Answer::kApprove
                      : kind == ReactionKind::kDeny  ? Answer::kDeny
                                                     : Answer::kNone;
      break;
    }
    case Heard::Form::kDecision:
      if (!signal.question) return std::nullopt;
      signal.answer =
          heard.decision->decision == nipsa::Decision::kApproved ? Answer::kApprove : Answer::kDeny;
      break;
    case Heard::Form::kText:
      if (heard.is_public()) signal.strength = storage::SignalStrength::kB;
      judge_text(heard, signal);
      if (!signal.question && signal.verdict != SignalVerdict::kUnknownCode &&
          signal.verdict != SignalVerdict::kAmbiguous)
        return std::nullopt;
      if (!signal.question) return is_operator(heard.author) ? std::optional(signal) : std::nullopt;
      if (signal.verdict == SignalVerdict::kAmbiguous) return signal;
      break;
  }
  judge_time(heard, signal);
  return signal;
}

/// Binds a text to a question by code, or by what it refers to, and reads its answer.
void Desk::judge_text(const Heard& heard, Signal& signal) {
  auto codes = approvals_.codes(kCodesRemembered);
  if (!codes) {
    report_failure("cannot read the codes", codes.error());
    codes.emplace();
  }

  const bool bound = signal.question.has_value();
  const AnswerText answer = read_answer(heard.text, *codes, bound);
  signal.verdict = SignalVerdict::kClosed;  // overwritten unless nothing matches
  switch (answer.kind) {
    case AnswerKind::kApprove:
      signal.answer = Answer::kApprove;
      break;
    case AnswerKind::kDeny:
      signal.answer = Answer::kDeny;
      break;
    case AnswerKind::kUnknownCode:
      signal.verdict = SignalVerdict::kUnknownCode;
      signal.question.reset();
      hint(heard, "that code belongs to no question");
      return;
    case AnswerKind::kAmbiguous:
      signal.verdict = SignalVerdict::kAmbiguous;
      hint(heard, "that names several questions; answer one at a time");
      return;
    case AnswerKind::kUnbound:
      if (heard.refers_to.empty() && is_anything_open().value_or(false))
        hint(heard, "to which question? answer: yes and its code");
      break;
    case AnswerKind::kDenyAll:
    case AnswerKind::kComment:
      if (answer.code || bound) hint(heard, "to approve, answer exactly: yes and the code");
      break;
  }
  if (!answer.code) return;
  // Two questions share a code only by malice or by a miracle: then nothing is bound by it.
  const auto matches = approvals_.by_code(*answer.code);
  if (!matches || matches->empty()) return;
  const nostr::EventId named = matches->front().id;
  if (matches->size() != 1 || (bound && *signal.question != named)) {
    signal.verdict = SignalVerdict::kAmbiguous;
    signal.answer = Answer::kNone;
    if (!bound) signal.question = named;
    return;
  }
  signal.question = named;
}

/// Who, what exactly, and when: the checks every answer that names a question has to pass.
SignalVerdict Desk::verdict_on(const Heard& heard, const Question& question, UnixTime now) const {
  const bool is_decision = heard.form == Heard::Form::kDecision;
  if (!may_answer(question, heard.author, is_decision)) return SignalVerdict::kNotAnApprover;
  if (is_decision && heard.decision->action_hash != question.digest) return SignalVerdict::kOtherDigest;
  if (question.state == QuestionState::kExpired || question.state == QuestionState::kUndeliverable ||
      now > question.expires_at || heard.said_at > question.expires_at ||
      heard.said_at > now + kSkewFuture || heard.said_at < question.created_at - kSkewPast ||
      (is_decision && heard.decision->expires && now > *heard.decision->expires))
    return SignalVerdict::kLate;
  return still_undecided(question) ? SignalVerdict::kAccepted : SignalVerdict::kClosed;
}

/// Judges an answer to a question, and tells an operator why theirs does not count.
void Desk::judge_time(const Heard& heard, Signal& signal) {
  signal.verdict = SignalVerdict::kClosed;  // what cannot be checked does not count
  auto found = approvals_.get(*signal.question);
  if (!found || !*found) return;
  const Question& question = **found;
  const UnixTime now = clock_.now();
  signal.verdict = verdict_on(heard, question, now);
  if (signal.verdict == SignalVerdict::kAccepted) return weigh(heard, question, signal);
  if (heard.form != Heard::Form::kText) return;
  if (signal.verdict == SignalVerdict::kNotAnApprover)
    hint(heard, fmt::format("question {} was not put to you", question.code));
  else if (!still_undecided(question))
    hint(heard, fmt::format("question {} is over: it was {}", question.code, storage::name_of(question.state)));
  else if (now > question.expires_at)
    hint(heard, fmt::format("question {} is over: its time is up", question.code));
}

/// What an answer in time by the right person is worth for what is asked.
void Desk::weigh(const Heard& heard, const Question& question, Signal& signal) {
  const bool proof = heard.form == Heard::Form::kDecision && is_operator(heard.author);
  if (question.needs_proof && signal.answer == Answer::kApprove && !proof) {
    signal.answer = Answer::kNone;
    return hint(heard, "this needs a yes that you sign: sovereign approve CODE --key-file FILE --relay URL");
  }
  const bool weak = signal.strength == storage::SignalStrength::kB;
  if (weak && signal.answer == Answer::kNone && heard.form == Heard::Form::kReaction)
    return hint(heard, "seen; to decide, answer: yes and the code, or no and the code");
  if (!weak || signal.answer != Answer::kApprove) return;
  if (question.sats <= options_.reaction_max_sats && takes_little(question)) return;
  signal.answer = Answer::kNone;
  hint(heard, "this is too much for a reaction or a public word; send the code privately");
}

Result<void> Desk::deny_all(const Heard& heard, const std::string& relay) {
  const Signal said{.id = heard.id,
                    .question = {},
                    .author = heard.author,
                    .channel = heard.channel,
                    .answer = Answer::kDeny,
                    .verdict = SignalVerdict::kAccepted,
                    .said_at = heard.said_at,
                    .received_at = clock_.now(),
                    .relay = relay,
                    .raw_json = heard.raw_json,
                    .wrap_json = heard.wrap_json};
  std::vector<nostr::EventId> denied;
  // One commit: the message is remembered, so that a later copy cannot close what was opened since.
  TRY(storage::Tx tx, storage::Tx::begin(db_, storage::Durability::kFull));
  TRY(approvals_.add_signal(said));
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    TRY(const auto questions, approvals_.list(state));
    for (const Question& question : questions) {
      Signal signal = said;
      signal.id = derived_id(heard.id, question.id);
      signal.question = question.id;
      judge_time(heard, signal);
      TRY(approvals_.add_signal(signal));
      if (signal.verdict == SignalVerdict::kAccepted) denied.push_back(question.id);
    }
  }
  TRY(tx.commit());
  for (const nostr::EventId& id : denied) TRY(settle(id));
  return {};
}

/// One line of help, at most every ten minutes, and only to an operator.
void Desk::hint(const Heard& heard, std::string_view text) {
  if (!is_operator(heard.author)) return;
  const UnixTime now = clock_.now();
  if (heard.said_at + kHintPause < now) return;  // what comes again after a restart is no question
  if (const auto last = hinted_.find(heard.author);
      last != hinted_.end() && now < last->second + kHintPause)
    return;
  hinted_[heard.author] = now;
  auto letter = courier_.write(heard.author, std::string(text), options_.agent_name,
                               heard.channel == "nip04");
  if (!letter) return;
  if (auto added = outbox_.add(letter->envelope, letter->relays, "hint", 1, now,
                               now + std::chrono::seconds{600});
      !added)
    return report_failure("cannot queue a hint", added.error());
  outbox_filled_();
}

}  // namespace orchestration
