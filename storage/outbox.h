// Outbox: events that must reach their relays, with the state of each relay, across restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/events.h"

namespace storage {

/// What one relay has said. kUnknown: sent, no answer came; it is tried again like kPending.
enum class RelayState { kPending, kAccepted, kRejected, kUnknown };
/// A publication is done when `quorum` relays accepted, failed when that cannot be reached any more
/// (all others rejected, or the deadline passed).
enum class OutboxState { kOpen, kDone, kFailed };

template <>
struct EnumText<RelayState> {
  static constexpr std::array<std::string_view, 4> kNames{"pending", "accepted", "rejected", "unknown"};
};
template <>
struct EnumText<OutboxState> {
  static constexpr std::array<std::string_view, 3> kNames{"open", "done", "failed"};
};

struct OutboxRelay {
  std::string url;
  RelayState state = RelayState::kPending;
  int attempts = 0;
  UnixTime next_try;
  std::string reason;  ///< the relay's words, or ours for kUnknown
};

struct OutboxRow {
  std::int64_t id = 0;
  EventId event_id;
  std::string event_json;
  std::string purpose;  ///< e.g. "reply", "approval-request", "receipt"
  int quorum = 1;
  OutboxState state = OutboxState::kOpen;
  UnixTime created;
  UnixTime deadline;
  std::vector<OutboxRelay> relays;
};

/// One send that is due.
struct OutboxJob {
  std::int64_t id = 0;
  EventId event_id;
  std::string event_json;
  std::string relay;
  int attempts = 0;  ///< made before this one
};

struct OutboxCounts {
  std::int64_t open = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
};

/// Durable publication. App thread.
class Outbox {
 public:
  explicit Outbox(Db& db) : db_(db) {}

  /// Queues `event` for `relays`, due at once; kFull. Queuing an event again adds only relays it
  /// did not have (and reopens a finished row if there are any) and returns the same id.
  /// Quorum is at least 1 and at most the number of relays. kInvalid without relays.
  Result<std::int64_t> add(const Event& event, const std::vector<std::string>& relays,
                           std::string_view purpose, int quorum, UnixTime now, UnixTime deadline);

  /// Sends due at `now`, earliest first: pending or unknown relays of rows that are open, or done
  /// with relays left to serve before the deadline.
  Result<std::vector<OutboxJob>> list_due(UnixTime now, std::size_t limit = 100);
  /// The next moment something becomes due, if anything will.
  Result<std::optional<UnixTime>> next_due();

  /// Before sending: counts an attempt, marks the relay unknown and sets when to try again if no
  /// answer comes. kConflict when the relay has answered meanwhile.
  Result<void> start_try(std::int64_t id, std::string_view relay, UnixTime next_try);
  /// Records the relay's answer; the row's state afterwards. kPending with a later `next_try` says
  /// "try again then" (rate-limited, connection lost). An accepted relay stays accepted.
  Result<OutboxState> settle(std::int64_t id, std::string_view relay, RelayState state,
                             std::string_view reason, UnixTime next_try);
  /// Fails open rows whose deadline is before `now`; their ids.
  Result<std::vector<std::int64_t>> expire(UnixTime now);

  Result<std::optional<OutboxRow>> get(std::int64_t id);
  Result<std::optional<OutboxRow>> find(const EventId& event);
  /// Rows in `state`, newest first.
  Result<std::vector<OutboxRow>> list(OutboxState state, std::size_t limit = 100);
  Result<OutboxCounts> counts();

 private:
  Result<std::optional<OutboxRow>> with_relays(std::optional<OutboxRow> row);
  Result<OutboxState> refresh_state(std::int64_t id);
  Db& db_;
};

}  // namespace storage
