// Holdings are looked up by the address of their licence.
#include "storage/holdings.h"

#include "nostr/event/event_json.h"

namespace storage {
namespace {

#define HOLDING_COLUMNS                                                                        \
  "SELECT licence, skill, slug, version, event, delivery, provider, received FROM holdings "

constexpr const char* kPut =
    "INSERT INTO holdings (licence, skill, slug, version, event, delivery, provider, received) "
    "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (licence) DO UPDATE SET event = excluded.event, "
    "delivery = excluded.delivery, provider = excluded.provider";
constexpr const char* kHolding = HOLDING_COLUMNS "WHERE licence = ?";
constexpr const char* kHoldings = HOLDING_COLUMNS "ORDER BY received DESC LIMIT ?";
constexpr const char* kPutBlob = "INSERT INTO blobs (sha256, bytes) VALUES (?,?) ON CONFLICT DO NOTHING";
constexpr const char* kHasBlob = "SELECT 1 FROM blobs WHERE sha256 = ?";
constexpr const char* kBlob = "SELECT bytes FROM blobs WHERE sha256 = ?";
constexpr const char* kAddLoad =
    "INSERT INTO skill_loads (tick, licence, pos) VALUES (?1,?2,"
    "(SELECT count(*) FROM skill_loads WHERE tick = ?1)) ON CONFLICT DO NOTHING";
constexpr const char* kLoads = "SELECT licence FROM skill_loads WHERE tick = ? ORDER BY pos";


#undef HOLDING_COLUMNS

struct RawHolding {
  HoldingRow row;
  std::string event;
};

RawHolding read_holding(Row& r) {
  RawHolding out;
  out.row.licence = r.take<std::string>();
  out.row.skill = r.take<std::string>();
  out.row.slug = r.take<std::string>();
  out.row.version = r.take<std::string>();
  out.event = r.take<std::string>();
  out.row.delivery = r.take<std::string>();
  out.row.provider = r.take<PublicKey>();
  out.row.received = r.take<UnixTime>();
  return out;
}

Result<HoldingRow> parse(RawHolding raw) {
  TRY(raw.row.event, nostr::parse_event(raw.event));
  return std::move(raw.row);
}

}  // namespace

Result<void> Holdings::put(const HoldingRow& h) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kPut, h.licence, h.skill, h.slug, h.version, nostr::to_json(h.event), h.delivery,
              h.provider, h.received));
  return tx.commit();
}

Result<std::optional<HoldingRow>> Holdings::get(std::string_view licence) {
  TRY(auto raw, db_.one(kHolding, read_holding, licence));
  if (!raw) return std::optional<HoldingRow>();
  TRY(HoldingRow row, parse(*std::move(raw)));
  return std::optional<HoldingRow>(std::move(row));
}

Result<std::vector<HoldingRow>> Holdings::list(std::int64_t limit) {
  TRY(auto raws, db_.all(kHoldings, read_holding, limit));
  std::vector<HoldingRow> out;
  for (RawHolding& raw : raws) {
    TRY(HoldingRow row, parse(std::move(raw)));
    out.push_back(std::move(row));
  }
  return out;
}

Result<void> Holdings::put_blob(const nostr::Sha256& hash, base::ByteView bytes) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kPutBlob, hash, bytes));
  return tx.commit();
}

Result<bool> Holdings::has_blob(const nostr::Sha256& hash) {
  TRY(const auto found, db_.one(kHasBlob, [](Row& r) { return r.take<std::int64_t>(); }, hash));
  return found.has_value();
}

Result<std::optional<base::Bytes>> Holdings::blob(const nostr::Sha256& hash) {
  return db_.one(kBlob, [](Row& r) { return r.take<base::Bytes>(); }, hash);
}

Result<void> Holdings::add_load(std::string_view tick, std::string_view licence) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddLoad, tick, licence));
  return tx.commit();
}

Result<std::vector<std::string>> Holdings::loads(std::string_view tick) {
  return db_.all(kLoads, [](Row& r) { return r.take<std::string>(); }, tick);
}

}  // namespace storage
