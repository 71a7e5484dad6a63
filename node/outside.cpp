// Acts of a session; each is a row of storage/actions, so a repeated call repeats nothing.
#include "node/outside.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "node/approval_book.h"
#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "orchestration/approvals/courier.h"
#include "orchestration/approvals/render.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using orchestration::ActionRequest;
using orchestration::ActionResult;
using orchestration::ActionStatus;
using orchestration::LocalAction;
using storage::ActionRow;
using storage::ActionState;
using storage::Durability;
using storage::QuestionState;
using storage::Tx;

constexpr std::chrono::seconds kSearchPatience{8};
constexpr std::chrono::seconds kLocatePatience{2};
constexpr nostr::RoutingLimits kReading{.max_relays = 12, .per_person = 2};
constexpr std::chrono::seconds kDmPatience{86'400};
constexpr std::uint32_t kMaxSearchResults = 200;
constexpr int kMaxCodeTries = 64;

}  // namespace

NodeOutside::NodeOutside(Deps deps, nostr::PublicKey agent, VoiceOptions options)
    : deps_(deps),
      agent_(agent),
      options_(std::move(options)),
      actions_(deps.db),
      approvals_(deps.db),
      events_(deps.db),
      ticks_(deps.db),
      changed_(deps.loop) {}

Result<std::optional<nostr::EventId>> NodeOutside::claim_of(const std::string& slot) {
  TRY(const auto tick, ticks_.get(slot));
  return tick ? tick->claim_id : std::nullopt;
}

Result<std::optional<nostr::EventId>> NodeOutside::claim_of(const LocalAction& action) {
  if (action.claim) return action.claim;
  return claim_of(action.key.tick);
}

base::Task<Result<std::vector<nostr::Event>>> NodeOutside::search(nostr::Filter filter) {
  filter.limit = std::min(filter.limit.value_or(kMaxSearchResults), kMaxSearchResults);
  const std::uint32_t limit = *filter.limit;
  co_await deps_.directory.locate(filter.authors, nostr::kinds::kRelayList, kLocatePatience);
  std::vector<std::string> relays = options_.relays;
  for (const nostr::Route& route :
       nostr::plan_reading(filter.authors, deps_.directory.book(), deps_.directory.health(),
                           options_.relays, deps_.clock.now(), kReading))
    if (std::find(relays.begin(), relays.end(), route.relay) == relays.end())
      relays.push_back(route.relay);
  nostr::Filters filters{std::move(filter)};
  const nostr::FetchResult found =
      co_await deps_.pool.fetch(std::move(relays), std::move(filters), kSearchPatience);
  if (found.complete.empty() && found.events.empty())
    co_return fail(Errc::kUnavailable, found.failed.empty()
                                           ? "no relay answered"
                                           : "no relay answered: " + found.failed.front().second);
  std::vector<nostr::Event> events;
  for (const nostr::EventPtr& event : found.events) {
    if (events.size() == limit) break;
    events.push_back(*event);
  }
  co_return events;
}

base::Task<Result<ActionResult>> NodeOutside::act(ActionRequest request) {
  if (request.action == orchestration::ActionClass::kDm)
    co_return co_await send_dm(std::move(request));
  if (request.action == orchestration::ActionClass::kPay)
    co_return co_await pay(std::move(request));
  if (request.action == orchestration::ActionClass::kPurchase) {
    if (!buyer_) co_return fail(Errc::kInternal, "nobody here buys licences");
    co_return co_await buyer_(std::move(request));
  }
  if (request.action == orchestration::ActionClass::kAskOperator) {
    LocalAction question{.key = request.key,
                         .action = request.action,
                         .params = Value{{"question", request.draft.content}},
                         .reason = request.reason};
    CO_TRY(ActionResult answer, co_await ask(std::move(question)));
    if (answer.status == ActionStatus::kApproved || answer.status == ActionStatus::kDenied) {
      answer.text = answer.status == ActionStatus::kApproved ? "yes" : "no";
      answer.status = ActionStatus::kAnswered;
    }
    co_return answer;
  }
  CO_TRY(const auto claim, claim_of(request.key.tick));
  Utterance utterance{.key = request.key,
                      .action_class = std::string(orchestration::action_class_name(request.action)),
                      .draft = std::move(request.draft),
                      .reason = std::move(request.reason),
                      .ask = request.ask,
                      .tick = claim};
  co_return co_await deps_.voice.say(std::move(utterance));
}

