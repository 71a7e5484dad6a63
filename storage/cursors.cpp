#include "storage/cursors.h"

namespace storage {

namespace {

constexpr const char* kGet = "SELECT at FROM cursors WHERE relay = ? AND filter = ?";
constexpr const char* kAdvance =
    "INSERT INTO cursors (relay, filter, at) VALUES (?,?,?) "
    "ON CONFLICT (relay, filter) DO UPDATE SET at = excluded.at WHERE excluded.at > cursors.at";

}  // namespace

Result<std::optional<UnixTime>> Cursors::get(const std::string& relay,
                                             const nostr::Sha256& filter) {
  return db_.one(kGet, [](Row& row) { return row.take<UnixTime>(); }, relay, filter);
}

Result<void> Cursors::advance(const std::string& relay, const nostr::Sha256& filter, UnixTime to) {
  TRY(db_.run(kAdvance, relay, filter, to));
  return {};
}

}  // namespace storage
