// One row a licence; a revocation replaces the event in it.
#include "storage/issued_licences.h"

#include "nostr/event/event_json.h"

namespace storage {
namespace {

#define ISSUED_COLUMNS \
  "SELECT id, agent, receiver, slug, licence, delivery, revoked, created, changed FROM issued "

constexpr const char* kAdd =
    "INSERT INTO issued (id, agent, receiver, slug, licence, delivery, revoked, created, changed) "
    "VALUES (?,?,?,?,?,?,0,?,?)";
constexpr const char* kGet = ISSUED_COLUMNS "WHERE id = ?";
constexpr const char* kReplace =
    "UPDATE issued SET licence = ?, revoked = ?, changed = ? WHERE id = ?";
constexpr const char* kList = ISSUED_COLUMNS "ORDER BY created DESC LIMIT ?";

#undef ISSUED_COLUMNS

struct Raw {
  IssuedRow row;
  std::string licence;
};

Raw read_raw(Row& r) {
  Raw out;
  out.row.id = r.take<std::string>();
  out.row.agent = r.take<PublicKey>();
  out.row.receiver = r.take<PublicKey>();
  out.row.slug = r.take<std::string>();
  out.licence = r.take<std::string>();
  out.row.delivery = r.take<std::string>();
  out.row.revoked = r.take<bool>();
  out.row.created = r.take<UnixTime>();
  out.row.changed = r.take<UnixTime>();
  return out;
}

Result<IssuedRow> parse(Raw raw) {
  TRY(raw.row.licence, nostr::parse_event(raw.licence));
  return std::move(raw.row);
}

}  // namespace

Result<void> IssuedLicences::add(const IssuedRow& i) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAdd, i.id, i.agent, i.receiver, i.slug, nostr::to_json(i.licence), i.delivery,
              i.created, i.created));
  return tx.commit();
}

Result<std::optional<IssuedRow>> IssuedLicences::get(std::string_view id) {
  TRY(auto raw, db_.one(kGet, read_raw, id));
  if (!raw) return std::optional<IssuedRow>();
  TRY(IssuedRow row, parse(*std::move(raw)));
  return std::optional<IssuedRow>(std::move(row));
}

Result<void> IssuedLicences::replace(std::string_view id, const Event& licence, bool revoked,
                                     UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kReplace, nostr::to_json(licence), revoked, now, id));
  TRY(expect_one(changed, "licence"));
  return tx.commit();
}

Result<std::vector<IssuedRow>> IssuedLicences::list(std::int64_t limit) {
  TRY(auto raws, db_.all(kList, read_raw, limit));
  std::vector<IssuedRow> out;
  for (Raw& raw : raws) {
    TRY(IssuedRow row, parse(std::move(raw)));
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace storage
