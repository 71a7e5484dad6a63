// What wakes the agent: mentions, messages and delegations, kept first, then planned as ticks.
#include <algorithm>

#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "node/agent_app.h"
#include "node/answered.h"
#include "node/delegations.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip59.h"

namespace node {
namespace {

using base::Result;
using base::UnixTime;
using orchestration::TriggerKind;
using storage::Durability;
using storage::InboxRow;
using storage::Tx;

constexpr std::string_view kMentionHandler = "mention";
constexpr std::string_view kDmHandler = "dm";
constexpr std::string_view kDelegationHandler = "delegation";
constexpr std::chrono::seconds kTriggerAge{3'600};  // older ones are history, not a call
constexpr std::string_view kRumorHandler = "dm-rumor";
constexpr std::chrono::seconds kQueueFullPause{60};  // between two complaints about that

/// What a gift wrap says of its time means nothing; the message inside is looked at when it is
/// open. A delegation says itself how long it stands.
bool is_history(const nostr::Event& event, UnixTime now) {
  return event.kind != nipsa::kinds::kDelegation && event.kind != nostr::kinds::kGiftWrap &&
         event.created_at + kTriggerAge < now;
}

}  // namespace

bool AgentApp::wants(std::string_view trigger) const {
  return std::ranges::find(config_.agent.triggers, trigger) != config_.agent.triggers.end();
}

/// A home that has no ticks yet may be the second one of its node. The calls of the last hour come
/// to it as well, and those that were answered are not answered again.
base::Task<void> AgentApp::recall_answers() {
  const auto ticks = ticks_.history(1);
  if (!ticks || !ticks->empty()) co_return;
  auto answered = co_await answered_since(runtime_.pool, options_.relays, node_key(),
                                          runtime_.clock.now() - kTriggerAge);
  if (answered)
    answered_ = std::move(*answered);
  else
    LOG(kWarn, "node", "cannot ask what was answered before", {{"why", answered.error().detail}});
}

void AgentApp::listen() {
  const UnixTime now = runtime_.clock.now();
  nostr::Filters filters;
  if (wants("mention"))
    filters.push_back({.kinds = {nostr::kinds::kTextNote, nostr::kinds::kComment},
                       .tags = {{'p', {identity().hex()}}},
                       .since = now - kTriggerAge});
  if (wants("dm"))
    filters.push_back({.kinds = {nostr::kinds::kGiftWrap},
                       .tags = {{'p', {node_key().hex()}}},
                       .since = now - nostr::kWrapOverlap});
  if (!delegators_.empty()) {
    filters.push_back({.authors = delegators_,
                       .kinds = {nipsa::kinds::kDelegation},
                       .tags = {{'p', {identity().hex()}}},
                       .since = now - nipsa::kDelegationTtlMax});
    filters.push_back({.authors = delegators_,
                       .kinds = {nostr::kinds::kDeletion},
                       .since = now - nipsa::kDelegationTtlMax});
  }
  if (filters.empty()) return;
  // Messages arrive where our kind 10050 says, mentions where the agent reads.
  std::vector<std::string> relays = options_.relays;
  for (const std::string& relay : config_.node.inbox_relays)
    if (std::find(relays.begin(), relays.end(), relay) == relays.end()) relays.push_back(relay);
  triggers_ = std::make_unique<nostr::Feed>(
      runtime_.pool, runtime_.clock, relays, std::move(filters),
      nostr::FeedCallbacks{
          .on_events =
              [this](std::span<const nostr::Delivery> batch) { return on_triggers(batch); }},
      nostr::FeedOptions{.cursors = &cursors_});
}

/// One commit for the batch, so that a backlog costs as many flushes of the disk as it has batches.
Result<std::vector<InboxRow>> AgentApp::ingest(std::span<const nostr::Delivery> batch) {
  std::vector<InboxRow> opened;
  const UnixTime now = runtime_.clock.now();
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  for (const nostr::Delivery& delivery : batch) {
    const nostr::Event& event = *delivery.event;
    if (event.pubkey == identity() || event.pubkey == node_key()) continue;
    if (event.kind ==
        nostr::kinds::kDeletion) {  // by a delegator: it ends what it names, also under way
      TRY(events_.insert(event, now));
      continue;
    }
    if (is_history(event, now)) continue;  // a cursor may be months old
    if (event.kind == nipsa::kinds::kDelegation && !is_delegation(event)) continue;
    const std::vector<std::string> handlers{
        std::string(event.kind == nostr::kinds::kGiftWrap     ? kDmHandler
                    : event.kind == nipsa::kinds::kDelegation ? kDelegationHandler
                                                              : kMentionHandler)};
    // A restart brings back days of wraps: those that were here cost nobody's share.
    TRY(const bool known, inbox_.knows(event.id, handlers.front()));
    if (known) continue;
    // Strangers can write as much as they like; what they cause to be written here ends somewhere.
    if (!is_by_operator(event) && !is_delegation(event) && !strangers_.take(now)) {
      if (strangers_.should_tell())
        LOG(kWarn, "node", "too many triggers of strangers this hour; the rest is not looked at",
            {});
      continue;
    }
    TRY(const auto ingested, inbox_.ingest(events_, event, handlers, delivery.relay, now));
    if (!ingested.opened.empty())
      opened.push_back(
          {.event = event, .handler = handlers.front(), .relay = delivery.relay, .received = now});
  }
  TRY(tx.commit());
  return opened;
}

/// Whether the batch is safe; only then may the cursor of its relay pass it.
bool AgentApp::on_triggers(std::span<const nostr::Delivery> batch) {
  auto opened = ingest(batch);
  if (!opened) {
    LOG(kError, "node", "cannot keep triggers", {{"detail", opened.error().detail}});
    return false;
  }
  FAILPOINT("trigger-ingested");
  for (const InboxRow& row : *opened) handle(row);
  return true;
}

void AgentApp::handle(const InboxRow& row) {
  if (auto planned = plan_tick(row); !planned)
    LOG(kError, "node", "cannot plan a tick",
        {{"event", row.event.id.hex()}, {"detail", planned.error().detail}});
}

/// Answers to questions belong to the desk, and what sellers write to the buyer: they wake nobody.
Result<bool> AgentApp::is_for_the_desk(const nostr::Event& wrap) {
  TRY(const nostr::Rumor rumor, nostr::unwrap(wrap, node_.key()));
  if (rumor.event.kind != nostr::kinds::kPrivateMessage) return true;
  if (rumor.event.pubkey == identity() || rumor.event.pubkey == node_key()) return true;
  if (rumor.event.created_at + kTriggerAge < runtime_.clock.now()) return true;
  if (buyer_->expects(rumor.event)) return true;
  TRY(const auto heard, orchestration::hear(wrap, node_.key()));
  if (!heard) return true;
  return desk_->expects(*heard);
}

/// Whether an operator wrote this note, or the message inside this wrap.
bool AgentApp::is_by_operator(const nostr::Event& event) const {
  nostr::PublicKey author = event.pubkey;
  if (event.kind == nostr::kinds::kGiftWrap) {
    const auto rumor = nostr::unwrap(event, node_.key());
    if (!rumor) return false;
    author = rumor->event.pubkey;
  }
  return std::find(options_.operators.begin(), options_.operators.end(), author) !=
         options_.operators.end();
}

/// Whether it is to this agent, by somebody the operator lets hand it work. What else it is worth
/// is seen when its tick begins.
bool AgentApp::is_delegation(const nostr::Event& event) const {
  if (event.kind != nipsa::kinds::kDelegation) return false;
  if (std::find(delegators_.begin(), delegators_.end(), event.pubkey) == delegators_.end())
    return false;
  const auto read = nipsa::parse_delegation(event);
  return read && read->delegate == identity() && runtime_.clock.now() < read->expires;
}

Result<void> AgentApp::plan_tick(const InboxRow& row) {
  const UnixTime now = runtime_.clock.now();
  const bool dm = row.handler == kDmHandler;
  const bool answered = answered_.contains(row.event.id);
  bool ignore = is_history(row.event, now) || answered;
  if (dm) {
    auto answer = is_for_the_desk(row.event);
    ignore = !answer || *answer;  // what cannot be opened is nobody's message
  }
  // What the store did not keep (expired, deleted) could never be read again: nothing to wake for.
  TRY(const bool kept, events_.has(row.event.id));
  ignore = ignore || !kept;
  TRY(const auto open, ticks_.list_unfinished());
  // Strangers can fill the queue; they cannot keep the operator out of it.
  if (open.size() >= kMaxOpenTicks && !ignore && !is_by_operator(row.event)) {
    if (now > queue_full_told_ + kQueueFullPause) {
      LOG(kWarn, "node", "too many open ticks; triggers of strangers are dropped",
          {{"open", std::to_string(open.size())}});
      queue_full_told_ = now;
    }
    ignore = true;
  }
  if (!ignore && !is_by_operator(row.event) && !is_delegation(row.event) &&
      !stranger_ticks_.take(now)) {
    if (stranger_ticks_.should_tell())
      LOG(kWarn, "node", "strangers have caused all the ticks of this hour; the rest is dropped",
          {});
    ignore = true;
  }
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  // Every relay and every device of the sender may bring the message in a wrap of its own.
  if (dm && (!ignore || answered)) {
    TRY(const nostr::Rumor rumor, nostr::unwrap(row.event, node_.key()));
    TRY(const bool first, inbox_.claim(rumor.id, kRumorHandler, now));
    ignore = ignore || !first;
  }
  if (!ignore)
    TRY(runner_->plan(nipsa::slot_of_event(row.event.id),
                      dm                                  ? TriggerKind::kDm
                      : row.handler == kDelegationHandler ? TriggerKind::kDelegation
                                                          : TriggerKind::kMention,
                      row.event.id));
  TRY(inbox_.close(row.event.id, row.handler, now));
  TRY(tx.commit());
  FAILPOINT("tick-planned");
  runner_->wake();
  return {};
}

}  // namespace node
