// One row an errand; it ends once.
#include "storage/errands.h"

namespace storage {

namespace {

#define SOV_ERRAND_COLUMNS \
  "slot, agent, text, called_off, outcome, detail, said, turns, calls, cost_msat, created, ended"

constexpr const char* kAdd = "INSERT INTO errands (slot, agent, text, created) VALUES (?,?,?,?)";
constexpr const char* kCallOff =
    "UPDATE errands SET called_off = 1 WHERE slot = ? AND called_off = 0 AND ended IS NULL";
constexpr const char* kEnd =
    "UPDATE errands SET outcome = ?, detail = ?, said = ?, turns = ?, calls = ?, cost_msat = ?, ended = ? "
    "WHERE slot = ? AND ended IS NULL";
constexpr const char* kGet = "SELECT " SOV_ERRAND_COLUMNS " FROM errands WHERE slot = ?";
constexpr const char* kHistory = "SELECT " SOV_ERRAND_COLUMNS " FROM errands ORDER BY created DESC, slot LIMIT ?";
constexpr const char* kPruneOld = "DELETE FROM errands WHERE ended < ?";
constexpr const char* kPruneMany =
    "DELETE FROM errands WHERE ended IS NOT NULL AND slot NOT IN "
    "(SELECT slot FROM errands ORDER BY created DESC LIMIT ?)";

#undef SOV_ERRAND_COLUMNS

ErrandRow read_errand(Row& r) {
  return {.slot = r.take<std::string>(),
          .agent = r.take<std::string>(),
          .text = r.take<std::string>(),
          .called_off = r.take<std::int64_t>() != 0,
          .outcome = r.take<ErrandOutcome>(),
          .detail = r.take<std::string>(),
          .said = r.take<std::string>(),
          .turns = r.take<std::int64_t>(),
          .calls = r.take<std::int64_t>(),
          .cost = r.take<Msat>(),
          .created = r.take<UnixTime>(),
          .ended = r.take<std::optional<UnixTime>>()};
}

}  // namespace

Result<void> Errands::add(std::string_view slot, std::string_view agent, std::string_view text, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAdd, slot, agent, text, now));
  return tx.commit();
}

Result<bool> Errands::call_off(std::string_view slot) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kCallOff, slot));
  TRY(tx.commit());
  return changed == 1;
}

Result<void> Errands::end(const ErrandRow& how, UnixTime now) {
  CHECK(how.outcome != ErrandOutcome::kNone);
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kEnd, how.outcome, how.detail, how.said, how.turns, how.calls, how.cost, now, how.slot));
  return tx.commit();
}

Result<std::optional<ErrandRow>> Errands::get(std::string_view slot) { return db_.one(kGet, read_errand, slot); }

Result<std::vector<ErrandRow>> Errands::history(std::int64_t limit) { return db_.all(kHistory, read_errand, limit); }

Result<void> Errands::prune(UnixTime before, std::int64_t keep) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(db_.run(kPruneOld, before));
  TRY(db_.run(kPruneMany, keep));
  return tx.commit();
}

}  // namespace storage
