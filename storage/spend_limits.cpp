// A small table, read by its key.
#include "storage/spend_limits.h"

#include <fmt/format.h>

namespace storage {

namespace {

constexpr const char* kSet =
    "INSERT INTO spend_limits (dimension, name, per, msat, changed) VALUES (?,?,?,?,?) "
    "ON CONFLICT (dimension, name, per) DO UPDATE SET msat = excluded.msat, changed = "
    "excluded.changed";
constexpr const char* kErase =
    "DELETE FROM spend_limits WHERE dimension = ? AND name = ? AND per = ?";
constexpr const char* kGet =
    "SELECT dimension, name, per, msat, changed FROM spend_limits "
    "WHERE dimension = ? AND name = ? AND per = ?";
constexpr const char* kList =
    "SELECT dimension, name, per, msat, changed FROM spend_limits ORDER BY dimension, name, per";

SpendLimit read_limit(Row& r) {
  return {.dimension = r.take<Dimension>(),
          .name = r.take<std::string>(),
          .per = r.take<Per>(),
          .limit = r.take<std::optional<Msat>>(),
          .changed = r.take<UnixTime>()};
}

}  // namespace

Result<void> SpendLimits::set(const SpendLimit& limit) {
  if (limit.limit && (limit.limit->value < 0 || *limit.limit > base::kMaxMsat))
    return fail(Errc::kInvalid, fmt::format("{} msat is no limit", limit.limit->value));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kSet, limit.dimension, limit.name, limit.per, limit.limit, limit.changed));
  return tx.commit();
}

Result<void> SpendLimits::erase(Dimension dimension, std::string_view name, Per per) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kErase, dimension, name, per));
  return tx.commit();
}

Result<std::optional<SpendLimit>> SpendLimits::get(Dimension dimension, std::string_view name,
                                                   Per per) {
  return db_.one(kGet, read_limit, dimension, name, per);
}

Result<std::vector<SpendLimit>> SpendLimits::list() {
  return db_.all(kList, read_limit);
}

}  // namespace storage
