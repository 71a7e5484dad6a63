// CosignLog: what a co-signer must remember to keep its policy across restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/events.h"

namespace storage {

/// The newest event this co-signer signed (or follows on its relays) at an address.
struct SignedHead {
  EventId id;
  UnixTime created_at;
};

/// Rates, heads and one-per-tick bindings. App thread.
class CosignLog {
 public:
  explicit CosignLog(Db& db) : db_(db) {}

  /// Counts one use of `scope` ("kind:1", "ecdh", "requester:2") at `now`. `ref` (event id, request
  /// id) makes retries free: the second use with the same scope and ref changes nothing.
  Result<void> add_use(std::string_view scope, std::string_view ref, UnixTime now);
  /// Uses of `scope` at or after `since`; `except_ref` is not counted (the retry being judged).
  Result<std::int64_t> uses_since(std::string_view scope, UnixTime since,
                                  std::string_view except_ref = {});
  Result<std::int64_t> purge_uses(UnixTime before);

  /// Counts what `event` moves, once. Call inside the Tx that lets its first partial leave.
  Result<void> add_spending(const EventId& event, Msat amount, UnixTime now);
  /// Sum at or after `since` without `except`; at most kMaxMsat.
  Result<Msat> spent_since(UnixTime since, const EventId& except);
  Result<std::int64_t> purge_spending(UnixTime before);

  /// Takes `head` as the newest at `address` unless a newer one stands (later created_at, then lower
  /// id); true when it was taken.
  Result<bool> advance_head(const Address& address, const SignedHead& head);
  Result<std::optional<SignedHead>> head(const Address& address);

  /// Binds (scope, key), e.g. ("tick-state", claim id) or ("slot", slot), to `event` once and
  /// returns what it is bound to: `event`, or the earlier one. kFull.
  Result<EventId> bind(std::string_view scope, std::string_view key, const EventId& event,
                       UnixTime now);
  Result<std::optional<EventId>> bound(std::string_view scope, std::string_view key);

 private:
  Db& db_;
};

}  // namespace storage
