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

constexpr const char* kHashAt = "SELECT hash FROM audit WHERE seq = ?";
constexpr const char* kAddAnchor =
    "INSERT INTO audit_anchors (seq, hash, time, event) VALUES (?,?,?,?) "
    "ON CONFLICT (seq) DO NOTHING";
constexpr const char* kAnchors =
    "SELECT seq, hash, time, event FROM audit_anchors ORDER BY seq DESC LIMIT ?";

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
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const AuditHead last, head());
  AuditRow row{.seq = last.seq + 1, .entry = entry, .prev = last.hash, .hash = {}};
  TRY(row.hash, chain_hash(row.prev, row.seq, entry));
  TRY(db_.run(kAppend, row.seq, entry.time, entry.requester, entry.kind, entry.digest,
              entry.verdict, entry.reason, entry.event_id, row.prev, row.hash));
  TRY(tx.commit());
  return row;
}

Result<AuditHead> AuditLog::head() {
  TRY(const auto last, db_.one(kLast, [](Row& r) {
    AuditHead out;
    out.seq = r.take<std::int64_t>();
    out.hash = r.take<nostr::Sha256>();
    return out;
  }));
  return last.value_or(AuditHead{});
}

Result<std::vector<AuditRow>> AuditLog::tail(std::size_t limit) {
  return db_.all(kTail, read_row, limit);
}

Result<std::vector<AuditRow>> AuditLog::after(std::int64_t seq) {
  return db_.all(kAfter, read_row, seq);
}

Result<bool> AuditLog::verify_some(AuditHead& place) {
  TRY(const auto rows, after(place.seq));
  for (const AuditRow& row : rows) {
    TRY(const nostr::Sha256 expected, chain_hash(place.hash, place.seq + 1, row.entry));
    if (row.seq != place.seq + 1 || row.prev != place.hash || row.hash != expected)
      return fail(Errc::kCrypto, fmt::format("the audit chain breaks at row {}", place.seq + 1),
                  "compare with a backup: somebody changed the record");
    place = {row.seq, row.hash};
  }
  return !rows.empty();
}

Result<std::int64_t> AuditLog::verify() {
  AuditHead place;
  for (;;) {
    TRY(const bool more, verify_some(place));
    if (!more) break;
  }
  TRY(const auto kept, anchors());
  for (const AuditAnchor& anchor : kept) TRY(check_anchor(anchor.head));
  return place.seq;
}

Result<void> AuditLog::check_anchor(const AuditHead& anchor) {
  TRY(const auto hash, hash_at(anchor.seq));
  if (!hash)
    return fail(Errc::kCrypto,
                fmt::format("the audit log ends before row {}, which was anchored", anchor.seq),
                "its newest rows were cut off, or this is an older copy");
  if (*hash != anchor.hash)
    return fail(Errc::kCrypto, fmt::format("row {} is not the one that was anchored", anchor.seq),
                "the record was written anew, or the anchor is of another co-signer");
  return {};
}

Result<void> AuditLog::add_anchor(const AuditAnchor& anchor) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddAnchor, anchor.head.seq, anchor.head.hash, anchor.time, anchor.event_json));
  return tx.commit();
}

Result<std::vector<AuditAnchor>> AuditLog::anchors(std::size_t limit) {
  return db_.all(
      kAnchors,
      [](Row& r) {
        AuditAnchor out;
        out.head.seq = r.take<std::int64_t>();
        out.head.hash = r.take<nostr::Sha256>();
        out.time = r.take<UnixTime>();
        out.event_json = r.take<std::string>();
        return out;
      },
      limit);
}

Result<std::optional<nostr::Sha256>> AuditLog::hash_at(std::int64_t seq) {
  return db_.one(kHashAt, [](Row& r) { return r.take<nostr::Sha256>(); }, seq);
}

}  // namespace storage