base::Task<Result<ActionResult>> NodeOutside::approve(LocalAction action) {
  co_return co_await ask(std::move(action));
}

// ---- messages under the node's key
// -----------------------------------------------------------------

base::Task<Result<ActionResult>> NodeOutside::send_dm(ActionRequest request) {
  const auto to_hex = nostr::tag_value(request.draft.tags, "p");
  if (!to_hex) co_return fail(Errc::kInvalid, "a message names nobody");
  CO_TRY(const nostr::PublicKey to, nostr::PublicKey::from_hex(*to_hex));
  const nostr::UnsignedEvent draft = nostr::with_author(request.draft, deps_.node.public_key());
  CO_TRY(ActionRow row, actions_.add({.tick = request.key.tick,
                                      .call_id = request.key.call_id,
                                      .digest = nipsa::event_digest(draft),
                                      .action_class = "dm",
                                      .draft_json = nostr::to_json(draft),
                                      .created = deps_.clock.now()}));
  if (row.state == ActionState::kProposed) {
    orchestration::Courier courier(deps_.pool, deps_.node, deps_.clock, deps_.rng, {to},
                                   options_.relays);
    co_await courier.locate();
    auto written = courier.write(to, request.draft.content, "");
    if (!written) {  // nobody's key, or too long: another try changes nothing
      CO_TRY(actions_.set_state(row.tick, row.call_id, row.state, ActionState::kRefused,
                                written.error().detail, deps_.clock.now()));
      CO_TRY(const auto refused, actions_.get(row.tick, row.call_id));
      co_return result_of(*refused);
    }
    const orchestration::Letter letter = *std::move(written);
    const base::UnixTime now = deps_.clock.now();
    CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
    CO_TRY(actions_.set_stamped(row.tick, row.call_id, letter.envelope.id, letter.rumor_json, now));
    CO_TRY(actions_.set_signed(row.tick, row.call_id, letter.envelope, now));
    CO_TRY(deps_.publisher.post(letter.envelope, letter.relays, "dm", kDmPatience));
    CO_TRY(tx.commit());
    FAILPOINT("dm-committed");
    row.event_id = letter.envelope.id;
    row.state = ActionState::kSigned;
  }
  if (row.state == ActionState::kSigned) {
    CO_TRY(const bool accepted, co_await deps_.publisher.settled(*row.event_id));
    CO_TRY(actions_.set_state(row.tick, row.call_id, ActionState::kSigned,
                              accepted ? ActionState::kPublished : ActionState::kFailed,
                              accepted ? "" : "no inbox relay accepted the message",
                              deps_.clock.now()));
  }
  CO_TRY(const auto done, actions_.get(request.key.tick, request.key.call_id));
  co_return result_of(*done);
}

// ---- local actions
// ---------------------------------------------------------------------------------

Result<orchestration::Ask> NodeOutside::build_ask(const LocalAction& action, const ActionRow& row) {
  const base::UnixTime now = deps_.clock.now();
  TRY(const Value body, base::json::parse(row.draft_json));
  TRY(const nostr::ConversationKey key,
      nostr::nip44_conversation_key(deps_.node.key(), deps_.node.public_key()));
  TRY(std::string content,
      nostr::nip44_encrypt(key, encode_question_body({.event = {}, .action = body}), deps_.rng));
  TRY(const auto claim, claim_of(action));
  const base::Sat sats = base::to_sat_ceil(action.cost);
  nipsa::ApprovalRequest request{.guardian = deps_.node.public_key(),
                                 .operators = options_.operators,
                                 .tick = claim,
                                 .agent = agent_,
                                 .action = row.action_class,
                                 .action_hash = row.digest,
                                 .reason = action.reason,
                                 .expires = base::unix_time(base::json::int_or(body, "expires")),
                                 .content = std::move(content)};
  if (sats.value > 0) request.budget_requested = nipsa::Budget{.amount = sats};
  for (int tries = 0; tries < kMaxCodeTries; ++tries) {
    request.d = nipsa::random_d("apr-", deps_.rng);
    TRY(nostr::Draft draft, nipsa::build_approval_request(request, now));
    nostr::Event event = nostr::sign_event(std::move(draft), deps_.node.key(), deps_.rng);
    if (!nipsa::is_issuable(nipsa::approval_code(event.id), {})) continue;
    return orchestration::Ask{
        .request = std::move(event),
        .parsed = std::move(request),
        .digest = row.digest,
        .agent = agent_,
        .action_class = row.action_class,
        .description = orchestration::describe_action(row.action_class, action.params, sats.value),
        .action_json = row.draft_json,
        .sats = sats.value};
  }
  return fail(Errc::kInternal, "no issuable approval code was found");
}

