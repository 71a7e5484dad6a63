// One row a session.
#include "storage/todos.h"

namespace storage {

namespace {

constexpr const char* kGet = "SELECT items FROM todos WHERE session = ?";
constexpr const char* kPut =
    "INSERT INTO todos (session, items, changed) VALUES (?,?,?) ON CONFLICT (session) DO UPDATE SET "
    "items = excluded.items, changed = excluded.changed";

}  // namespace

Result<std::optional<std::string>> Todos::get(std::string_view session) {
  return db_.one(kGet, [](Row& r) { return r.take<std::string>(); }, session);
}

Result<void> Todos::put(std::string_view session, std::string_view items, UnixTime now) {
  TRY(db_.run(kPut, session, items, now));
  return {};
}

}  // namespace storage
