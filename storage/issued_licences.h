// The licences this home issued, as they stand now, each with the delivery that carried its skill.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/events.h"

namespace storage {

struct IssuedRow {
  std::string id;       ///< of the licence
  PublicKey agent;
  PublicKey receiver;   ///< whom the delivery is wrapped for
  std::string slug;
  Event licence;        ///< as it stands now
  std::string delivery; ///< the rumor (39221): its body is encrypted to the agent
  bool revoked = false;
  UnixTime created;
  UnixTime changed;
};

/// App thread. Changes are kFull, or with the caller's transaction.
class IssuedLicences {
 public:
  explicit IssuedLicences(Db& db) : db_(db) {}

  Result<void> add(const IssuedRow& issued);
  Result<std::optional<IssuedRow>> get(std::string_view id);
  /// Puts another version of the licence in its place. kConflict when the id is not there.
  Result<void> replace(std::string_view id, const Event& licence, bool revoked, UnixTime now);
  /// Newest first.
  Result<std::vector<IssuedRow>> list(std::int64_t limit);

 private:
  Db& db_;
};

}  // namespace storage