base::Task<Result<ActionResult>> NodeOutside::ask(LocalAction action) {
  const std::string action_class(orchestration::action_class_name(action.action));
  CO_TRY(auto standing, actions_.get(action.key.tick, action.key.call_id));
  if (!standing) {
    CO_TRY(const auto claim, claim_of(action));
    const nipsa::LocalAction local{.agent = agent_,
                                   .tick = claim,
                                   .action = action_class,
                                   .sats = base::to_sat_ceil(action.cost),
                                   .params = action.params,
                                   .expires = deps_.clock.now() + options_.approval_ttl};
    CO_TRY(const nostr::Sha256 digest, nipsa::action_digest(local));
    const Value body = {{"action", action_class},
                        {"params", action.params},
                        {"sats", local.sats.value},
                        {"expires", base::to_unix(local.expires)}};
    CO_TRY(standing, actions_.add({.tick = action.key.tick,
                                   .call_id = action.key.call_id,
                                   .digest = digest,
                                   .action_class = action_class,
                                   .draft_json = base::json::dump(body),
                                   .created = deps_.clock.now()}));
  }
  ActionRow row = *standing;
  CO_TRY(const Value body, base::json::parse(row.draft_json));
  if (body.value("params", Value()) != action.params)
    co_return fail(Errc::kConflict,
                   "another action has the name of this one: an approval is for one of them only");
  if (row.state == ActionState::kProposed &&
      base::unix_time(base::json::int_or(body, "expires")) <= deps_.clock.now()) {
    // The process was down for longer than the question would have lived.
    CO_TRY(actions_.set_state(row.tick, row.call_id, row.state, ActionState::kFailed,
                              "approval-expired: its time was up before it could be asked",
                              deps_.clock.now()));
    CO_TRY(auto late, actions_.get(row.tick, row.call_id));
    row = *std::move(late);
  }
  if (row.state == ActionState::kProposed) {
    CO_TRY(orchestration::Ask question, build_ask(action, row));
    const nostr::Event request = question.request;
    auto opened = co_await deps_.desk.ask(std::move(question));
    if (!opened) {
      if (opened.error().code == Errc::kDatabase) co_return std::unexpected(opened.error());
      CO_TRY(actions_.set_state(
          row.tick, row.call_id, row.state,
          opened.error().code == Errc::kDenied ? ActionState::kDenied : ActionState::kRefused,
          opened.error().detail, deps_.clock.now()));
    } else {
      // The desk may hold this digest's question from before a crash: its id is what counts.
      CO_TRY(const auto kept, approvals_.latest(row.digest));
      CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
      CO_TRY(actions_.set_question(row.tick, row.call_id, kept->id, deps_.clock.now()));
      CO_TRY(actions_.set_state(row.tick, row.call_id, row.state, ActionState::kAsked, "",
                                deps_.clock.now()));
      if (kept->id == request.id)
        CO_TRY(deps_.publisher.post(request, options_.relays, "approval-request",
                                    options_.approval_ttl));
      CO_TRY(tx.commit());
    }
    CO_TRY(auto next, actions_.get(row.tick, row.call_id));
    row = *std::move(next);
  }
  if (row.state == ActionState::kAsked) {
    CO_TRY(row, co_await await_answer(std::move(row)));
  }
  ActionResult result = result_of(row);
  if (row.state == ActionState::kApproved || row.state == ActionState::kDone)
    result.status = ActionStatus::kApproved;
  result.event_id.reset();
  co_return result;
}

