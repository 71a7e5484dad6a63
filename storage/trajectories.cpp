// Steps are appended in order without gaps; a closed trajectory never changes.
#include "storage/trajectories.h"

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO trajectories (d, tick, writer, agent, model, first_head, started) VALUES "
    "(?,?,?,?,?,?,?) "
    "ON CONFLICT (d) DO NOTHING";
constexpr const char* kSetFirstHead =
    "UPDATE trajectories SET first_head = ? WHERE d = ? AND (first_head IS NULL OR first_head = ?)";
constexpr const char* kCountStep =
    "UPDATE trajectories SET steps = ? WHERE d = ? AND steps = ? AND ended IS NULL";
constexpr const char* kAddStep =
    "INSERT INTO trajectory_steps (trajectory, seq, event_id, event) VALUES (?,?,?,?)";
constexpr const char* kStep =
    "SELECT seq, event_id, event FROM trajectory_steps WHERE trajectory = ? AND seq = ?";
constexpr const char* kSteps =
    "SELECT seq, event_id, event FROM trajectory_steps WHERE trajectory = ? ORDER BY seq";
constexpr const char* kLastStep =
    "SELECT seq, event_id, event FROM trajectory_steps WHERE trajectory = ? ORDER BY seq DESC "
    "LIMIT 1";
constexpr const char* kClose =
    "UPDATE trajectories SET hash = ?, last_head = ?, ended = ? WHERE d = ? AND ended IS NULL";
constexpr const char* kGet =
    "SELECT d, tick, writer, agent, model, first_head, last_head, started, ended, hash, steps "
    "FROM trajectories WHERE d = ?";
constexpr const char* kOfTick =
    "SELECT d, tick, writer, agent, model, first_head, last_head, started, ended, hash, steps "
    "FROM trajectories WHERE tick = ?";
constexpr const char* kOpen =
    "SELECT d, tick, writer, agent, model, first_head, last_head, started, ended, hash, steps "
    "FROM trajectories WHERE ended IS NULL ORDER BY started";
constexpr const char* kHistory =
    "SELECT d, tick, writer, agent, model, first_head, last_head, started, ended, hash, steps "
    "FROM trajectories ORDER BY started DESC LIMIT ?";

TrajectoryRow read_trajectory(Row& r) {
  return {.d = r.take<std::string>(),
          .tick = r.take<std::string>(),
          .writer = r.take<PublicKey>(),
          .agent = r.take<PublicKey>(),
          .model = r.take<std::string>(),
          .first_head = r.take<std::optional<EventId>>(),
          .last_head = r.take<std::optional<EventId>>(),
          .started = r.take<UnixTime>(),
          .ended = r.take<std::optional<UnixTime>>(),
          .hash = r.take<std::optional<nostr::Sha256>>(),
          .steps = r.take<std::int64_t>()};
}

StepRow read_step(Row& r) {
  return {.seq = r.take<std::int64_t>(),
          .event_id = r.take<EventId>(),
          .event_json = r.take<std::string>()};
}

}  // namespace

Result<bool> Trajectories::add(const TrajectoryRow& t) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added,
      db_.run(kAdd, t.d, t.tick, t.writer, t.agent, t.model, t.first_head, t.started));
  TRY(tx.commit());
  return added == 1;
}

Result<void> Trajectories::set_first_head(std::string_view d, const EventId& head) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSetFirstHead, head, d, head));
  TRY(expect_one(changed, "trajectory head"));
  return tx.commit();
}

Result<void> Trajectories::append(std::string_view d, std::int64_t seq, const Event& step) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto known, db_.one(kStep, read_step, d, seq));
  if (known) {
    if (known->event_id == step.id) return tx.commit();
    return fail(Errc::kConflict, fmt::format("step {} of {} is another event", seq, d));
  }
  TRY(const auto changed, db_.run(kCountStep, seq, d, seq - 1));
  TRY(expect_one(changed, fmt::format("trajectory {} at step {}", d, seq)));
  TRY(db_.run(kAddStep, d, seq, step.id, nostr::to_json(step)));
  TRY(tx.commit());
  FAILPOINT("trajectory-appended");
  return {};
}

Result<void> Trajectories::close(std::string_view d, const nostr::Sha256& hash,
                                 const EventId& last_head, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kClose, hash, last_head, now, d));
  if (changed == 0) {
    TRY(const auto standing, get(d));
    if (!standing) return fail(Errc::kNotFound, fmt::format("no trajectory {}", d));
    if (standing->hash != hash)
      return fail(Errc::kConflict, fmt::format("trajectory {} was closed with another hash", d));
  }
  return tx.commit();
}

Result<std::optional<TrajectoryRow>> Trajectories::get(std::string_view d) {
  return db_.one(kGet, read_trajectory, d);
}

Result<std::vector<TrajectoryRow>> Trajectories::of_tick(std::string_view tick) {
  return db_.all(kOfTick, read_trajectory, tick);
}

Result<std::vector<TrajectoryRow>> Trajectories::list_open() {
  return db_.all(kOpen, read_trajectory);
}

Result<std::vector<TrajectoryRow>> Trajectories::history(std::size_t limit) {
  return db_.all(kHistory, read_trajectory, limit);
}

Result<std::vector<StepRow>> Trajectories::steps(std::string_view d) {
  return db_.all(kSteps, read_step, d);
}

Result<std::optional<StepRow>> Trajectories::last_step(std::string_view d) {
  return db_.one(kLastStep, read_step, d);
}

}  // namespace storage
