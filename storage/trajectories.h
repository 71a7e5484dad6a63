// Trajectories: the signed 39231 events of each session and what their 39230 head says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

struct TrajectoryRow {
  std::string d;  ///< "sess-…"
  std::string tick;
  PublicKey writer;
  PublicKey agent;
  std::string model;
  std::optional<EventId> first_head;  ///< id of the first 39230
  std::optional<EventId> last_head;   ///< id of the closing 39230
  UnixTime started;
  std::optional<UnixTime> ended;
  std::optional<nostr::Sha256> hash;  ///< chain-v1 over all steps, once ended
  std::int64_t steps = 0;             ///< how many are stored
};

struct StepRow {
  std::int64_t seq = 0;  ///< 1 … N without gaps
  EventId event_id;
  std::string event_json;  ///< the signed 39231
};

/// The local record is the signed events themselves. App thread. Changes are kFull.
class Trajectories {
 public:
  explicit Trajectories(Db& db) : db_(db) {}

  /// False when `d` exists.
  Result<bool> add(const TrajectoryRow& trajectory);
  Result<void> set_first_head(std::string_view d, const EventId& head);
  /// Appends step `seq`, which must be the next one; kConflict when it is not or the trajectory has
  /// ended. The same event at the same seq again is fine.
  Result<void> append(std::string_view d, std::int64_t seq, const Event& step);
  /// Closes it, once; kConflict when `hash` differs from what an earlier close said.
  Result<void> close(std::string_view d, const nostr::Sha256& hash, const EventId& last_head,
                     UnixTime now);

  Result<std::optional<TrajectoryRow>> get(std::string_view d);
  Result<std::vector<TrajectoryRow>> of_tick(std::string_view tick);
  Result<std::vector<TrajectoryRow>> list_open();
  Result<std::vector<TrajectoryRow>> history(std::size_t limit = 100);
  Result<std::vector<StepRow>> steps(std::string_view d);
  Result<std::optional<StepRow>> last_step(std::string_view d);

 private:
  Db& db_;
};

}  // namespace storage