Result<void> NodeOutside::stop_asking(const std::string& tick, std::string_view calls) {
  const base::UnixTime now = deps_.clock.now();
  TRY(const auto rows, actions_.list(tick));
  for (const ActionRow& row : rows) {
    if (row.state != ActionState::kAsked || !row.question || !row.call_id.starts_with(calls)) continue;
    const nostr::Event taken_back =
        nostr::sign_event({.kind = nostr::kinds::kDeletion,
                           .created_at = now,
                           .tags = {{"e", row.question->hex()},
                                    {"k", std::to_string(nipsa::kinds::kApprovalRequest)}},
                           .content = "the agent no longer asks"},
                          deps_.node.key(), deps_.rng);
    TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
    TRY(actions_.set_state(row.tick, row.call_id, row.state, ActionState::kWithdrawn, "nobody waits for the answer any more", now));
    // What a co-signer asks about is on its desk; it reads the deletion.
    TRY(const auto ours, approvals_.get(*row.question));
    if (ours && (ours->state == QuestionState::kOpen || ours->state == QuestionState::kApproved))
      TRY(deps_.desk.cancel(ours->id));
    TRY(deps_.publisher.post(taken_back, options_.relays, "deletion", options_.approval_ttl));
    TRY(tx.commit());
  }
  return {};
}

Result<void> NodeOutside::call_off(const std::string& tick) {
  TRY(stop_asking(tick, ""));
  TRY(const auto rows, actions_.list(tick));
  for (const ActionRow& row : rows) {
    // The record goes on: a head or a state that was failed here would keep the tick from ever ending.
    if (row.call_id.starts_with(kRecordCall)) continue;
    if (row.state == ActionState::kProposed || row.state == ActionState::kApproved)
      TRY(actions_.set_state(row.tick, row.call_id, row.state, ActionState::kFailed, "called off", deps_.clock.now()));
  }
  return {};
}

base::Task<Result<ActionRow>> NodeOutside::await_answer(ActionRow row) {
  for (;;) {
    CO_TRY(const auto question, approvals_.get(*row.question));
    if (!question) co_return fail(Errc::kDatabase, "the question of an action is missing");
    std::optional<ActionState> to;
    switch (question->state) {
      case QuestionState::kOpen:
        break;
      case QuestionState::kApproved: {
        CO_TRY(const auto decision, deps_.desk.decision(row.digest));
        if (!decision) break;  // held: it may still be taken back
        // A local action ends in no event, so its approval is used up by the digest itself.
        CO_TRY(const nostr::EventId used_by, nostr::EventId::from_bytes(row.digest.view()));
        CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
        CO_TRY(approvals_.consume(question->id, used_by, deps_.clock.now()));
        CO_TRY(actions_.set_decision(row.tick, row.call_id, decision->id, deps_.clock.now()));
        CO_TRY(actions_.set_state(row.tick, row.call_id, row.state, ActionState::kApproved, "",
                                  deps_.clock.now()));
        CO_TRY(deps_.desk.tell_outcome(question->id, "done", "your yes was used"));
        CO_TRY(tx.commit());
        break;
      }
      case QuestionState::kConsumed:
        to = ActionState::kApproved;
        break;
      case QuestionState::kDenied:
        to = ActionState::kDenied;
        break;
      case QuestionState::kExpired:
        to = ActionState::kExpired;
        break;
      case QuestionState::kWithdrawn:
      case QuestionState::kCancelled:
        to = ActionState::kWithdrawn;
        break;
      case QuestionState::kUndeliverable:
        to = ActionState::kUndeliverable;
        break;
    }
    if (to)
      CO_TRY(actions_.set_state(row.tick, row.call_id, row.state, *to, "", deps_.clock.now()));
    CO_TRY(auto current, actions_.get(row.tick, row.call_id));
    if (current->state != ActionState::kAsked) co_return *std::move(current);
    co_await changed_.wait_for(std::chrono::seconds{5});
  }
}

}  // namespace node
