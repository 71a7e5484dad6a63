// Rows that are written once, counted and ended.
#include "storage/grants.h"

#include <fmt/format.h>

namespace storage {

namespace {

constexpr const char* kInsert =
    "INSERT INTO grants (agent, tool, pattern, created, expires, max_uses, uses) VALUES (?,?,?,?,?,?,0)";
constexpr const char* kCount = "SELECT count(*) FROM grants WHERE expires > ?";
constexpr const char* kGet =
    "SELECT id, agent, tool, pattern, created, expires, max_uses, uses, revoked FROM grants WHERE id = ?";
constexpr const char* kOfTool =
    "SELECT id, agent, tool, pattern, created, expires, max_uses, uses, revoked FROM grants "
    "WHERE tool = ? AND expires > ? AND revoked IS NULL ORDER BY expires DESC LIMIT 1000";
constexpr const char* kUse =
    "UPDATE grants SET uses = uses + 1 WHERE id = ? AND revoked IS NULL AND expires > ? "
    "AND (max_uses = 0 OR uses < max_uses)";
constexpr const char* kRevoke = "UPDATE grants SET revoked = ? WHERE id = ? AND revoked IS NULL";
constexpr const char* kList =
    "SELECT id, agent, tool, pattern, created, expires, max_uses, uses, revoked FROM grants "
    "ORDER BY id DESC LIMIT ?";

constexpr std::int64_t kMaxStanding = 1000;

GrantRow read_row(Row& r) {
  return {.id = r.take<std::int64_t>(),
          .agent = r.take<std::string>(),
          .tool = r.take<std::string>(),
          .pattern = r.take<std::string>(),
          .created = r.take<UnixTime>(),
          .expires = r.take<UnixTime>(),
          .max_uses = r.take<std::int64_t>(),
          .uses = r.take<std::int64_t>(),
          .revoked = r.take<std::optional<UnixTime>>()};
}

}  // namespace

Result<GrantRow> Grants::add(GrantRow row, UnixTime now) {
  TRY(const auto standing, db_.one(kCount, [](Row& r) { return r.take<std::int64_t>(); }, now));
  if (standing.value_or(0) >= kMaxStanding)
    return fail(Errc::kLimit, "there are 1000 grants already", "revoke what is not needed");
  row.created = now;
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kInsert, row.agent, row.tool, row.pattern, row.created, row.expires, row.max_uses));
  row.id = db_.last_rowid();
  TRY(tx.commit());
  return row;
}

Result<std::vector<GrantRow>> Grants::of_tool(std::string_view tool, UnixTime now) {
  return db_.all(kOfTool, read_row, tool, now);
}

Result<bool> Grants::use(std::int64_t id, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const std::int64_t changed, db_.run(kUse, id, now));
  TRY(tx.commit());
  return changed == 1;
}

Result<GrantRow> Grants::revoke(std::int64_t id, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kRevoke, now, id));
  TRY(const auto row, db_.one(kGet, read_row, id));
  TRY(tx.commit());
  if (!row) return fail(Errc::kNotFound, fmt::format("there is no grant {}", id));
  return *row;
}

Result<std::vector<GrantRow>> Grants::list(std::int64_t limit) { return db_.all(kList, read_row, limit); }

}  // namespace storage
