// Draining the outbox.
#include "node/publisher.h"

#include <algorithm>

#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace node {
namespace {

using base::Result;
using nostr::PublishOutcome;
using storage::OutboxState;
using storage::RelayState;

constexpr std::size_t kMaxInFlight = 64;
constexpr std::size_t kMaxPerRelay = 16;  // a silent relay must not hold up the others
constexpr std::size_t kMaxLook = 256;     // jobs looked at in one turn
constexpr std::chrono::seconds kMaxPause{300};

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

}  // namespace

std::chrono::seconds retry_pause(int attempts) {
  const int doublings = std::clamp(attempts, 0, 9);
  return std::min(kMaxPause, std::chrono::seconds{std::int64_t{1} << doublings});
}

Publisher::Publisher(base::Loop& loop, nostr::Pool& pool, storage::Db& db, const base::Clock& clock)
    : pool_(pool), outbox_(db), clock_(clock), wake_(loop), settled_(loop), scope_(loop) {}

void Publisher::start() {
  scope_.spawn("publisher", drain());
}

base::Task<void> Publisher::stop() {
  co_await scope_.stop();
}

Result<void> Publisher::post(const nostr::Event& event, const std::vector<std::string>& relays,
                             std::string_view purpose, std::chrono::seconds patience) {
  const base::UnixTime now = clock_.now();
  TRY(outbox_.add(event, relays, purpose, 1, now, now + patience));
  wake();
  return {};
}

base::Task<void> Publisher::drain() {
  for (;;) {
    const base::UnixTime now = clock_.now();
    if (auto expired = outbox_.expire(now); expired && !expired->empty()) settled_.notify();
    if (auto due = outbox_.list_due(now, kMaxLook)) {
      crowded_ = due->size() == kMaxLook;
      for (storage::OutboxJob& job : *due) {
        const auto busy = busy_.find(job.relay);
        if (in_flight_.size() >= kMaxInFlight ||
            (busy != busy_.end() && busy->second >= kMaxPerRelay)) {
          crowded_ = true;
          continue;
        }
        if (!in_flight_.emplace(job.id, job.relay).second) continue;
        ++busy_[job.relay];
        scope_.spawn("publish", send(std::move(job)));
      }
    } else {
      LOG(kError, "publisher", "cannot read the outbox", {{"detail", due.error().detail}});
    }
    std::chrono::milliseconds pause{5'000};
    if (auto next = outbox_.next_due(); next && *next && **next > now)
      pause = std::min<std::chrono::milliseconds>(pause, **next - now);
    co_await wake_.wait_for(pause);
  }
}

base::Task<void> Publisher::send(storage::OutboxJob job) {
  struct Landed {
    Publisher& owner;
    const storage::OutboxJob& job;
    ~Landed() {
      owner.in_flight_.erase({job.id, job.relay});
      if (--owner.busy_[job.relay] == 0) owner.busy_.erase(job.relay);
    }
  } const landed{*this, job};
  auto event = nostr::parse_event(job.event_json);
  if (!event) {
    LOG(kError, "publisher", "a damaged event in the outbox", {{"detail", event.error().detail}});
    static_cast<void>(outbox_.settle(job.id, job.relay, RelayState::kRejected,
                                     "damaged in our store", clock_.now()));
    settled_.notify();
    co_return;
  }
  const base::UnixTime next_try = clock_.now() + retry_pause(job.attempts);
  if (auto started = outbox_.start_try(job.id, job.relay, next_try); !started) co_return;
  std::vector<PublishOutcome> outcomes = co_await pool_.publish({job.relay}, *std::move(event));
  FAILPOINT("relay-answered");
  if (outcomes.size() != 1) co_return;
  if (auto recorded = record(job, outcomes.front()); !recorded)
    LOG(kError, "publisher", "cannot record an answer",
        {{"relay", job.relay}, {"detail", recorded.error().detail}});
  FAILPOINT("answer-recorded");
  settled_.notify();
  if (crowded_) wake_.notify();  // there is room for the next
}

Result<void> Publisher::record(const storage::OutboxJob& job, const PublishOutcome& outcome) {
  RelayState state = RelayState::kUnknown;
  if (outcome.state == PublishOutcome::State::kAccepted)
    state = RelayState::kAccepted;
  else if (outcome.state == PublishOutcome::State::kRejected)
    state = is_final(outcome.reason) ? RelayState::kRejected : RelayState::kPending;
  TRY(const OutboxState row, outbox_.settle(job.id, job.relay, state, outcome.message,
                                            clock_.now() + retry_pause(job.attempts)));
  LOG(kDebug, "publisher", "settled",
      {{"event", job.event_id.hex()},
       {"relay", job.relay},
       {"relay_state", std::string(storage::name_of(state))},
       {"row", std::string(storage::name_of(row))},
       {"message", outcome.message}});
  return {};
}

base::Task<Result<bool>> Publisher::settled(nostr::EventId event) {
  for (;;) {
    CO_TRY(const auto row, outbox_.find(event));
    if (!row) co_return base::fail(base::Errc::kNotFound, "the event is not in the outbox");
    if (row->state != OutboxState::kOpen) co_return row->state == OutboxState::kDone;
    co_await settled_.wait_for(std::chrono::seconds{5});
  }
}

}  // namespace node
