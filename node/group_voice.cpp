// From draft to accepted; see group_voice.h.
#include "node/group_voice.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "node/approval_book.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using nostr::Event;
using nostr::EventId;
using nostr::UnsignedEvent;
using orchestration::ActionResult;
using orchestration::ActionStatus;
using storage::ActionRow;
using storage::ActionState;
using storage::Durability;
using storage::Tx;

constexpr std::chrono::seconds kPublishPatience{86'400};
constexpr std::chrono::seconds kDecisionGrace{10};  // for a decision on its way when time is up
constexpr std::chrono::seconds kLookBack{86'400};
constexpr std::chrono::milliseconds kRetryPause{500};
constexpr std::chrono::seconds kStampLife{240};  // co-signers take unapproved stamps for 300
constexpr int kMaxCodeTries = 64;
constexpr std::size_t kMaxAddressees = 20;  // whose relays are looked up
constexpr std::chrono::seconds kLocatePatience{2};
constexpr nostr::RoutingLimits kSpeaking{.max_relays = 12, .per_person = 2};

UnsignedEvent draft_event(const Utterance& utterance, const nostr::PublicKey& group) {
  nostr::Draft draft = utterance.draft;
  draft.created_at = UnixTime{};
  return nostr::with_author(std::move(draft), group);
}

/// Whom an event addresses: the keys of its `p` tags, each once.
std::vector<nostr::PublicKey> addressees(const nostr::Tags& tags) {
  std::vector<nostr::PublicKey> out;
  for (const std::string_view hex : nostr::tag_values(tags, "p")) {
    const auto key = nostr::PublicKey::from_hex(hex);
    if (out.size() == kMaxAddressees) break;
    if (key && std::find(out.begin(), out.end(), *key) == out.end()) out.push_back(*key);
  }
  return out;
}

Result<UnsignedEvent> stamped_event(const ActionRow& row) {
  return nostr::parse_unsigned_event(row.event_json);
}

}  // namespace

ActionResult result_of(const ActionRow& row) {
  ActionResult result{.event_id = row.event_id, .text = row.result, .decision = row.decision};
  switch (row.state) {
    case ActionState::kPublished:
    case ActionState::kDone:
      result.status = ActionStatus::kPublished;
      break;
    case ActionState::kDenied:
      result.status = ActionStatus::kDenied;
      break;
    case ActionState::kExpired:
      result.status = ActionStatus::kExpired;
      break;
    case ActionState::kWithdrawn:
      result.status = ActionStatus::kWithdrawn;
      break;
    case ActionState::kUndeliverable:
      result.status = ActionStatus::kUndeliverable;
      break;
    case ActionState::kRefused:
      result.status = ActionStatus::kRefused;
      break;
    case ActionState::kProposed:
    case ActionState::kAsked:
    case ActionState::kApproved:
    case ActionState::kSigned:
    case ActionState::kFailed:
      result.status = ActionStatus::kFailed;
      break;
  }
  if (result.status != ActionStatus::kPublished) result.event_id.reset();
  return result;
}

GroupVoice::GroupVoice(nostr::Pool& pool, storage::Db& db, const base::Clock& clock, base::Rng& rng,
                       frostr::ThresholdSigner& signer, const nostr::KeySigner& node,
                       Publisher& publisher, nostr::RelayDirectory& directory,
                       VoiceOptions options, base::Loop& loop)
    : pool_(pool),
      db_(db),
      actions_(db),
      events_(db),
      outbox_(db),
      cursors_(db),
      clock_(clock),
      rng_(rng),
      signer_(signer),
      node_(node),
      publisher_(publisher),
      directory_(directory),
      options_(std::move(options)),
      decided_(loop) {}

void GroupVoice::start() {
  drop_handovers();
  nostr::Filter filter{.kinds = {nipsa::kinds::kApprovalDecision},
                       .tags = {{'p', {node_.public_key().hex()}}},
                       .since = clock_.now() - kLookBack};
  nostr::Filters filters{std::move(filter)};
  decisions_ = std::make_unique<nostr::Feed>(
      pool_, clock_, options_.relays, std::move(filters),
      nostr::FeedCallbacks{.on_events = [this](std::span<const nostr::Delivery> batch) {
        return take_answers(batch);
      }},
      nostr::FeedOptions{.cursors = &cursors_});
}

/// Clients that waited for an earlier process do not wait any more.
void GroupVoice::drop_handovers() {
  const auto open = actions_.list_unfinished();
  for (const ActionRow& row : open.value_or(std::vector<ActionRow>{})) {
    if (row.tick != kHandOverTick) continue;
    if (auto closed = finish(row, ActionState::kFailed, "the process ended"); !closed)
      LOG(kError, "voice", "cannot close what a client asked for", {{"detail", closed.error().detail}});
  }
}

bool GroupVoice::take_answers(std::span<const nostr::Delivery> batch) {
  bool kept = true;
  for (const nostr::Delivery& delivery : batch)
    if (auto taken = take_answer(*delivery.event); !taken) {
      LOG(kDebug, "voice", "decision not taken", {{"detail", taken.error().detail}});
      kept = kept && taken.error().code != Errc::kDatabase;
    }
  return kept;
}

void GroupVoice::stop() {
  decisions_.reset();
}

ActionRow GroupVoice::proposed(const Utterance& utterance) const {
  const UnsignedEvent event = draft_event(utterance, signer_.public_key());
  return {.tick = utterance.key.tick,
          .call_id = utterance.key.call_id,
          .digest = nipsa::event_digest(event),
          .action_class = utterance.action_class,
          .draft_json = nostr::to_json(event),
          .created = clock_.now()};
}

Result<void> GroupVoice::propose(std::span<const Utterance> utterances) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  for (const Utterance& utterance : utterances) TRY(actions_.add(proposed(utterance)));
  return tx.commit();
}

