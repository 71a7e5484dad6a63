// Every migration of the database, append-only, and the door through which programs open it.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "storage/db.h"

namespace storage {

/// One step of the schema. A shipped entry never changes; a new one goes to the end of the list in
/// schema.cpp with the next number.
struct Migration {
  int version = 0;
  const char* sql = nullptr;  ///< a script; runs in one transaction with the version bump
};

/// All steps, versions 1, 2, 3 …
std::span<const Migration> migrations();

/// Brings `db` to the last of `steps`. kUnsupported when the database is newer than the program.
Result<void> migrate(Db& db, std::span<const Migration> steps = migrations());

/// Opens (or creates) and migrates the database of a home.
Result<std::unique_ptr<Db>> open_database(const std::string& path, DbOptions options = {});

}  // namespace storage
