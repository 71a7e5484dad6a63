// One row per order id; a state moves by conditional UPDATE.
#include "storage/purchases.h"

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"
#include "storage/trade_rows.h"

namespace storage {

namespace {

#define PURCHASE_COLUMNS                                                                        \
  "SELECT id, state, skill, slug, version, seller, listing, manifest, price, untrusted, agent, " \
  "lifted, claim, tick, call_id, reason, invoice, payment_hash, detail, created, changed "         \
  "FROM purchases "

constexpr const char* kAdd =
    "INSERT INTO purchases (id, state, skill, slug, version, seller, listing, manifest, price, "
    "untrusted, agent, tick, call_id, reason, created, changed) "
    "VALUES (?,'wanted',?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kClaim = "UPDATE purchases SET claim = ?, changed = ? WHERE id = ?";
constexpr const char* kLifted = "UPDATE purchases SET lifted = 1, changed = ? WHERE id = ?";
constexpr TradeTable kTable{
    .noun = "purchase",
    .state = "SELECT state FROM purchases WHERE id = ?",
    .move = "UPDATE purchases SET state = ?, detail = ?, changed = ? WHERE id = ? AND state = ?",
    .bill = "UPDATE purchases SET invoice = ?, payment_hash = ? WHERE id = ?",
    .note = "UPDATE purchases SET detail = ?, changed = ? WHERE id = ?"};
constexpr const char* kGet = PURCHASE_COLUMNS "WHERE id = ?";
constexpr const char* kOfCall = PURCHASE_COLUMNS "WHERE tick = ? AND call_id = ? AND tick <> ''";
constexpr const char* kUnderWay =
    PURCHASE_COLUMNS "WHERE skill = ? AND state IN ('wanted','ordered','billed','paid')";
constexpr const char* kListOpen =
    PURCHASE_COLUMNS "WHERE state IN ('wanted','ordered','billed','paid') ORDER BY created";
constexpr const char* kList = PURCHASE_COLUMNS "ORDER BY created DESC LIMIT ?";

#undef PURCHASE_COLUMNS

using Raw = RawTrade<PurchaseRow>;

Raw read_raw(Row& r) {
  Raw out;
  out.row.id = r.take<std::string>();
  out.row.state = r.take<PurchaseState>();
  out.row.skill = r.take<std::string>();
  out.row.slug = r.take<std::string>();
  out.row.version = r.take<std::string>();
  out.row.seller = r.take<PublicKey>();
  out.listing = r.take<std::string>();
  out.row.manifest = r.take<EventId>();
  out.row.price = r.take<Msat>();
  out.row.untrusted = r.take<bool>();
  out.row.agent = r.take<std::string>();
  out.row.lifted = r.take<bool>();
  out.row.claim = r.take<std::optional<EventId>>();
  out.row.tick = r.take<std::string>();
  out.row.call_id = r.take<std::string>();
  out.row.reason = r.take<std::string>();
  out.row.invoice = r.take<std::string>();
  out.row.payment_hash = r.take<std::optional<nostr::Sha256>>();
  out.row.detail = r.take<std::string>();
  out.row.created = r.take<UnixTime>();
  out.row.changed = r.take<UnixTime>();
  return out;
}

}  // namespace

bool may_move(PurchaseState from, PurchaseState to) {
  switch (from) {
    case PurchaseState::kWanted:
      return to == PurchaseState::kOrdered || to == PurchaseState::kRefused ||
             to == PurchaseState::kFailed;
    case PurchaseState::kOrdered:
      return to == PurchaseState::kBilled || to == PurchaseState::kDone ||
             to == PurchaseState::kFailed;
    case PurchaseState::kBilled:
      return to == PurchaseState::kPaid || to == PurchaseState::kFailed;
    case PurchaseState::kPaid:
      return to == PurchaseState::kDone;
    case PurchaseState::kDone:
    case PurchaseState::kRefused:
    case PurchaseState::kFailed:
      return false;
  }
  return false;
}

bool is_over(PurchaseState state) {
  return state == PurchaseState::kDone || state == PurchaseState::kRefused ||
         state == PurchaseState::kFailed;
}

Result<PurchaseRow> Purchases::add(const PurchaseRow& p) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(auto standing, under_way(p.skill));
  if (standing) return *std::move(standing);
  TRY(db_.run(kAdd, p.id, p.skill, p.slug, p.version, p.seller, nostr::to_json(p.listing),
              p.manifest, p.price, p.untrusted, p.agent, p.tick, p.call_id, p.reason, p.created,
              p.created));
  TRY(tx.commit());
  FAILPOINT("purchase-wanted");
  TRY(auto row, get(p.id));
  return *std::move(row);
}

Result<void> Purchases::set_claim(std::string_view id, const EventId& claim, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kClaim, claim, now, id));
  TRY(expect_one(changed, "purchase"));
  return tx.commit();
}

Result<void> Purchases::set_lifted(std::string_view id, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kLifted, now, id));
  TRY(expect_one(changed, "purchase"));
  return tx.commit();
}

Result<void> Purchases::move(std::string_view id, PurchaseState to, std::string_view detail,
                             UnixTime now) {
  return move_trade(db_, kTable, id, to, detail, now);
}

Result<void> Purchases::set_billed(std::string_view id, std::string_view invoice,
                                   const nostr::Sha256& payment_hash, UnixTime now) {
  return bill_trade(db_, kTable, id, PurchaseState::kBilled, invoice, payment_hash, now);
}

Result<void> Purchases::note(std::string_view id, std::string_view detail, UnixTime now) {
  return note_trade(db_, kTable, id, detail, now);
}

Result<std::optional<PurchaseRow>> Purchases::get(std::string_view id) {
  TRY(auto raw, db_.one(kGet, read_raw, id));
  return parse_trade(std::move(raw));
}

Result<std::optional<PurchaseRow>> Purchases::of_call(std::string_view tick, std::string_view call_id) {
  TRY(auto raw, db_.one(kOfCall, read_raw, tick, call_id));
  return parse_trade(std::move(raw));
}

Result<std::optional<PurchaseRow>> Purchases::under_way(std::string_view skill) {
  TRY(auto raw, db_.one(kUnderWay, read_raw, skill));
  return parse_trade(std::move(raw));
}

Result<std::vector<PurchaseRow>> Purchases::list_open() {
  TRY(auto raws, db_.all(kListOpen, read_raw));
  return parse_trades(std::move(raws));
}

Result<std::vector<PurchaseRow>> Purchases::list(std::int64_t limit) {
  TRY(auto raws, db_.all(kList, read_raw, limit));
  return parse_trades(std::move(raws));
}

}  // namespace storage
