// Cursors: where each relay's stream was left, per filter.
#pragma once

#include "nostr/client/cursor.h"
#include "storage/db.h"

namespace storage {

/// nostr::CursorStore over the table `cursors`. App thread.
///
/// A cursor is written kNormal: a power cut may take it back a little, and then what lies between
/// comes again. It is never ahead of the kFull commits it vouches for, which are before it in the
/// same log.
class Cursors final : public nostr::CursorStore {
 public:
  explicit Cursors(Db& db) : db_(db) {}

  Result<std::optional<UnixTime>> get(const std::string& relay,
                                      const nostr::Sha256& filter) override;
  Result<void> advance(const std::string& relay, const nostr::Sha256& filter, UnixTime to) override;

 private:
  Db& db_;
};

}  // namespace storage
