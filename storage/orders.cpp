// Rows that are written once.
#include "storage/orders.h"

#include <fmt/format.h>

namespace storage {
namespace {

constexpr const char* kInsert =
    "INSERT INTO orders (id, author, nonce, text, channel, outcome, said_at, received_at, raw_json) "
    "VALUES (?,?,?,?,?,?,?,?,?)";
constexpr const char* kLast = "SELECT max(nonce) FROM orders WHERE author = ?";
constexpr const char* kHas = "SELECT 1 FROM orders WHERE id = ?";
constexpr const char* kHistory =
    "SELECT id, author, nonce, text, channel, outcome, said_at, received_at, raw_json FROM orders "
    "ORDER BY received_at DESC, nonce DESC LIMIT ?";

OrderRow read_row(Row& r) {
  return {.id = r.take<EventId>(),
          .author = r.take<PublicKey>(),
          .nonce = static_cast<std::uint64_t>(r.take<std::int64_t>()),
          .text = r.take<std::string>(),
          .channel = r.take<std::string>(),
          .outcome = r.take<std::string>(),
          .said_at = r.take<UnixTime>(),
          .received_at = r.take<UnixTime>(),
          .raw_json = r.take<std::string>()};
}

}  // namespace

Result<void> Orders::add(const OrderRow& row) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const std::uint64_t last, last_nonce(row.author));
  if (row.nonce <= last)
    return fail(Errc::kConflict, fmt::format("order {} comes after order {}", row.nonce, last));
  TRY(db_.run(kInsert, row.id, row.author, static_cast<std::int64_t>(row.nonce), row.text,
              row.channel, row.outcome, row.said_at, row.received_at, row.raw_json));
  return tx.commit();
}

Result<bool> Orders::has(const EventId& id) {
  TRY(const auto row, db_.one(kHas, [](Row& r) { return r.take<std::int64_t>(); }, id));
  return row.has_value();
}

Result<std::uint64_t> Orders::last_nonce(const PublicKey& author) {
  TRY(const auto last,
      db_.one(kLast, [](Row& r) { return r.take<std::optional<std::int64_t>>(); }, author));
  return static_cast<std::uint64_t>(last ? last->value_or(0) : 0);
}

Result<std::vector<OrderRow>> Orders::history(std::size_t limit) {
  return db_.all(kHistory, read_row, static_cast<std::int64_t>(limit));
}

}  // namespace storage
