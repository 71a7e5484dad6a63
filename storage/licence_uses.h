// The meter of licences: which uses of each were admitted here. Rows are never forgotten, so that no
// restart and no passing of time gives a used licence back.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/db.h"

namespace storage {

struct LicenceCount {
  std::int64_t uses = 0;   ///< in all
  std::int64_t since = 0;  ///< of them at or after the moment asked for
  bool counted = false;    ///< whether this very use is among them
};

/// App thread.
class LicenceUses {
 public:
  explicit LicenceUses(Db& db) : db_(db) {}

  /// Counts one use. The same `ref` of a licence counts once, however often it is asked for. kFull, or
  /// with the caller's transaction.
  Result<void> add(std::string_view licence, std::string_view ref, UnixTime now);
  Result<LicenceCount> count(std::string_view licence, std::string_view ref, UnixTime since);

 private:
  Db& db_;
};

}  // namespace storage
