// Relays that failed, so that a restart does not try every dead one again.
#pragma once

#include "nostr/client/relay_health.h"
#include "storage/db.h"

namespace storage {

/// nostr::RelayHealthStore over the table `relay_health`. App thread.
class RelayHealthRows final : public nostr::RelayHealthStore {
 public:
  explicit RelayHealthRows(Db& db) : db_(db) {}

  Result<std::vector<nostr::RelayFailures>> load(std::size_t limit) override;
  Result<void> put(const nostr::RelayFailures& record) override;
  Result<void> forget(const std::string& relay) override;

 private:
  Db& db_;
};

}  // namespace storage
