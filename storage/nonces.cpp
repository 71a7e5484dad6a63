// One row per code; a code leaves `ready` once and never comes back.
#include "storage/nonces.h"

#include <fmt/format.h>

#include "nostr/base/failpoint.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO nonces (side, peer, code, state, created, changed) VALUES (?,?,?,'ready',?,?)";
constexpr const char* kSpend =
    "UPDATE nonces SET state = 'spent', session = ?, sighash = ?, changed = ? "
    "WHERE side = ? AND peer = ? AND code = ? AND state = 'ready'";
constexpr const char* kVoid =
    "UPDATE nonces SET state = 'void', changed = ? "
    "WHERE side = ? AND peer = ? AND code = ? AND state = 'ready'";
constexpr const char* kVoidAll =
    "UPDATE nonces SET state = 'void', changed = ? WHERE state = 'ready'";
constexpr const char* kVoidPeer =
    "UPDATE nonces SET state = 'void', changed = ? WHERE side = ? AND peer = ? AND state = 'ready'";
constexpr const char* kFind =
    "SELECT side, peer, code, state, session, sighash, created, changed FROM nonces "
    "WHERE side = ? AND peer = ? AND code = ?";
constexpr const char* kCount =
    "SELECT count(*) FROM nonces WHERE side = ? AND peer = ? AND state = ?";
constexpr const char* kPurgeVoid = "DELETE FROM nonces WHERE state = 'void' AND changed < ?";
constexpr const char* kPurgeSurplus =
    "DELETE FROM nonces WHERE state = 'void' AND changed < (SELECT changed FROM nonces "
    "WHERE state = 'void' ORDER BY changed DESC LIMIT 1 OFFSET ?)";

constexpr const char* kForgetExpired = "DELETE FROM replays WHERE expires < ?";
constexpr const char* kForgetOne =
    "DELETE FROM replays WHERE author = ? AND request = ? AND expires < ?";
constexpr const char* kRemember =
    "INSERT INTO replays (author, request, expires) VALUES (?,?,?) "
    "ON CONFLICT (author, request) DO NOTHING";

NonceRow read_nonce(Row& r) {
  return {.side = r.take<NonceSide>(),
          .peer = r.take<int>(),
          .code = r.take<std::string>(),
          .state = r.take<NonceState>(),
          .session = r.take<std::string>(),
          .sighash = r.take<std::string>(),
          .created = r.take<UnixTime>(),
          .changed = r.take<UnixTime>()};
}

}  // namespace

Result<void> NonceLedger::add(NonceSide side, int peer, const std::vector<std::string>& codes,
                              UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  for (const std::string& code : codes) {
    if (auto added = db_.run(kAdd, side, peer, code, now, now); !added) {
      if (added.error().code != Errc::kConflict) return std::unexpected(std::move(added).error());
      return fail(Errc::kConflict, fmt::format("member {} has used a nonce code before", peer));
    }
  }
  return tx.commit();
}

Result<void> NonceLedger::mark_spent(NonceSide side, int peer, std::string_view code,
                                     std::string_view session, std::string_view sighash,
                                     UnixTime now) {
  FAILPOINT("nonce-before-spent");
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSpend, session, sighash, now, side, peer, code));
  TRY(expect_one(changed, fmt::format("nonce code of member {}", peer)));
  TRY(tx.commit());
  FAILPOINT("nonce-spent");
  return {};
}

Result<void> NonceLedger::mark_void(NonceSide side, int peer, std::string_view code, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kVoid, now, side, peer, code));
  TRY(expect_one(changed, fmt::format("nonce code of member {}", peer)));
  return tx.commit();
}

Result<void> NonceLedger::mark_void(NonceSide side, int peer,
                                    const std::vector<std::string>& codes, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  for (const std::string& code : codes) TRY(db_.run(kVoid, now, side, peer, code));
  return tx.commit();
}

Result<std::int64_t> NonceLedger::void_all(UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kVoidAll, now));
  TRY(tx.commit());
  return changed;
}

Result<std::int64_t> NonceLedger::void_peer(NonceSide side, int peer, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kVoidPeer, now, side, peer));
  TRY(tx.commit());
  return changed;
}

Result<std::optional<NonceRow>> NonceLedger::find(NonceSide side, int peer, std::string_view code) {
  return db_.one(kFind, read_nonce, side, peer, code);
}

Result<std::int64_t> NonceLedger::count(NonceSide side, int peer, NonceState state) {
  TRY(const auto count,
      db_.one(kCount, [](Row& row) { return row.take<std::int64_t>(); }, side, peer, state));
  return count.value_or(0);
}

Result<std::int64_t> NonceLedger::purge_void(UnixTime before, std::int64_t keep) {
  TRY(const auto old, db_.run(kPurgeVoid, before));
  TRY(const auto surplus, db_.run(kPurgeSurplus, keep));
  return old + surplus;
}

Result<bool> ReplayCache::remember(const nostr::PublicKey& author, std::string_view request_id,
                                   UnixTime now, UnixTime expires) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(db_.run(kForgetOne, author, request_id, now));
  TRY(const auto added, db_.run(kRemember, author, request_id, expires));
  TRY(tx.commit());
  return added == 1;
}

Result<std::int64_t> ReplayCache::purge(UnixTime now) {
  return db_.run(kForgetExpired, now);
}

}  // namespace storage
