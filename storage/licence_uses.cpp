// One row a use.
#include "storage/licence_uses.h"

namespace storage {
namespace {

constexpr const char* kAdd =
    "INSERT INTO licence_uses (licence, ref, at) VALUES (?,?,?) ON CONFLICT DO NOTHING";
constexpr const char* kCount =
    "SELECT count(*), count(*) FILTER (WHERE at >= ?), count(*) FILTER (WHERE ref = ?) "
    "FROM licence_uses WHERE licence = ?";

}  // namespace

Result<void> LicenceUses::add(std::string_view licence, std::string_view ref, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAdd, licence, ref, now));
  return tx.commit();
}

Result<LicenceCount> LicenceUses::count(std::string_view licence, std::string_view ref,
                                        UnixTime since) {
  const auto read = [](Row& r) {
    LicenceCount out;
    out.uses = r.take<std::int64_t>();
    out.since = r.take<std::int64_t>();
    out.counted = r.take<std::int64_t>() > 0;
    return out;
  };
  TRY(const auto found, db_.one(kCount, read, since, ref, licence));
  return found.value_or(LicenceCount{});
}

}  // namespace storage
