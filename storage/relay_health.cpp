#include "storage/relay_health.h"

namespace storage {

namespace {

constexpr const char* kLoad =
    "SELECT relay, failures, failed FROM relay_health ORDER BY failed DESC LIMIT ?";
constexpr const char* kPut =
    "INSERT INTO relay_health (relay, failures, failed) VALUES (?,?,?) "
    "ON CONFLICT (relay) DO UPDATE SET failures = excluded.failures, failed = excluded.failed";
constexpr const char* kForget = "DELETE FROM relay_health WHERE relay = ?";

}  // namespace

Result<std::vector<nostr::RelayFailures>> RelayHealthRows::load(std::size_t limit) {
  return db_.all(
      kLoad,
      [](Row& row) {
        nostr::RelayFailures record;
        record.relay = row.take<std::string>();
        record.failures = row.take<int>();
        record.last = row.take<UnixTime>();
        return record;
      },
      limit);
}

Result<void> RelayHealthRows::put(const nostr::RelayFailures& record) {
  TRY(db_.run(kPut, record.relay, record.failures, record.last));
  return {};
}

Result<void> RelayHealthRows::forget(const std::string& relay) {
  TRY(db_.run(kForget, relay));
  return {};
}

}  // namespace storage
