// Outputs: what a tool said at length, kept whole for a while where only its ends went to the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/db.h"

namespace storage {

/// App thread.
class Outputs {
 public:
  struct Limits {
    std::size_t max_bytes = 1u << 20;  ///< of one; the rest is not kept
    std::int64_t max_outputs = 64;     ///< of all sessions together; the oldest go first
  };
  explicit Outputs(Db& db) : Outputs(db, Limits{}) {}
  Outputs(Db& db, Limits limits) : db_(db), limits_(limits) {}

  /// Keeps it under the next number of `session`, from 1 on, and drops what is too much; kNormal.
  Result<std::int64_t> put(std::string_view session, std::string_view tool, std::string_view content, UnixTime now);
  /// nullopt when there is none, or none any more.
  Result<std::optional<std::string>> get(std::string_view session, std::int64_t number);

 private:
  Db& db_;
  Limits limits_;
};

}  // namespace storage
