// Offers by skill, orders by id; a state moves by conditional UPDATE.
#include "storage/sales.h"

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"
#include "storage/trade_rows.h"

namespace storage {

namespace {

#define OFFER_COLUMNS "SELECT skill, slug, folder, listing, sold, changed FROM offers "
#define SALE_COLUMNS                                                                       \
  "SELECT id, state, buyer, agent, skill, listing, price, invoice, payment_hash, detail, " \
  "created, changed FROM sales "

constexpr const char* kPutOffer =
    "INSERT INTO offers (skill, slug, folder, listing, sold, changed) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT (skill) DO UPDATE SET folder = excluded.folder, listing = excluded.listing, "
    "sold = excluded.sold, changed = excluded.changed";
constexpr const char* kOffer = OFFER_COLUMNS "WHERE skill = ?";
constexpr const char* kOffers = OFFER_COLUMNS "ORDER BY changed DESC LIMIT ?";
constexpr const char* kTake =
    "INSERT INTO sales (id, state, buyer, agent, skill, listing, price, created, changed) "
    "VALUES (?,'taken',?,?,?,?,?,?,?) ON CONFLICT DO NOTHING";
constexpr TradeTable kTable{
    .noun = "order",
    .state = "SELECT state FROM sales WHERE id = ?",
    .move = "UPDATE sales SET state = ?, detail = ?, changed = ? WHERE id = ? AND state = ?",
    .bill = "UPDATE sales SET invoice = ?, payment_hash = ? WHERE id = ?",
    .note = "UPDATE sales SET detail = ?, changed = ? WHERE id = ?"};
constexpr const char* kGet = SALE_COLUMNS "WHERE id = ?";
constexpr const char* kListOpen =
    SALE_COLUMNS "WHERE state IN ('taken','billed','paid') ORDER BY created";
constexpr const char* kList = SALE_COLUMNS "ORDER BY created DESC LIMIT ?";
constexpr const char* kCount = "SELECT count(*) FROM sales WHERE buyer = ? AND created >= ?";

#undef OFFER_COLUMNS
#undef SALE_COLUMNS

using RawOffer = RawTrade<OfferRow>;
using RawSale = RawTrade<SaleRow>;

RawOffer read_offer(Row& r) {
  RawOffer out;
  out.row.skill = r.take<std::string>();
  out.row.slug = r.take<std::string>();
  out.row.folder = r.take<std::string>();
  out.listing = r.take<std::string>();
  out.row.sold = r.take<bool>();
  out.row.changed = r.take<UnixTime>();
  return out;
}

RawSale read_sale(Row& r) {
  RawSale out;
  out.row.id = r.take<std::string>();
  out.row.state = r.take<SaleState>();
  out.row.buyer = r.take<PublicKey>();
  out.row.agent = r.take<PublicKey>();
  out.row.skill = r.take<std::string>();
  out.listing = r.take<std::string>();
  out.row.price = r.take<Msat>();
  out.row.invoice = r.take<std::string>();
  out.row.payment_hash = r.take<std::optional<nostr::Sha256>>();
  out.row.detail = r.take<std::string>();
  out.row.created = r.take<UnixTime>();
  out.row.changed = r.take<UnixTime>();
  return out;
}

}  // namespace

bool may_move(SaleState from, SaleState to) {
  switch (from) {
    case SaleState::kTaken:
      return to == SaleState::kBilled || to == SaleState::kPaid || to == SaleState::kFailed;
    case SaleState::kBilled:
      return to == SaleState::kPaid || to == SaleState::kFailed;
    case SaleState::kPaid:
      return to == SaleState::kDone;
    case SaleState::kDone:
    case SaleState::kFailed:
      return false;
  }
  return false;
}

Result<void> Sales::put_offer(const OfferRow& o) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kPutOffer, o.skill, o.slug, o.folder, nostr::to_json(o.listing), o.sold, o.changed));
  return tx.commit();
}

Result<std::optional<OfferRow>> Sales::offer(std::string_view skill) {
  TRY(auto raw, db_.one(kOffer, read_offer, skill));
  return parse_trade(std::move(raw));
}

Result<std::vector<OfferRow>> Sales::offers(std::int64_t limit) {
  TRY(auto raws, db_.all(kOffers, read_offer, limit));
  return parse_trades(std::move(raws));
}

Result<bool> Sales::take(const SaleRow& s) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kTake, s.id, s.buyer, s.agent, s.skill, nostr::to_json(s.listing),
                                s.price, s.created, s.created));
  TRY(tx.commit());
  FAILPOINT("sale-taken");
  return added == 1;
}

Result<void> Sales::move(std::string_view id, SaleState to, std::string_view detail, UnixTime now) {
  return move_trade(db_, kTable, id, to, detail, now);
}

Result<void> Sales::set_billed(std::string_view id, std::string_view invoice,
                               const nostr::Sha256& payment_hash, UnixTime now) {
  return bill_trade(db_, kTable, id, SaleState::kBilled, invoice, payment_hash, now);
}

Result<void> Sales::note(std::string_view id, std::string_view detail, UnixTime now) {
  return note_trade(db_, kTable, id, detail, now);
}

Result<std::optional<SaleRow>> Sales::get(std::string_view id) {
  TRY(auto raw, db_.one(kGet, read_sale, id));
  return parse_trade(std::move(raw));
}

Result<std::vector<SaleRow>> Sales::list_open() {
  TRY(auto raws, db_.all(kListOpen, read_sale));
  return parse_trades(std::move(raws));
}

Result<std::vector<SaleRow>> Sales::list(std::int64_t limit) {
  TRY(auto raws, db_.all(kList, read_sale, limit));
  return parse_trades(std::move(raws));
}

Result<std::int64_t> Sales::count_since(const PublicKey& buyer, UnixTime since) {
  TRY(const auto count,
      db_.one(kCount, [](Row& r) { return r.take<std::int64_t>(); }, buyer, since));
  return count.value_or(0);
}

}  // namespace storage
