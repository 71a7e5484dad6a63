// Two tables: texts and counters.
#include "storage/kv.h"

namespace storage {

namespace {

constexpr const char* kGet = "SELECT value FROM kv WHERE key = ?";
constexpr const char* kSet =
    "INSERT INTO kv (key, value) VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value = "
    "excluded.value";
constexpr const char* kErase = "DELETE FROM kv WHERE key = ?";
constexpr const char* kCounter = "SELECT value FROM counters WHERE name = ?";
constexpr const char* kBump =
    "INSERT INTO counters (name, value) VALUES (?, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = value + 1";

}  // namespace

Result<std::optional<std::string>> Kv::get(std::string_view key) {
  return db_.one(kGet, [](Row& row) { return row.take<std::string>(); }, key);
}

Result<void> Kv::set(std::string_view key, std::string_view value) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kSet, key, value));
  return tx.commit();
}

Result<void> Kv::erase(std::string_view key) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kErase, key));
  return tx.commit();
}

Result<std::int64_t> Kv::counter(std::string_view name) {
  TRY(const auto value, db_.one(kCounter, [](Row& row) { return row.take<std::int64_t>(); }, name));
  return value.value_or(0);
}

Result<std::int64_t> Kv::bump(std::string_view name) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kBump, name));
  TRY(const std::int64_t value, counter(name));
  TRY(tx.commit());
  return value;
}

}  // namespace storage
