// Grants: the operator's standing answers — "for calls like this, for so long, so often, do not ask".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

struct GrantRow {
  std::int64_t id = 0;
  std::string agent;        ///< "*" for every agent
  std::string tool;
  std::string pattern;      ///< of the subject: a command rule, a path or host pattern
  UnixTime created;
  UnixTime expires;         ///< exclusive
  std::int64_t max_uses = 0;  ///< 0: any number
  std::int64_t uses = 0;
  std::optional<UnixTime> revoked;

  bool stands(UnixTime now) const {
    return !revoked && now < expires && (max_uses == 0 || uses < max_uses);
  }
};

/// App thread. Everything that changes a row is kFull.
class Grants {
 public:
  explicit Grants(Db& db) : db_(db) {}

  /// Writes a new grant and returns it with its id; kLimit when 1000 stand already.
  Result<GrantRow> add(GrantRow row, UnixTime now);
  /// Those of `tool` that may stand, newest first; the caller matches agent and pattern.
  Result<std::vector<GrantRow>> of_tool(std::string_view tool, UnixTime now);
  /// Counts one use; false when it does not stand any more.
  Result<bool> use(std::int64_t id, UnixTime now);
  /// kNotFound for an unknown id; revoking twice changes nothing.
  Result<GrantRow> revoke(std::int64_t id, UnixTime now);
  /// Newest first, at most `limit`, those that are over too.
  Result<std::vector<GrantRow>> list(std::int64_t limit);

 private:
  Db& db_;
};

}  // namespace storage
