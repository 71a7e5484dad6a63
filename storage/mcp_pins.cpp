// One row a tool.
#include "storage/mcp_pins.h"

namespace storage {

namespace {

constexpr const char* kGet = "SELECT hash FROM mcp_pins WHERE tool = ?";
constexpr const char* kPut =
    "INSERT INTO mcp_pins (tool, hash, agreed) VALUES (?,?,?) ON CONFLICT (tool) DO UPDATE SET "
    "hash = excluded.hash, agreed = excluded.agreed";

}  // namespace

Result<std::optional<nostr::Sha256>> McpPins::get(std::string_view tool) {
  return db_.one(kGet, [](Row& r) { return r.take<nostr::Sha256>(); }, tool);
}

Result<void> McpPins::put(std::string_view tool, const nostr::Sha256& hash, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kPut, tool, hash, now));
  return tx.commit();
}

}  // namespace storage
