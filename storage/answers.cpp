// One row an answer; the running total keeps putting cheap.
#include "storage/answers.h"

namespace storage {
namespace {

constexpr const char* kGet = "SELECT answer FROM answers WHERE key = ? AND made >= ?";
constexpr const char* kPut =
    "INSERT INTO answers (key, program, answer, made) VALUES (?,?,?,?) ON CONFLICT (key) DO UPDATE SET "
    "answer = excluded.answer, made = excluded.made";
constexpr const char* kDropOld = "DELETE FROM answers WHERE made < ?";
constexpr const char* kBytes = "SELECT bytes FROM answers_total WHERE one = 1";
constexpr const char* kDropOldest =
    "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY made LIMIT 16)";
constexpr const char* kForget = "DELETE FROM answers WHERE program = ?";

}  // namespace

Result<std::optional<std::string>> Answers::get(const nostr::Sha256& key, UnixTime now) {
  return db_.one(kGet, [](Row& r) { return r.take<std::string>(); }, key, now - limits_.max_age);
}

Result<void> Answers::put(const nostr::Sha256& key, std::string_view program, std::string_view answer, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(db_.run(kPut, key, program, answer, now));
  TRY(make_room(now));
  return tx.commit();
}

Result<void> Answers::make_room(UnixTime now) {
  TRY(db_.run(kDropOld, now - limits_.max_age));
  for (;;) {
    TRY(const auto bytes, db_.one(kBytes, [](Row& r) { return r.take<std::int64_t>(); }));
    if (bytes.value_or(0) <= limits_.max_bytes) return {};
    TRY(const std::int64_t dropped, db_.run(kDropOldest));
    if (dropped == 0) return {};
  }
}

Result<std::int64_t> Answers::forget(std::string_view program) { return db_.run(kForget, program); }

}  // namespace storage
