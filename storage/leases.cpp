// One row a member.
#include "storage/leases.h"

namespace storage {

namespace {

constexpr const char* kGet =
    "SELECT member, runner, home, generation, boot, since, until, barred, barred_until "
    "FROM leases WHERE member = ?";
constexpr const char* kPut =
    "INSERT INTO leases (member, runner, home, generation, boot, since, until, barred, "
    "barred_until) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (member) DO UPDATE SET "
    "runner = excluded.runner, home = excluded.home, generation = excluded.generation, "
    "boot = excluded.boot, since = excluded.since, until = excluded.until, "
    "barred = excluded.barred, barred_until = excluded.barred_until";
constexpr const char* kRenew = "UPDATE leases SET until = ? WHERE member = ?";
constexpr const char* kList =
    "SELECT member, runner, home, generation, boot, since, until, barred, barred_until "
    "FROM leases ORDER BY member LIMIT ?";

constexpr int kMaxRows = 256;

LeaseRow read_row(Row& r) {
  return {.member = r.take<std::uint32_t>(),
          .runner = r.take<nostr::PublicKey>(),
          .home = r.take<std::string>(),
          .generation = r.take<std::int64_t>(),
          .boot = r.take<std::string>(),
          .since = r.take<UnixTime>(),
          .until = r.take<UnixTime>(),
          .barred = r.take<std::string>(),
          .barred_until = r.take<UnixTime>()};
}

}  // namespace

Result<std::optional<LeaseRow>> Leases::get(std::uint32_t member) {
  return db_.one(kGet, read_row, member);
}

Result<void> Leases::put(const LeaseRow& row) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kPut, row.member, row.runner, row.home, row.generation, row.boot, row.since,
              row.until, row.barred, row.barred_until));
  return tx.commit();
}

Result<void> Leases::renew(std::uint32_t member, UnixTime until) {
  TRY(const auto changed, db_.run(kRenew, until, member));
  return expect_one(changed, "lease");
}

Result<std::vector<LeaseRow>> Leases::list() { return db_.all(kList, read_row, kMaxRows); }

}  // namespace storage
