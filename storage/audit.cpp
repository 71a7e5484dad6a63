// Each row's hash covers the row and the hash before it; triggers in the schema forbid rewriting.
#include "storage/audit.h"

#include <fmt/format.h>

#include "nostr/base/json.h"

namespace storage {

namespace {

constexpr const char* kLast = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
constexpr const char* kAppend =
    "INSERT INTO audit (seq, time, requester, kind, digest, verdict, reason, event_id, prev, hash) "
    "VALUES (?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kTail =
    "SELECT seq, time, requester, kind, digest, verdict, reason, event_id, prev, hash FROM audit "
    "ORDER BY seq DESC LIMIT ?";
constexpr const char* kAfter =
    "SELECT seq, time, requester, kind, digest, verdict, reason, event_id, prev, hash FROM audit "
    "WHERE seq > ? ORDER BY seq LIMIT 1000";

AuditRow read_row(Row& r) {
  AuditRow out;
  out.seq = r.take<std::int64_t>();
  out.entry = {.time = r.take<UnixTime>(),
               .requester = r.take<std::string>(),
               .kind = r.take<std::string>(),
               .digest = r.take<std::optional<nostr::Sha256>>(),
               .verdict = r.take<std::string>(),
               .reason = r.take<std::string>(),
               .event_id = r.take<std::optional<nostr::EventId>>()};
  out.prev = r.take<nostr::Sha256>();
  out.hash = r.take<nostr::Sha256>();
  return out;
}

Result<nostr::Sha256> chain_hash(const nostr::Sha256& prev, std::int64_t seq,
                                 const AuditEntry& entry) {
  base::json::Value value{
      {"seq", seq},         {"time", base::to_unix(entry.time)}, {"requester", entry.requester},
      {"kind", entry.kind}, {"verdict", entry.verdict},          {"reason", entry.reason}};
  if (entry.digest) value["digest"] = entry.digest->hex();
  if (entry.event_id) value["event_id"] = entry.event_id->hex();
  TRY(const std::string line, base::json::canonical(value));
  return nostr::Sha256Hasher().update(prev.view()).update(line).finish();
}

}  // namespace

Result<AuditRow> AuditLog::append(const AuditEntry& entry) {
  struct Last {
    std::int64_t seq = 0;
    nostr::Sha256 hash;
  };
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto last,
      db_.one(kLast, [](Row& r) { return Last{r.take<std::int64_t>(), r.take<nostr::Sha256>()}; }));
  AuditRow row{.seq = last ? last->seq + 1 : 1,
               .entry = entry,
               .prev = last ? last->hash : nostr::Sha256{},
               .hash = {}};
  TRY(row.hash, chain_hash(row.prev, row.seq, entry));
  TRY(db_.run(kAppend, row.seq, entry.time, entry.requester, entry.kind, entry.digest,
              entry.verdict, entry.reason, entry.event_id, row.prev, row.hash));
  TRY(tx.commit());
  return row;
}

Result<std::vector<AuditRow>> AuditLog::tail(std::size_t limit) {
  return db_.all(kTail, read_row, limit);
}

Result<std::int64_t> AuditLog::verify() {
  std::int64_t seq = 0;
  nostr::Sha256 prev;
  for (;;) {
    TRY(const auto rows, db_.all(kAfter, read_row, seq));
    if (rows.empty()) return seq;
    for (const AuditRow& row : rows) {
      TRY(const nostr::Sha256 expected, chain_hash(prev, seq + 1, row.entry));
      if (row.seq != seq + 1 || row.prev != prev || row.hash != expected)
        return fail(Errc::kCrypto, fmt::format("the audit chain breaks at row {}", seq + 1),
                    "compare with a backup: somebody changed the record");
      seq = row.seq;
      prev = row.hash;
    }
  }
}

}  // namespace storage