base::Task<Result<ActionResult>> GroupVoice::say(Utterance utterance) {
  CO_TRY(auto standing, actions_.get(utterance.key.tick, utterance.key.call_id));
  if (!standing) {
    CO_TRY(standing, actions_.add(proposed(utterance)));
  }
  // The first draft under a key stands: what was encrypted or dated anew after a restart is not
  // said.
  ActionRow row = *std::move(standing);
  for (;;) {
    CO_TRY(auto done, co_await advance(utterance, std::move(row)));
    if (done) co_return *std::move(done);
    CO_TRY(auto next, actions_.get(utterance.key.tick, utterance.key.call_id));
    row = *std::move(next);
  }
}

base::Task<Result<Event>> GroupVoice::sign_for(Utterance utterance) {
  utterance.hand_over = true;
  const orchestration::ActionKey key = utterance.key;
  auto said = co_await say(std::move(utterance));
  CO_TRY(const auto row, actions_.get(key.tick, key.call_id));
  if (!said) {
    if (row) CO_TRY(finish(*row, ActionState::kFailed, said.error().detail));
    co_return std::unexpected(said.error());
  }
  if (row->state == ActionState::kDone) co_return nostr::parse_event(row->event_json);
  if (row->state == ActionState::kExpired)
    co_return fail(Errc::kTimeout, "the operator did not answer in time");
  if (row->state == ActionState::kUndeliverable)
    co_return fail(Errc::kUnavailable, "the operator could not be asked: " + row->result);
  co_return fail(Errc::kDenied, row->result.empty() ? "refused" : row->result);
}

/// One move of the row's state machine; a result when it has come to an end.
base::Task<GroupVoice::Step> GroupVoice::advance(const Utterance& utterance, ActionRow row) {
  switch (row.state) {
    case ActionState::kProposed:
    case ActionState::kApproved:
      co_return co_await request_signature(utterance, std::move(row));
    case ActionState::kAsked:
      co_return co_await await_decision(std::move(row));
    case ActionState::kSigned:
      co_return co_await await_relays(utterance, std::move(row));
    case ActionState::kPublished:
    case ActionState::kDone:
    case ActionState::kDenied:
    case ActionState::kExpired:
    case ActionState::kWithdrawn:
    case ActionState::kUndeliverable:
    case ActionState::kRefused:
    case ActionState::kFailed:
      co_return result_of(row);
  }
  co_return result_of(row);
}

Result<void> GroupVoice::finish(const ActionRow& row, ActionState to, std::string_view text) {
  return actions_.set_state(row.tick, row.call_id, row.state, to, text, clock_.now());
}

// ---- stamping and signing
// ----------------------------------------------------------------------------

/// Fixes created_at, once: what was approved and what is signed must be one event for ever.
Result<void> GroupVoice::stamp(const Utterance& utterance, ActionRow& row) {
  if (row.event_id) return {};
  TRY(UnsignedEvent event, dated_event(row));
  if (utterance.hand_over) event.created_at = utterance.draft.created_at;
  const EventId id = nostr::compute_id(event);
  row.event_json = nostr::to_json(event);
  TRY(actions_.set_stamped(utterance.key.tick, utterance.key.call_id, id, row.event_json,
                           clock_.now()));
  row.event_id = id;
  FAILPOINT("stamp-committed");
  return {};
}

