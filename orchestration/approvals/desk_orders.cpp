// The desk and its orders: what an operator wants to know, and what an operator wants to happen.
#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/approvals/desk.h"
#include "orchestration/approvals/render.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::UnixTime;
using storage::Question;
using storage::QuestionState;

constexpr std::chrono::seconds kFresh{600};  // what was asked before that is no longer wanted
constexpr std::chrono::seconds kSkewFuture{300};
constexpr std::chrono::seconds kOrderWindow{3'600};
constexpr std::size_t kMaxOrders = 30;  // answered to one operator in that time
constexpr std::chrono::seconds kAnswerPatience{600};
constexpr std::chrono::seconds kReportPatience{86'400};

}  // namespace

/// The order in something an operator said to us: in private, or signed for all to see.
std::optional<Order> Desk::order_in(const Heard& heard) const {
  if (!is_operator(heard.author)) return std::nullopt;
  if (heard.form == Heard::Form::kOrder)
    return heard.order->to == asker_.public_key() ? std::optional(heard.order->order) : std::nullopt;
  if (heard.form != Heard::Form::kText || heard.is_public()) return std::nullopt;
  return read_order(heard.text);
}

/// Journals the order before it is answered, so that a copy of it is not answered again.
Result<void> Desk::obey(const Heard& heard, const std::string& relay, const Order& order) {
  if (heard.said_at > clock_.now() + kSkewFuture) return {};
  if (changes_something(order)) return change_by_order(heard, relay, order);
  TRY(storage::Tx tx, storage::Tx::begin(db_, storage::Durability::kFull));
  TRY(approvals_.add_signal({.id = heard.id,
                             .question = {},
                             .author = heard.author,
                             .channel = heard.channel,
                             .answer = storage::Answer::kNone,
                             .verdict = storage::SignalVerdict::kAccepted,
                             .said_at = heard.said_at,
                             .received_at = clock_.now(),
                             .relay = relay,
                             .raw_json = heard.raw_json,
                             .wrap_json = heard.wrap_json}));
  TRY(answer_question_about(heard, order));
  TRY(tx.commit());
  outbox_filled_();
  return {};
}

/// Nobody needs to know the same thing every second.
bool Desk::may_order_again(const nostr::PublicKey& person, UnixTime now) {
  auto& answered = ordered_[person];
  while (!answered.empty() && answered.front() + kOrderWindow <= now) answered.pop_front();
  if (answered.size() >= kMaxOrders) return false;
  answered.push_back(now);
  return true;
}

Result<void> Desk::write_to(const nostr::PublicKey& person, const std::string& text, bool legacy) {
  TRY(const Letter letter, courier_.write(person, text, options_.agent_name, legacy));
  const UnixTime now = clock_.now();
  TRY(outbox_.add(letter.envelope, letter.relays, "answer", 1, now, now + kReportPatience));
  return {};
}

Result<void> Desk::tell(const std::string& text) {
  for (const nostr::PublicKey& person : options_.operators) {
    TRY(const auto channel, approvals_.last_private_channel(person));
    TRY(write_to(person, text, channel == "nip04"));
  }
  outbox_filled_();
  return {};
}

Result<void> Desk::answer_question_about(const Heard& heard, const Order& order) {
  const UnixTime now = clock_.now();
  if (heard.said_at + kFresh < now || !may_order_again(heard.author, now)) return {};
  TRY(const auto texts, answer_to(heard.author, order));
  for (const std::string& text : texts) {
    TRY(const Letter letter, courier_.write(heard.author, text, options_.agent_name,
                                            heard.channel == "nip04"));
    TRY(outbox_.add(letter.envelope, letter.relays, "answer", 1, now, now + kAnswerPatience));
  }
  return {};
}

Result<std::string> Desk::carried_out(const Order& order, const nostr::PublicKey& by) {
  if (!options_.carry_out) return std::string("there is nothing of this kind here");
  auto done = options_.carry_out(order, by);
  if (done || done.error().code == Errc::kDatabase) return done;
  return fmt::format("\"{}\" was not done: {}", base::escape_for_terminal(order_text(order)),
                     base::escape_for_terminal(done.error().detail));
}

/// What is said to an order. None of it is a presentation: a bare yes to it approves nothing.
Result<std::vector<std::string>> Desk::answer_to(const nostr::PublicKey& person, const Order& order) {
  if (order.kind == Order::Kind::kHelp) return std::vector{std::string(help_text())};
  if (order.kind != Order::Kind::kList && order.kind != Order::Kind::kInfo) {
    TRY(std::string text, carried_out(order, person));
    return std::vector{std::move(text)};
  }
  const UnixTime now = clock_.now();
  std::vector<Question> mine;
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    TRY(const auto questions, approvals_.list(state));
    for (const Question& question : questions)
      if (may_answer(question, person, /*by_decision=*/false)) mine.push_back(question);
  }
  if (order.kind == Order::Kind::kInfo) {
    for (const Question& question : mine)
      if (question.code == order.code)
        return render_question({.agent_name = options_.agent_name,
                                .now = now,
                                .expires = question.expires_at,
                                .code = question.code,
                                .reason = "",
                                .needs_proof = question.needs_proof},
                               question.summary);
    return std::vector{order.code + ": no question of that code is open"};
  }
  if (mine.empty()) return std::vector<std::string>{"nothing waits for you"};
  std::string text;
  for (const Question& question : mine)
    text += fmt::format("{}  {}  {}  until {}\n", question.code, storage::name_of(question.state),
                        base::escape_for_terminal(question.action_class),
                        base::format_utc(question.expires_at));
  return std::vector{text + "info CODE shows one in full"};
}

