// Kv: small named values of a home — identity strings, counters, the boot id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/db.h"

namespace storage {

/// Named text (often JSON) and counters. App thread.
class Kv {
 public:
  explicit Kv(Db& db) : db_(db) {}

  Result<std::optional<std::string>> get(std::string_view key);
  /// Sets or replaces; kFull.
  Result<void> set(std::string_view key, std::string_view value);
  /// Removes; no error when absent.
  Result<void> erase(std::string_view key);

  /// A counter's value, 0 when never bumped.
  Result<std::int64_t> counter(std::string_view name);
  /// Adds one and returns the new value; kFull. With a copy kept outside the database it tells a
  /// restored backup: the copy is then ahead.
  Result<std::int64_t> bump(std::string_view name);

 private:
  Db& db_;
};

}  // namespace storage
