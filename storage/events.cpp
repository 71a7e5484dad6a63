// HOT PATH: see the header. Index keys are integers; the packed body settles every doubt.
#include "storage/events.h"

#include <algorithm>
#include <limits>

#include "nostr/base/failpoint.h"
#include "nostr/crypto/hash.h"
#include "nostr/nips/nip09.h"
#include "nostr/nips/nip40.h"
#include "nostr/nips/nip62.h"
#include "storage/event_codec.h"
#include "storage/event_index.h"

namespace storage {

namespace {

constexpr const char* kInsertEvent =
    "INSERT INTO events (id, author, kind, pos, address, expires, body) VALUES (?,?,?,?,?,?,?) "
    "ON CONFLICT (id) DO NOTHING";
constexpr const char* kInsertTag =
    "INSERT OR IGNORE INTO event_tags (key, pos, seq, kind, author) VALUES (?,?,?,?,?)";
constexpr const char* kBodyById = "SELECT body FROM events WHERE id = ?";
constexpr const char* kSeqById = "SELECT seq, body FROM events WHERE id = ?";
constexpr const char* kByAddress = "SELECT seq, body FROM events WHERE address = ?";
constexpr const char* kDeleteEvent = "DELETE FROM events WHERE seq = ?";
constexpr const char* kDeleteTag = "DELETE FROM event_tags WHERE key = ? AND pos = ? AND seq = ?";
constexpr const char* kTombstone = "SELECT until FROM tombstones WHERE target = ? AND author = ?";
constexpr const char* kAddTombstone =
    "INSERT INTO tombstones (target, author, until) VALUES (?,?,?) "
    "ON CONFLICT (target, author) DO UPDATE SET until = max(until, excluded.until)";
constexpr const char* kVanished = "SELECT until FROM vanished WHERE author = ?";
constexpr const char* kAddVanished =
    "INSERT INTO vanished (author, until) VALUES (?,?) "
    "ON CONFLICT (author) DO UPDATE SET until = max(until, excluded.until)";
constexpr const char* kOfAuthor =
    "SELECT seq, body FROM events WHERE author = ? AND pos <= ? LIMIT 500";
constexpr const char* kTagged =
    "SELECT e.seq, e.body FROM event_tags t JOIN events e ON e.seq = t.seq "
    "WHERE t.key = ? AND t.kind = ? AND t.pos <= ? LIMIT 500";
constexpr const char* kExpired =
    "SELECT seq, body FROM events WHERE expires <= ? ORDER BY expires LIMIT 500";

constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

struct Stored {
  std::int64_t seq = 0;
  base::Bytes body;
};

Stored read_stored(Row& row) {
  return {.seq = row.take<std::int64_t>(), .body = row.take<base::Bytes>()};
}

/// Where a tombstone of an address is kept: tombstones are by 32 bytes.
nostr::Sha256 address_target(const Address& address) {
  return nostr::sha256(address.str());
}

}  // namespace

// --- the steps of one insert; each runs inside the caller's Tx
// ------------------------------------

namespace {

Result<bool> has_vanished(Db& db, base::ByteView author, UnixTime created_at) {
  TRY(const auto until, db.one(kVanished, [](Row& row) { return row.take<std::int64_t>(); }, author));
  return until && base::to_unix(created_at) <= *until;
}

/// Requests to delete and to vanish cannot be deleted (NIP-09, NIP-62).
bool is_request(const Event& event) {
  return event.kind == nostr::kinds::kDeletion || event.kind == nostr::kinds::kVanishRequest;
}

/// Whether a request to vanish, of its author or of whom it is wrapped for, keeps `event` out.
Result<bool> is_forgotten(Db& db, const Event& event) {
  if (event.kind == nostr::kinds::kVanishRequest) return false;  // it may be repeated
  TRY(const bool vanished, has_vanished(db, event.pubkey.view(), event.created_at));
  if (vanished || event.kind != nostr::kinds::kGiftWrap) return vanished;
  for (const std::string_view key : nostr::tag_values(event.tags, "p")) {
    const auto receiver = PublicKey::from_hex(key);
    if (!receiver) continue;
    TRY(const bool gone, has_vanished(db, receiver->view(), event.created_at));
    if (gone) return true;
  }
  return false;
}

/// Whether a deletion of its author's keeps `event` out.
Result<bool> is_buried(Db& db, const Event& event, const std::optional<Address>& address) {
  if (is_request(event)) return false;
  const auto until = [](Row& row) { return row.take<std::int64_t>(); };
  TRY(const auto by_id, db.one(kTombstone, until, event.id, event.pubkey));
  if (by_id) return true;
  if (!address) return false;
  TRY(const auto by_address, db.one(kTombstone, until, address_target(*address), event.pubkey));
  return by_address && base::to_unix(event.created_at) <= *by_address;
}

Result<void> remove(Db& db, std::int64_t seq, const Event& event) {
  const std::int64_t pos = index_pos(event);
  for (const std::int64_t key : tag_keys(event)) TRY(db.run(kDeleteTag, key, pos, seq));
  TRY(db.run(kDeleteEvent, seq));
  return {};
}

/// The event at `address`, if one stands.
Result<std::optional<std::pair<std::int64_t, Event>>> standing(Db& db, const Address& address) {
  TRY(const auto rows, db.all(kByAddress, read_stored, address_key(address)));
  for (const Stored& row : rows) {
    TRY(Event event, unpack_event(row.body));
    if (nostr::address_of(event) == address) return std::pair{row.seq, std::move(event)};
  }
  return std::nullopt;
}

Result<void> bury_id(Db& db, const Event& deletion, const EventId& target) {
  TRY(const auto row, db.one(kSeqById, read_stored, id_key(target)));
  if (row) {
    TRY(const Event event, unpack_event(row->body));
    if (event.id == target) {
      // The id commits to its author, so a stranger's deletion never needs remembering.
      if (event.pubkey != deletion.pubkey || is_request(event)) return {};
      TRY(remove(db, row->seq, event));
    }
  }
  TRY(db.run(kAddTombstone, target, deletion.pubkey, kForEver));
  return {};
}

Result<void> bury_address(Db& db, const Event& deletion, const Address& address) {
  TRY(const auto found, standing(db, address));
  if (found && found->second.created_at <= deletion.created_at)
    TRY(remove(db, found->first, found->second));
  TRY(db.run(kAddTombstone, address_target(address), deletion.pubkey, deletion.created_at));
  return {};
}

/// Carries out a deletion request on what is stored and on what may still come.
Result<void> apply_deletion(Db& db, const Event& deletion) {
  const nostr::DeletionTargets targets = nostr::deletion_targets(deletion);
  for (const EventId& id : targets.ids) TRY(bury_id(db, deletion, id));
  for (const Address& address : targets.addresses) TRY(bury_address(db, deletion, address));
  return {};
}

/// The row and its index rows; false when the id stands already.
Result<bool> write(Db& db, const Event& event, const std::optional<Address>& address,
                   const std::optional<UnixTime>& expires, std::string& scratch) {
  scratch.clear();
  pack_event(event, scratch);
  const std::int64_t pos = index_pos(event);
  const std::int64_t author = author_key(event.pubkey);
  std::optional<std::int64_t> place;
  if (address) place = address_key(*address);
  TRY(const std::int64_t changed, db.run(kInsertEvent, id_key(event.id), author, event.kind, pos,
                                         place, expires, base::as_bytes(scratch)));
  if (changed == 0) return false;
  const std::int64_t seq = db.last_rowid();
  for (const std::int64_t key : tag_keys(event))
    TRY(db.run(kInsertTag, key, pos, seq, event.kind, author));
  return true;
}

/// All rules for one event, inside a transaction.
Result<StoreOutcome> apply(Db& db, const Event& event, UnixTime now, std::string& scratch) {
  const std::optional<UnixTime> expires = nostr::expiration_of(event.tags);
  if (expires && *expires <= now) return StoreOutcome::kExpired;
  const std::optional<Address> address = nostr::address_of(event);
  TRY(const bool forgotten, is_forgotten(db, event));
  if (forgotten) return StoreOutcome::kDeleted;
  TRY(const bool buried, is_buried(db, event, address));
  if (buried) return StoreOutcome::kDeleted;
  if (address) {
    TRY(const auto head, standing(db, *address));
    if (head && head->second.id == event.id) return StoreOutcome::kDuplicate;
    if (head && !nostr::replaces(event, head->second)) return StoreOutcome::kReplaced;
    if (head) TRY(remove(db, head->first, head->second));
  }
  TRY(const bool written, write(db, event, address, expires, scratch));
  if (!written) return StoreOutcome::kDuplicate;
  if (event.kind == nostr::kinds::kDeletion) TRY(apply_deletion(db, event));
  return StoreOutcome::kStored;
}

}  // namespace

// --- EventDb -------------------------------------------------------------------------------------

Result<StoreOutcome> EventDb::insert(const Event& event, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  std::string scratch;
  TRY(const StoreOutcome outcome, apply(db_, event, now, scratch));
  TRY(tx.commit());
  return outcome;
}

Result<std::vector<StoreOutcome>> EventDb::insert_batch(std::span<const Event> events,
                                                        UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  std::vector<StoreOutcome> out;
  out.reserve(events.size());
  std::string scratch;
  for (const Event& event : events) {
    TRY(const StoreOutcome outcome, apply(db_, event, now, scratch));
    out.push_back(outcome);
    FAILPOINT("events-in-batch");
  }
  TRY(tx.commit());
  return out;
}

Result<std::optional<Event>> EventDb::get(const EventId& id) {
  TRY(const auto body,
      db_.one(kBodyById, [](Row& row) { return row.take<base::Bytes>(); }, id_key(id)));
  if (!body) return std::nullopt;
  TRY(Event event, unpack_event(*body));
  if (event.id != id) return std::nullopt;
  return event;
}

Result<bool> EventDb::has(const EventId& id) {
  TRY(const auto found,
      db_.one(kBodyById, [](Row& row) { return packed_id(row.take_view()); }, id_key(id)));
  if (!found) return false;
  TRY(const EventId stored, *found);
  return stored == id;
}

Result<std::optional<Event>> EventDb::head(const Address& address) {
  TRY(auto found, standing(db_, address));
  if (!found) return std::nullopt;
  return std::move(found->second);
}

Result<std::vector<Event>> EventDb::query(const nostr::Filters& filters, std::size_t cap,
                                          UnixTime now) {
  TRY(const Snapshot snapshot, Snapshot::begin(db_));
  std::vector<Event> out;
  for (const nostr::Filter& filter : filters) {
    TRY(auto found, find_events(db_, filter, cap, now));
    out.insert(out.end(), std::move_iterator(found.begin()), std::move_iterator(found.end()));
  }
  if (filters.size() > 1) {
    std::sort(out.begin(), out.end(), nostr::replaces);
    out.erase(std::unique(out.begin(), out.end(),
                          [](const Event& a, const Event& b) { return a.id == b.id; }),
              out.end());
  }
  if (out.size() > cap) out.resize(cap);
  return out;
}

Result<std::uint64_t> EventDb::count(const nostr::Filters& filters, UnixTime now) {
  nostr::Filters unlimited = filters;
  for (nostr::Filter& filter : unlimited) filter.limit.reset();
  TRY(const auto found, query(unlimited, std::numeric_limits<std::size_t>::max(), now));
  return found.size();
}

namespace {

/// Removes what `request` covers of the rows that `sql` finds, in transactions of bounded size.
template <class... Key>
Result<void> forget(Db& db, const Event& request, const char* sql, const Key&... key) {
  // Only the request itself stays, so a page without any other is the last.
  for (bool found_some = true; found_some;) {
    found_some = false;
    TRY(Tx tx, Tx::begin(db, Durability::kNormal));
    TRY(const auto rows, db.all(sql, read_stored, key..., last_pos_at(request.created_at)));
    for (const Stored& row : rows) {
      TRY(const Event event, unpack_event(row.body));
      if (!nostr::vanishes(request, event)) continue;
      TRY(remove(db, row.seq, event));
      found_some = true;
    }
    TRY(tx.commit());
  }
  return {};
}

}  // namespace

Result<StoreOutcome> EventDb::vanish(const Event& request, UnixTime now) {
  StoreOutcome outcome = StoreOutcome::kStored;
  {
    TRY(Tx tx, Tx::begin(db_, Durability::kFull));
    std::string scratch;
    TRY(outcome, apply(db_, request, now, scratch));
    if (outcome != StoreOutcome::kStored && outcome != StoreOutcome::kDuplicate) return outcome;
    TRY(db_.run(kAddVanished, request.pubkey, request.created_at));
    TRY(tx.commit());
  }
  // From here on nothing comes back, so this may be cut short: the request, repeated, goes on with it.
  TRY(forget(db_, request, kOfAuthor, author_key(request.pubkey)));
  TRY(forget(db_, request, kTagged, tag_key('p', request.pubkey.hex()), nostr::kinds::kGiftWrap));
  return outcome;
}

Result<std::uint64_t> EventDb::purge_expired(UnixTime now) {
  std::uint64_t purged = 0;
  for (;;) {
    TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
    TRY(const auto rows, db_.all(kExpired, read_stored, now));
    for (const Stored& row : rows) {
      TRY(const Event event, unpack_event(row.body));
      TRY(remove(db_, row.seq, event));
    }
    TRY(tx.commit());
    purged += rows.size();
    if (rows.empty()) return purged;
  }
}

}  // namespace storage