/// An order that comes after a later one: again, or late, or said in the same second.
Result<void> Desk::overtaken(const Heard& heard, const Order& order) {
  const UnixTime now = clock_.now();
  TRY(const bool obeyed, orders_.has(heard.id));
  if (obeyed || heard.said_at + kFresh < now || !may_order_again(heard.author, now)) return {};
  TRY(write_to(heard.author,
               fmt::format("\"{}\" was not done: a later order of yours was; say it again if you mean it",
                           base::escape_for_terminal(order_text(order))),
               heard.channel == "nip04"));
  outbox_filled_();
  return {};
}

/// Obeyed once, and only if no later order of the same operator was obeyed already: relays bring what
/// they keep newest first, and may bring it again. A private message that lets things go on must be
/// fresh as well: what it knew of may have changed, while to stop is always safe.
Result<void> Desk::change_by_order(const Heard& heard, const std::string& relay, const Order& order) {
  const UnixTime now = clock_.now();
  const std::uint64_t nonce = heard.order ? heard.order->nonce : nonce_at(heard.said_at);
  TRY(const std::uint64_t last, orders_.last_nonce(heard.author));
  if (nonce <= last) return overtaken(heard, order);
  if (order.kind == Order::Kind::kStop) TRY(deny_all(heard, relay));
  const bool stale = order.kind == Order::Kind::kResume && !heard.order && heard.said_at + kFresh < now;
  std::string outcome = "that was said too long ago; say it again";
  if (!stale) {
    TRY(outcome, carried_out(order, heard.author));
  }
  TRY(storage::Tx tx, storage::Tx::begin(db_, storage::Durability::kFull));
  TRY(orders_.add({.id = heard.id,
                   .author = heard.author,
                   .nonce = nonce,
                   .text = order_text(order),
                   .channel = heard.channel,
                   .outcome = outcome,
                   .said_at = heard.said_at,
                   .received_at = now,
                   .raw_json = heard.raw_json}));
  // Whoever else decides here has to know why it stands still, or goes on.
  for (const nostr::PublicKey& person : options_.operators)
    TRY(write_to(person, outcome, person == heard.author && heard.channel == "nip04"));
  TRY(tx.commit());
  LOG(kInfo, "desk", "order", {{"order", order_text(order)}, {"channel", heard.channel}});
  outbox_filled_();
  return {};
}

}  // namespace orchestration
