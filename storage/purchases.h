// Licences on their way here: from the wish to the skill that is held. The row is written before anything
// is asked for or paid, and its id is the order's, the payment's and the licence's: done again, each is
// the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

/// Legal moves:
///   wanted  → ordered refused failed
///   ordered → billed done failed          (done: what costs nothing has no bill)
///   billed  → paid failed
///   paid    → done
/// refused: by an operator. Whatever was paid for ends in done and nowhere else.
enum class PurchaseState { kWanted, kOrdered, kBilled, kPaid, kDone, kRefused, kFailed };

template <>
struct EnumText<PurchaseState> {
  static constexpr std::array<std::string_view, 7> kNames{"wanted", "ordered", "billed", "paid",
                                                          "done",   "refused", "failed"};
};

bool may_move(PurchaseState from, PurchaseState to);
bool is_over(PurchaseState state);

struct PurchaseRow {
  std::string id;             ///< 32 hex
  PurchaseState state = PurchaseState::kWanted;
  std::string skill;          ///< address of the 33400
  std::string slug;
  std::string version;
  PublicKey seller;
  Event listing;              ///< the offer that is taken up: price and terms, signed
  EventId manifest;
  Msat price;
  bool untrusted = false;     ///< the operator lets it pass though nobody vouches for it
  std::string agent;          ///< on whose budget; "" for the operator's own order
  bool lifted = false;        ///< the operator approved it beyond the limits
  std::optional<EventId> claim;  ///< the 39210 under which the operator was asked
  std::string tick;           ///< the tick whose agent wants it; "" for the operator's own order
  std::string call_id;        ///< its call there
  std::string reason;         ///< the agent's words for the operator
  std::string invoice;
  std::optional<nostr::Sha256> payment_hash;
  std::string detail;         ///< why it stands still or ended; may hold the seller's words
  UnixTime created;
  UnixTime changed;

  /// The payment's idempotency key.
  std::string payment_key() const { return "skill:" + id; }
};

/// App thread. Changes are kFull, or with the caller's transaction.
class Purchases {
 public:
  explicit Purchases(Db& db) : db_(db) {}

  /// Opens `wish`, or returns the purchase of this skill that is under way: there is one at a time.
  Result<PurchaseRow> add(const PurchaseRow& wish);
  Result<void> set_claim(std::string_view id, const EventId& claim, UnixTime now);
  /// The operator's yes went beyond the limits.
  Result<void> set_lifted(std::string_view id, UnixTime now);
  /// kConflict for a move that is not legal.
  Result<void> move(std::string_view id, PurchaseState to, std::string_view detail, UnixTime now);
  /// ordered → billed.
  Result<void> set_billed(std::string_view id, std::string_view invoice,
                          const nostr::Sha256& payment_hash, UnixTime now);
  /// Why nothing happens; the state stays.
  Result<void> note(std::string_view id, std::string_view detail, UnixTime now);

  Result<std::optional<PurchaseRow>> get(std::string_view id);
  /// The one an agent's call wanted.
  Result<std::optional<PurchaseRow>> of_call(std::string_view tick, std::string_view call_id);
  /// The one of `skill` that is under way.
  Result<std::optional<PurchaseRow>> under_way(std::string_view skill);
  /// Not over, oldest first: what a restart takes up again.
  Result<std::vector<PurchaseRow>> list_open();
  /// The latest `limit`, newest first.
  Result<std::vector<PurchaseRow>> list(std::int64_t limit);

 private:
  Db& db_;
};

}  // namespace storage
