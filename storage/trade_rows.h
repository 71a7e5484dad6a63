// What both sides of a trade have in common: rows around a signed offer, and the statements by
// which such a row moves, is billed and is noted. Included by the stores of `storage` only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "nostr/crypto/hash.h"
#include "nostr/event/event_json.h"
#include "storage/db.h"

namespace storage {

/// A row as the database has it: its offer is text still.
template <class T>
struct RawTrade {
  T row;
  std::string listing;
};

template <class T>
Result<T> parse_trade(RawTrade<T> raw) {
  TRY(raw.row.listing, nostr::parse_event(raw.listing));
  return std::move(raw.row);
}

template <class T>
Result<std::optional<T>> parse_trade(std::optional<RawTrade<T>> raw) {
  if (!raw) return std::optional<T>();
  TRY(T row, parse_trade(*std::move(raw)));
  return std::optional<T>(std::move(row));
}

template <class T>
Result<std::vector<T>> parse_trades(std::vector<RawTrade<T>> raws) {
  std::vector<T> out;
  out.reserve(raws.size());
  for (RawTrade<T>& raw : raws) {
    TRY(T row, parse_trade(std::move(raw)));
    out.push_back(std::move(row));
  }
  return out;
}

/// The statements of one side's table.
struct TradeTable {
  std::string_view noun;  ///< what a row is, for errors
  const char* state;      ///< (id)
  const char* move;       ///< (to, detail, changed, id, from)
  const char* bill;       ///< (invoice, payment hash, id)
  const char* note;       ///< (detail, changed, id)
};

/// kNotFound; kConflict for a move that may_move() does not allow. kFull, or with the caller's
/// transaction.
template <NamedEnum State>
Result<void> move_trade(Db& db, const TradeTable& table, std::string_view id, State to,
                        std::string_view detail, UnixTime now) {
  TRY(Tx tx, Tx::begin(db, Durability::kFull));
  TRY(const auto from, db.one(table.state, [](Row& r) { return r.take<State>(); }, id));
  if (!from) return fail(Errc::kNotFound, fmt::format("no such {}", table.noun));
  if (!may_move(*from, to))
    return fail(Errc::kConflict, fmt::format("this {} is {} and cannot become {}", table.noun,
                                             name_of(*from), name_of(to)));
  TRY(const auto changed, db.run(table.move, to, detail, now, id, *from));
  TRY(expect_one(changed, table.noun));
  return tx.commit();
}

/// The move to `billed`, with what is to be paid.
template <NamedEnum State>
Result<void> bill_trade(Db& db, const TradeTable& table, std::string_view id, State billed,
                        std::string_view invoice, const nostr::Sha256& payment_hash, UnixTime now) {
  TRY(Tx tx, Tx::begin(db, Durability::kFull));
  TRY(move_trade(db, table, id, billed, "", now));
  TRY(db.run(table.bill, invoice, payment_hash, id));
  return tx.commit();
}

/// Why nothing happens; the state stays.
inline Result<void> note_trade(Db& db, const TradeTable& table, std::string_view id,
                               std::string_view detail, UnixTime now) {
  TRY(Tx tx, Tx::begin(db, Durability::kFull));
  TRY(db.run(table.note, detail, now, id));
  return tx.commit();
}

}  // namespace storage
