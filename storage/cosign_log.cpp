// Uses are counted by time, heads move forward only, bindings are written once.
#include "storage/cosign_log.h"

namespace storage {

namespace {

constexpr const char* kAddUse =
    "INSERT INTO cosign_uses (scope, ref, at) VALUES (?,?,?) ON CONFLICT (scope, ref) DO NOTHING";
constexpr const char* kUses =
    "SELECT count(*) FROM cosign_uses WHERE scope = ? AND at >= ? AND ref <> ?";
constexpr const char* kPurgeUses = "DELETE FROM cosign_uses WHERE at < ?";
constexpr const char* kAddSpending =
    "INSERT INTO cosign_spending (event_id, at, msat) VALUES (?,?,?) "
    "ON CONFLICT (event_id) DO NOTHING";
constexpr const char* kSpent =
    "SELECT msat FROM cosign_spending WHERE at >= ? AND event_id <> ?";
constexpr const char* kPurgeSpending = "DELETE FROM cosign_spending WHERE at < ?";
constexpr const char* kHead = "SELECT id, created_at FROM cosign_heads WHERE address = ?";
constexpr const char* kSetHead =
    "INSERT INTO cosign_heads (address, id, created_at) VALUES (?,?,?) "
    "ON CONFLICT (address) DO UPDATE SET id = excluded.id, created_at = excluded.created_at";
constexpr const char* kBind =
    "INSERT INTO cosign_bindings (scope, key, event_id, at) VALUES (?,?,?,?) "
    "ON CONFLICT (scope, key) DO NOTHING";
constexpr const char* kBound = "SELECT event_id FROM cosign_bindings WHERE scope = ? AND key = ?";

}  // namespace

Result<void> CosignLog::add_use(std::string_view scope, std::string_view ref, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddUse, scope, ref, now));
  return tx.commit();
}

Result<std::int64_t> CosignLog::uses_since(std::string_view scope, UnixTime since,
                                           std::string_view except_ref) {
  TRY(const auto count,
      db_.one(kUses, [](Row& row) { return row.take<std::int64_t>(); }, scope, since, except_ref));
  return count.value_or(0);
}

Result<std::int64_t> CosignLog::purge_uses(UnixTime before) {
  return db_.run(kPurgeUses, before);
}

Result<void> CosignLog::add_spending(const EventId& event, Msat amount, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddSpending, event, now, amount));
  return tx.commit();
}

Result<Msat> CosignLog::spent_since(UnixTime since, const EventId& except) {
  // Summed here: SQLite's sum() fails on overflow, and what is spent may be allowed to be absurd.
  TRY(const auto amounts,
      db_.all(kSpent, [](Row& row) { return row.take<Msat>(); }, since, except));
  Msat sum;
  for (const Msat amount : amounts)
    sum = amount > base::kMaxMsat - sum ? base::kMaxMsat : sum + amount;
  return sum;
}

Result<std::int64_t> CosignLog::purge_spending(UnixTime before) {
  return db_.run(kPurgeSpending, before);
}

Result<bool> CosignLog::advance_head(const Address& address, const SignedHead& candidate) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto standing, head(address));
  const bool newer = !standing || candidate.created_at > standing->created_at ||
                     (candidate.created_at == standing->created_at && candidate.id < standing->id);
  if (newer) TRY(db_.run(kSetHead, address.str(), candidate.id, candidate.created_at));
  TRY(tx.commit());
  return newer;
}

Result<std::optional<SignedHead>> CosignLog::head(const Address& address) {
  return db_.one(
      kHead,
      [](Row& r) { return SignedHead{.id = r.take<EventId>(), .created_at = r.take<UnixTime>()}; },
      address.str());
}

Result<EventId> CosignLog::bind(std::string_view scope, std::string_view key, const EventId& event,
                                UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kBind, scope, key, event, now));
  TRY(const auto standing, bound(scope, key));
  CHECK(standing.has_value());
  TRY(tx.commit());
  return *standing;
}

Result<std::optional<EventId>> CosignLog::bound(std::string_view scope, std::string_view key) {
  return db_.one(kBound, [](Row& row) { return row.take<EventId>(); }, scope, key);
}

}  // namespace storage