/// The draft of `row` with the time it would be said at now.
Result<UnsignedEvent> GroupVoice::dated_event(const ActionRow& row) {
  TRY(UnsignedEvent event, nostr::parse_unsigned_event(row.draft_json));
  std::optional<UnixTime> last;
  if (const auto address =
          nostr::address_of({.pubkey = event.pubkey, .kind = event.kind, .tags = event.tags})) {
    TRY(const auto standing, events_.head(*address));
    if (standing) last = standing->created_at;
  }
  TRY(event.created_at, nipsa::next_created_at(clock_.now(), last));
  return event;
}

/// This process was away so long that the stamp is too old to be signed. Nobody was asked about the
/// event, and a co-signer that had signed it before would sign it again: it may have a new stamp.
Result<void> GroupVoice::stamp_anew(ActionRow& row) {
  TRY(const UnsignedEvent event, dated_event(row));
  const EventId id = nostr::compute_id(event);
  row.event_json = nostr::to_json(event);
  TRY(actions_.restamp(row.tick, row.call_id, *row.event_id, id, row.event_json, clock_.now()));
  row.event_id = id;
  return {};
}

Result<frostr::SignContext> GroupVoice::context_for(const Utterance& utterance,
                                                    const ActionRow& row) {
  frostr::SignContext context{.tick = utterance.tick, .ask = utterance.ask};
  if (!row.question) return context;
  TRY(context.request, events_.get(*row.question));
  if (row.decision) {
    TRY(context.decision, events_.get(*row.decision));
  }
  if (context.request) {
    const auto asker = nostr::tag_value(context.request->tags, "p");
    for (const frostr::Readiness::Member& member : signer_.readiness().members)
      if (member.service && asker == member.service->hex()) context.member = member.idx;
  }
  return context;
}

base::Task<GroupVoice::Step> GroupVoice::request_signature(const Utterance& utterance,
                                                           ActionRow row) {
  CO_TRY(stamp(utterance, row));
  CO_TRY(UnsignedEvent event, stamped_event(row));
  if (!utterance.hand_over)
    co_await directory_.locate(addressees(event.tags), nostr::kinds::kRelayList, kLocatePatience);
  const auto deadline = std::chrono::steady_clock::now() + options_.patience;
  for (;;) {
    CO_TRY(frostr::SignContext context, context_for(utterance, row));
    CO_TRY(frostr::SignOutcome outcome,
           co_await signer_.sign_with_context(event, std::move(context)));
    if (const auto* done = std::get_if<frostr::Signed>(&outcome)) {
      CO_TRY(keep_signature(utterance, row, done->event));
      co_return std::nullopt;
    }
    if (const auto* refused = std::get_if<frostr::Refused>(&outcome)) {
      const bool too_old = refused->reason.starts_with("created-at-out-of-window") &&
                           event.created_at + kStampLife < clock_.now();
      if (too_old && !row.question && !utterance.hand_over) {
        CO_TRY(stamp_anew(row));
        CO_TRY(event, stamped_event(row));
        continue;
      }
      LOG(kInfo, "voice", "refused",
          {{"class", row.action_class},
           {"member", std::to_string(refused->member.value)},
           {"reason", refused->reason}});
      CO_TRY(finish(
          row, refused->reason.starts_with("denied") ? ActionState::kDenied : ActionState::kRefused,
          refused->reason));
      co_return std::nullopt;
    }
    if (const auto* required = std::get_if<frostr::ApprovalRequired>(&outcome);
        required && !row.question) {
      CO_TRY(ask_operator(utterance, row, *required));
      co_return std::nullopt;
    }
    // Approved, and still asked for: the co-signer has yet to see its own decision, or another one
    // took over. One action is one question, so this waits; when the question's time is up, so is
    // it.
    if (row.question) {
      CO_TRY(const auto request, events_.get(*row.question));
      CO_TRY(const nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(*request));
      if (clock_.now() > parsed.expires + kDecisionGrace) {
        CO_TRY(finish(row, ActionState::kExpired, "approval-expired"));
        co_return std::nullopt;
      }
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      const auto* away = std::get_if<frostr::Unavailable>(&outcome);
      co_return fail(Errc::kUnavailable,
                     away ? away->why : "the co-signer does not accept the approval yet");
    }
    co_await base::sleep_for(kRetryPause);
  }
}

