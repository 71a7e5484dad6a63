// Todos: what a session means to do, as one small document a session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/db.h"

namespace storage {

/// App thread.
class Todos {
 public:
  explicit Todos(Db& db) : db_(db) {}

  /// The list as the session wrote it last (JSON); nullopt when it wrote none.
  Result<std::optional<std::string>> get(std::string_view session);
  /// Replaces the list; kNormal.
  Result<void> put(std::string_view session, std::string_view items, UnixTime now);

 private:
  Db& db_;
};

}  // namespace storage
