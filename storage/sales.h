// What this home sells, and the orders it took: each is billed once and answered with one licence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

/// A skill that is for sale.
struct OfferRow {
  std::string skill;   ///< address of the 33400
  std::string slug;
  std::string folder;  ///< where its files are
  Event listing;       ///< the 30402 as it stands
  bool sold = false;   ///< withdrawn from sale
  UnixTime changed;
};

/// Legal moves:
///   taken  → billed paid failed    (paid: what costs nothing has no bill)
///   billed → paid failed
///   paid   → done
enum class SaleState { kTaken, kBilled, kPaid, kDone, kFailed };

template <>
struct EnumText<SaleState> {
  static constexpr std::array<std::string_view, 5> kNames{"taken", "billed", "paid", "done", "failed"};
};

bool may_move(SaleState from, SaleState to);

struct SaleRow {
  std::string id;        ///< 32 hex: the order's and the licence's
  SaleState state = SaleState::kTaken;
  PublicKey buyer;       ///< who ordered and receives the delivery
  PublicKey agent;       ///< who holds the licence
  std::string skill;
  Event listing;         ///< the offer that was taken up
  Msat price;
  std::string invoice;
  std::optional<nostr::Sha256> payment_hash;
  std::string detail;
  UnixTime created;
  UnixTime changed;
};

/// App thread. Changes are kFull, or with the caller's transaction.
class Sales {
 public:
  explicit Sales(Db& db) : db_(db) {}

  Result<void> put_offer(const OfferRow& offer);
  Result<std::optional<OfferRow>> offer(std::string_view skill);
  Result<std::vector<OfferRow>> offers(std::int64_t limit);

  /// Takes an order; false when its id was taken before.
  Result<bool> take(const SaleRow& sale);
  Result<void> set_billed(std::string_view id, std::string_view invoice,
                          const nostr::Sha256& payment_hash, UnixTime now);
  Result<void> move(std::string_view id, SaleState to, std::string_view detail, UnixTime now);
  Result<void> note(std::string_view id, std::string_view detail, UnixTime now);

  Result<std::optional<SaleRow>> get(std::string_view id);
  /// Not final, oldest first: what a restart takes up again.
  Result<std::vector<SaleRow>> list_open();
  /// Newest first.
  Result<std::vector<SaleRow>> list(std::int64_t limit);
  /// How many this buyer has made at or after `since`.
  Result<std::int64_t> count_since(const PublicKey& buyer, UnixTime since);

 private:
  Db& db_;
};

}  // namespace storage