Result<void> GroupVoice::keep_signature(const Utterance& utterance, const ActionRow& row,
                                        const Event& event) {
  const UnixTime now = clock_.now();
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(actions_.set_signed(row.tick, row.call_id, event, now));
  TRY(events_.insert(event, now));
  if (utterance.hand_over) return tx.commit();
  const std::vector<nostr::PublicKey> people = addressees(event.tags);
  const std::vector<std::string> relays = nostr::plan_publishing(
      options_.relays, people, directory_.book(), directory_.health(), now, kSpeaking);
  TRY(publisher_.post(event, relays, row.action_class, kPublishPatience));
  TRY(tx.commit());
  FAILPOINT("signature-committed");
  return {};
}

base::Task<GroupVoice::Step> GroupVoice::await_relays(const Utterance& utterance, ActionRow row) {
  if (utterance.hand_over) {
    CO_TRY(finish(row, ActionState::kDone, ""));
    co_return std::nullopt;
  }
  CO_TRY(const bool accepted, co_await publisher_.settled(*row.event_id));
  if (accepted) {
    CO_TRY(finish(row, ActionState::kPublished, ""));
    FAILPOINT("accepted-committed");
  } else {
    CO_TRY(finish(row, ActionState::kFailed, "no relay accepted the event"));
  }
  co_return std::nullopt;
}

// ---- asking
// ------------------------------------------------------------------------------------------

/// What a client or the operator at this machine wants signed belongs to no tick of the agent, and
/// a question belongs to one: it gets a claim of its own, so that whoever reads the record finds
/// what it was about.
Result<Event> GroupVoice::build_claim() {
  nipsa::TickRequest request{.d = nipsa::random_d("tick-", rng_),
                             .agent = signer_.public_key(),
                             .trigger = nipsa::TriggerName::kManual,
                             .trigger_event = {},
                             .slot = nipsa::slot_of_manual(rng_)};
  TRY(nostr::Draft draft, nipsa::build_tick_request(request, node_.public_key(), clock_.now()));
  return nostr::sign_event(std::move(draft), node_.key(), rng_);
}

Result<Event> GroupVoice::build_question(const Utterance& utterance, const ActionRow& row,
                                         const nostr::PublicKey& asker,
                                         const std::optional<EventId>& tick) {
  const UnixTime now = clock_.now();
  TRY(UnsignedEvent event, stamped_event(row));
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(node_.key(), asker));
  const nostr::Kind kind = event.kind;
  TRY(std::string content,
      nostr::nip44_encrypt(key, encode_question_body({.event = std::move(event), .action = {}}),
                           rng_));
  nipsa::ApprovalRequest request{.guardian = asker,
                                 .operators = options_.operators,
                                 .tick = tick,
                                 .agent = signer_.public_key(),
                                 .action = fmt::format("kind:{}", kind),
                                 .action_hash = row.digest,
                                 .reason = utterance.reason,
                                 .expires = now + options_.approval_ttl,
                                 .content = std::move(content)};
  // A code without a digit, or one that reads like a word, is not issued: another d gives another.
  for (int tries = 0; tries < kMaxCodeTries; ++tries) {
    request.d = nipsa::random_d("apr-", rng_);
    TRY(nostr::Draft draft, nipsa::build_approval_request(request, now));
    Event signed_request = nostr::sign_event(std::move(draft), node_.key(), rng_);
    if (nipsa::is_issuable(nipsa::approval_code(signed_request.id), {})) return signed_request;
  }
  return fail(Errc::kInternal, "no issuable approval code was found");
}

Result<void> GroupVoice::ask_operator(const Utterance& utterance, const ActionRow& row,
                                      const frostr::ApprovalRequired& required) {
  if (required.digest != row.digest)
    return finish(row, ActionState::kRefused,
                  "the co-signer names another digest than this action has");
  if (!required.service)
    return finish(row, ActionState::kRefused,
                  "the co-signer wants the operator but names no key that asks");
  std::optional<EventId> tick = utterance.tick;
  std::optional<Event> claim;
  if (!tick) {
    TRY(claim, build_claim());
    tick = claim->id;
  }
  TRY(const Event request, build_question(utterance, row, *required.service, tick));
  const UnixTime now = clock_.now();
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  if (claim) TRY(publisher_.post(*claim, options_.relays, "claim", options_.approval_ttl));
  TRY(actions_.set_question(row.tick, row.call_id, request.id, now));
  TRY(finish(row, ActionState::kAsked, ""));
  TRY(events_.insert(request, now));
  TRY(publisher_.post(request, options_.relays, "approval-request", options_.approval_ttl));
  TRY(tx.commit());
  FAILPOINT("question-posted");
  LOG(kInfo, "voice", "asked for approval",
      {{"class", row.action_class}, {"request", request.id.hex()}});
  return {};
}

