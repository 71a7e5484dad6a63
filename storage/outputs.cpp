// Rows in the order they came, of which the newest stay.
#include "storage/outputs.h"

namespace storage {

namespace {

constexpr const char* kNext = "SELECT coalesce(max(number), 0) + 1 FROM outputs WHERE session = ?";
constexpr const char* kPut = "INSERT INTO outputs (session, number, tool, content, created) VALUES (?,?,?,?,?)";
constexpr const char* kGet = "SELECT content FROM outputs WHERE session = ? AND number = ?";
constexpr const char* kMakeRoom = "DELETE FROM outputs WHERE id <= (SELECT max(id) FROM outputs) - ?";

}  // namespace

Result<std::int64_t> Outputs::put(std::string_view session, std::string_view tool, std::string_view content, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(const auto next, db_.one(kNext, [](Row& r) { return r.take<std::int64_t>(); }, session));
  const std::int64_t number = next.value_or(1);
  TRY(db_.run(kPut, session, number, tool, content.substr(0, limits_.max_bytes), now));
  TRY(db_.run(kMakeRoom, limits_.max_outputs));
  TRY(tx.commit());
  return number;
}

Result<std::optional<std::string>> Outputs::get(std::string_view session, std::int64_t number) {
  return db_.one(kGet, [](Row& r) { return r.take<std::string>(); }, session, number);
}

}  // namespace storage
