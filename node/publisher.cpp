// Draining the outbox.
#include "node/publisher.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace node {
namespace {

using base::Result;
using base::UnixTime;
using nostr::PublishOutcome;
using storage::OutboxJob;
using storage::OutboxState;
using storage::RelayState;
using storage::Signing;

constexpr std::chrono::seconds kMaxPause{300};
constexpr std::chrono::milliseconds kIdleTurn{5'000};
constexpr std::chrono::seconds kAwayRest{5};
/// A signature this fresh is not renewed because of its time: then a clock is wrong, ours or theirs.
constexpr std::chrono::seconds kFresh{60};

/// Refusals that another try at the same relay cannot change.
bool is_final(nostr::Reason reason) {
  switch (reason) {
    case nostr::Reason::kRateLimited:
    case nostr::Reason::kError:
    case nostr::Reason::kAuthRequired:
    case nostr::Reason::kNone:
    case nostr::Reason::kOther:
      return false;
    case nostr::Reason::kDuplicate:
    case nostr::Reason::kPow:
    case nostr::Reason::kBlocked:
    case nostr::Reason::kInvalid:
    case nostr::Reason::kRestricted:
    case nostr::Reason::kMute:
    case nostr::Reason::kUnsupported:
      return true;
  }
  return true;
}

/// In use at relays without being registered: it has a newer one, or was asked to forget this one.
bool says_gone(std::string_view message) {
  return message.starts_with("replaced:") || message.starts_with("deleted:");
}

/// Relays keep no ephemeral event (NIP-01), so there is nothing to ask for.
bool is_ephemeral(nostr::Kind kind) {
  return kind >= 20'000 && kind < 30'000;
}

}  // namespace

std::chrono::seconds retry_pause(int attempts) {
  const int doublings = std::clamp(attempts, 0, 9);
  return std::min(kMaxPause, std::chrono::seconds{std::int64_t{1} << doublings});
}

Publisher::Publisher(base::Loop& loop, nostr::Pool& pool, storage::Db& db, const base::Clock& clock,
                     PublisherOptions options)
    : pool_(pool),
      outbox_(db),
      clock_(clock),
      options_(options),
      wake_(loop),
      settled_(loop),
      scope_(loop) {}

void Publisher::sign_for(nostr::Signer& signer) {
  signers_[signer.public_key()] = &signer;
}

void Publisher::start() {
  scope_.spawn("publisher", drain());
}

base::Task<void> Publisher::stop() {
  co_await scope_.stop();
}

Result<void> Publisher::post(const nostr::Event& event, const std::vector<std::string>& relays,
                             std::string_view purpose, std::chrono::seconds patience, int quorum) {
  const UnixTime now = clock_.now();
  TRY(outbox_.add(event, relays, purpose, quorum, now, now + patience));
  wake();
  return {};
}

Result<std::int64_t> Publisher::post_draft(const nostr::PublicKey& signer, nostr::Draft draft,
                                           const std::vector<std::string>& relays,
                                           std::string_view purpose, std::chrono::seconds patience,
                                           int quorum) {
  const UnixTime now = clock_.now();
  TRY(const std::int64_t id, outbox_.add_draft({signer, std::move(draft)}, relays, purpose, quorum,
                                               now, now + patience));
  wake();
  return id;
}

// ---- what is due -------------------------------------------------------------------------------

base::Task<void> Publisher::drain() {
  for (;;) {
    const UnixTime now = clock_.now();
    if (auto expired = outbox_.expire(now); expired && !expired->empty()) settled_.notify();
    if (auto pruned = outbox_.prune(now - options_.keep_for); !pruned)
      LOG(kError, "publisher", "cannot prune the outbox", {{"detail", pruned.error().detail}});
    send_due(now);
    std::chrono::milliseconds pause = kIdleTurn;
    if (auto next = outbox_.next_due(resting(now)); next && *next && **next > now)
      pause = std::min<std::chrono::milliseconds>(pause, **next - now);
    for (const auto& [relay, until] : resting_)
      pause = std::min<std::chrono::milliseconds>(pause, until - now);
    co_await wake_.wait_for(pause);
  }
}

void Publisher::send_due(UnixTime now) {
  // Twice the room of a relay: what is under way there may be due again already.
  auto due = outbox_.list_due(now, 2 * options_.in_flight_per_relay, resting(now));
  if (!due) {
    LOG(kError, "publisher", "cannot read the outbox", {{"detail", due.error().detail}});
    return;
  }
  for (OutboxJob& job : *due) {
    if (job.signing == Signing::kDraft || is_stale(job, now)) {
      begin_signing(job, now);
      continue;
    }
    const JobKey key{job.id, job.relay};
    if (in_flight_.contains(key)) continue;
    if (in_flight_.size() >= options_.in_flight ||
        busy_[job.relay] >= options_.in_flight_per_relay)
      continue;
    in_flight_.insert(key);
    ++busy_[job.relay];
    scope_.spawn("publish", send(std::move(job)));
  }
  std::erase_if(busy_, [](const auto& entry) { return entry.second == 0; });
}

std::set<std::string> Publisher::resting(UnixTime now) {
  std::erase_if(resting_, [&](const auto& entry) { return entry.second <= now; });
  std::set<std::string> out;
  for (const auto& [relay, until] : resting_) out.insert(relay);
  return out;
}

void Publisher::rest(const std::string& relay, UnixTime until) {
  UnixTime& known = resting_[relay];
  known = std::max(known, until);
}

// ---- signing -----------------------------------------------------------------------------------

bool Publisher::is_stale(const OutboxJob& job, UnixTime now) const {
  return job.signing == Signing::kSigned && job.loose && job.signed_at &&
         now - *job.signed_at > options_.stale_after;
}

void Publisher::begin_signing(const OutboxJob& job, UnixTime now) {
  if (signing_.contains(job.id)) return;
  if (job.signing != Signing::kDraft) {
    const auto unsigned_now = outbox_.unsign(job.id);
    if (!unsigned_now || !*unsigned_now) return;
  }
  const auto signer = job.signer ? signers_.find(*job.signer) : signers_.end();
  if (signer == signers_.end()) {
    LOG(kError, "publisher", "a draft whose key is not here",
        {{"outbox", std::to_string(job.id)}, {"signer", job.signer ? job.signer->hex() : ""}});
    static_cast<void>(outbox_.delay(job.id, now + kMaxPause));
    return;
  }
  signing_.insert(job.id);
  scope_.spawn("sign", sign(job.id, *signer->second));
}

base::Task<void> Publisher::sign(std::int64_t id, nostr::Signer& signer) {
  struct Done {
    Publisher& owner;
    std::int64_t id;
    ~Done() { owner.signing_.erase(id); }
  } const done{*this, id};
  auto draft = outbox_.draft_of(id);
  if (!draft || !*draft) co_return;
  nostr::Draft words = std::move((*draft)->draft);
  words.created_at = clock_.now();
  auto event = co_await signer.sign(std::move(words));
  Result<void> stored;
  if (event)
    stored = outbox_.set_signed(id, *event);
  else
    stored = std::unexpected(event.error());
  if (stored) {
    wake_.notify();
    co_return;
  }
  LOG(kWarn, "publisher", "cannot sign a draft",
      {{"outbox", std::to_string(id)}, {"detail", stored.error().detail}});
  static_cast<void>(outbox_.delay(id, clock_.now() + std::chrono::seconds{30}));
}

// ---- sending -----------------------------------------------------------------------------------

base::Task<void> Publisher::send(OutboxJob job) {
  struct Landed {
    Publisher& owner;
    const JobKey key;
    ~Landed() {
      owner.in_flight_.erase(key);
      --owner.busy_[key.second];
      owner.settled_.notify();
      owner.wake_.notify();  // there is room for the next, and a time for this one
    }
  } const landed{*this, {job.id, job.relay}};
  auto event = nostr::parse_event(job.event_json);
  if (!event) {
    LOG(kError, "publisher", "a damaged event in the outbox", {{"detail", event.error().detail}});
    static_cast<void>(settle(job, RelayState::kRejected, "damaged in our store", clock_.now()));
    co_return;
  }
  if (job.state == RelayState::kUnknown && !is_ephemeral(event->kind)) {
    const std::optional<bool> there = co_await ask(job.relay, event->id);
    if (there) {
      // What it has needs no second copy; what it has not may be signed again, if it is time.
      static_cast<void>(settle(job, *there ? RelayState::kAccepted : RelayState::kRetrying,
                               *there ? "found there by its id" : "asked: not there",
                               clock_.now()));
      FAILPOINT("unknown-settled");
      co_return;
    }
  }
  co_await attempt(std::move(job), *std::move(event));
}

base::Task<std::optional<bool>> Publisher::ask(std::string relay, nostr::EventId id) {
  nostr::Filters filters{{.ids = {id}, .limit = 1}};
  const nostr::FetchResult found =
      co_await pool_.fetch({std::move(relay)}, std::move(filters), options_.ask_timeout);
  if (!found.events.empty()) co_return true;
  if (!found.complete.empty()) co_return false;
  co_return std::nullopt;
}

base::Task<void> Publisher::attempt(OutboxJob job, nostr::Event event) {
  // From here to the answer the relay may have it, whatever becomes of this process.
  const storage::Durability durability = job.signing == Signing::kSigned
                                             ? storage::Durability::kFull
                                             : storage::Durability::kNormal;
  const UnixTime next_try = clock_.now() + retry_pause(job.attempts);
  const nostr::EventId id = event.id;
  if (!outbox_.start_try(job.id, job.relay, id, next_try, durability)) co_return;
  FAILPOINT("try-started");
  std::vector<PublishOutcome> outcomes =
      co_await pool_.publish({job.relay}, std::move(event), {.limit = {}, .repeat = false});
  FAILPOINT("relay-answered");
  if (outcomes.size() != 1) co_return;
  ++counts_[{job.relay, std::string(nostr::state_name(outcomes.front().state))}];
  if (auto recorded = record(job, outcomes.front()); !recorded)
    LOG(kError, "publisher", "cannot record an answer",
        {{"relay", job.relay}, {"detail", recorded.error().detail}});
  FAILPOINT("answer-recorded");
}

// ---- answers -----------------------------------------------------------------------------------

Result<void> Publisher::record(const OutboxJob& job, const PublishOutcome& outcome) {
  const UnixTime again = clock_.now() + retry_pause(job.attempts);
  switch (outcome.state) {
    case PublishOutcome::State::kAccepted:
      resting_.erase(job.relay);
      return settle(job, RelayState::kAccepted, outcome.message, again);
    case PublishOutcome::State::kRejected:
      return record_refusal(job, outcome);
    case PublishOutcome::State::kUnknown:
      return settle(job, RelayState::kUnknown, outcome.message, again);
    case PublishOutcome::State::kUnsent:
      // It is away for all of them; but what is posted meanwhile must not wait for an old pause.
      rest(job.relay, std::min(again, clock_.now() + kAwayRest));
      // This try changed nothing, but an earlier one may have.
      return settle(job,
                    job.state == RelayState::kUnknown ? RelayState::kUnknown : RelayState::kRetrying,
                    outcome.message, again);
  }
  return {};
}

Result<void> Publisher::record_refusal(const OutboxJob& job, const PublishOutcome& outcome) {
  const UnixTime now = clock_.now();
  const UnixTime again =
      now + std::max(retry_pause(job.attempts),
                     nostr::retry_hint(outcome.message).value_or(std::chrono::seconds{0}));
  if (outcome.reason == nostr::Reason::kRateLimited)
    rest(job.relay, again);
  else if (nostr::says_wrong_time(outcome.message))
    return record_wrong_time(job, outcome, again);
  const bool final = is_final(outcome.reason) || says_gone(outcome.message);
  return settle(job, final ? RelayState::kRejected : RelayState::kRetrying, outcome.message, again);
}

/// A new signature helps where the old one aged, as long as nobody has or may have it. Where another
/// relay has yet to say whether it has the old one, this one waits.
Result<void> Publisher::record_wrong_time(const OutboxJob& job, const PublishOutcome& outcome,
                                          UnixTime again) {
  const bool aged =
      job.signing == Signing::kSigned && job.signed_at && clock_.now() - *job.signed_at >= kFresh;
  if (aged) {
    TRY(settle(job, RelayState::kRetrying, outcome.message, again));
    TRY(outbox_.unsign(job.id));
    TRY(const auto row, outbox_.get(job.id));
    if (row && row->signing != Signing::kKept) return {};
  } else {
    LOG(kWarn, "publisher", "a relay refuses our time: is this clock right?",
        {{"relay", job.relay}, {"message", outcome.message}});
  }
  return settle(job, RelayState::kRejected, outcome.message, again);
}

Result<void> Publisher::settle(const OutboxJob& job, RelayState state, std::string_view reason,
                               UnixTime next_try) {
  TRY(const OutboxState row, outbox_.settle(job.id, job.relay, state, reason, next_try));
  LOG(kDebug, "publisher", "settled",
      {{"outbox", std::to_string(job.id)},
       {"relay", job.relay},
       {"relay_state", std::string(storage::name_of(state))},
       {"row", std::string(storage::name_of(row))},
       {"message", std::string(reason)}});
  return {};
}

// ---- waiting for it ----------------------------------------------------------------------------

base::Task<Result<bool>> Publisher::settled(nostr::EventId event) {
  CO_TRY(const auto row, outbox_.find(event));
  if (!row) co_return base::fail(base::Errc::kNotFound, "the event is not in the outbox");
  co_return co_await settled(row->id);
}

base::Task<Result<bool>> Publisher::settled(std::int64_t outbox_id) {
  for (;;) {
    CO_TRY(const auto row, outbox_.get(outbox_id));
    if (!row) co_return base::fail(base::Errc::kNotFound, "no such publication in the outbox");
    if (row->state != OutboxState::kOpen) co_return row->state == OutboxState::kDone;
    co_await settled_.wait_for(std::chrono::seconds{5});
  }
}

}  // namespace node