base::Task<GroupVoice::Step> GroupVoice::await_decision(ActionRow row) {
  CO_TRY(const auto request, events_.get(*row.question));
  if (!request) co_return fail(Errc::kDatabase, "the question of an action is missing");
  CO_TRY(const nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(*request));
  for (;;) {
    CO_TRY(const auto current, actions_.get(row.tick, row.call_id));
    if (current->state != ActionState::kAsked) co_return std::nullopt;
    const UnixTime now = clock_.now();
    if (now > parsed.expires + kDecisionGrace) {
      CO_TRY(const auto sent, outbox_.find(*row.question));
      const bool reached = sent && sent->state == storage::OutboxState::kDone;
      CO_TRY(finish(row, reached ? ActionState::kExpired : ActionState::kUndeliverable,
                    reached ? "nobody answered in time" : "the question reached no relay"));
      co_return std::nullopt;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(parsed.expires +
                                                                            kDecisionGrace - now);
    co_await decided_.wait_for(std::min<std::chrono::milliseconds>(left + std::chrono::seconds{1},
                                                                   std::chrono::seconds{30}));
  }
}

Result<void> GroupVoice::take_answer(const Event& event) {
  if (const auto refusal = nipsa::parse_question_refusal(event))
    return take_refusal(event, *refusal);
  return take_decision(event);
}

/// The asker will not ask: said at once, so that nobody waits for an answer to a question that
/// nobody saw.
Result<void> GroupVoice::take_refusal(const Event& event, const nipsa::QuestionRefusal& refusal) {
  TRY(const auto row, actions_.by_question(refusal.request));
  if (!row || row->state != ActionState::kAsked) return {};
  TRY(const auto request, events_.get(refusal.request));
  if (!request) return fail(Errc::kNotFound, "the question is not in the store");
  TRY(const nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(*request));
  if (event.pubkey != parsed.guardian)
    return fail(Errc::kDenied, "not by the one that was to ask");
  // The policy changed meanwhile and signs without asking: the next request shows it.
  const bool needless = refusal.reason.starts_with(kNoQuestionNeeded);
  const ActionState to = needless ? ActionState::kApproved
                         : refusal.reason.starts_with("denied") ? ActionState::kDenied
                         : refusal.reason.starts_with("undeliverable")
                             ? ActionState::kUndeliverable
                             : ActionState::kRefused;
  TRY(finish(*row, to, needless ? std::string() : "not asked: " + refusal.reason));
  LOG(kInfo, "voice", "not asked", {{"class", row->action_class}, {"why", refusal.reason}});
  decided_.notify();
  return {};
}

/// A 39213 for one of our questions: checked, then committed together with what it decides.
Result<void> GroupVoice::take_decision(const Event& event) {
  TRY(const nipsa::ApprovalDecision decision, nipsa::parse_approval_decision(event));
  TRY(const auto row, actions_.by_question(decision.request));
  if (!row || row->state != ActionState::kAsked) return {};
  TRY(const auto request, events_.get(decision.request));
  if (!request) return fail(Errc::kNotFound, "the question is not in the store");
  TRY(const nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(*request));
  std::vector<nostr::PublicKey> deciders = options_.operators;
  deciders.push_back(parsed.guardian);
  const UnixTime now = clock_.now();
  TRY(nipsa::check_decision(event, decision, *request, parsed, deciders, now));
  const bool approved = decision.decision == nipsa::Decision::kApproved;
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(events_.insert(event, now));
  TRY(actions_.set_decision(row->tick, row->call_id, event.id, now));
  TRY(finish(*row, approved ? ActionState::kApproved : ActionState::kDenied,
             approved ? "" : "the operator said no"));
  TRY(tx.commit());
  FAILPOINT("decision-taken");
  LOG(kInfo, "voice", approved ? "approved" : "denied",
      {{"class", row->action_class}, {"decision", event.id.hex()}});
  decided_.notify();
  return {};
}

}  // namespace node
