// EventDb: verified Nostr events with the rules of NIP-01, 09, 40 and 62, found by filter.
//
// HOT PATH: insert = tombstone look-up → replaceable head → row → index rows; budget 20 µs an event
// in batches. query = candidates from the best index in (newest, lowest id) order → body → exact match.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nostr/server/event_store.h"
#include "storage/db.h"

namespace storage {

using nostr::Address;
using nostr::Event;
using nostr::EventId;
using nostr::PublicKey;
using nostr::StoreOutcome;

/// The event table. App thread only. Signatures are not checked here: offer verified events.
class EventDb final : public nostr::EventStore {
 public:
  explicit EventDb(Db& db) : db_(db) {}

  /// As nostr::EventStore says. A deletion (kind 5) removes what its author may remove, is kept,
  /// and keeps those ids and address versions out for ever; it never removes another deletion.
  Result<StoreOutcome> insert(const Event& event, UnixTime now) override;
  /// insert() for each, in one kNormal transaction: all or none reach the disk.
  Result<std::vector<StoreOutcome>> insert_batch(std::span<const Event> events, UnixTime now);

  Result<std::vector<Event>> query(const nostr::Filters& filters, std::size_t cap,
                                   UnixTime now) override;
  Result<StoreOutcome> vanish(const Event& request, UnixTime now) override;
  Result<std::uint64_t> count(const nostr::Filters& filters, UnixTime now) override;

  /// The event `id`, also when expired but not yet purged.
  Result<std::optional<Event>> get(const EventId& id);
  Result<bool> has(const EventId& id);
  /// What stands at a replaceable or addressable address.
  Result<std::optional<Event>> head(const Address& address);
  /// Removes events whose NIP-40 expiration has passed; how many.
  Result<std::uint64_t> purge_expired(UnixTime now);

 private:
  Db& db_;
};

}  // namespace storage
