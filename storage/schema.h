// The versions of the database, and the door through which programs open it.
//
// To add a version: put a script with the next number into storage/migrations and its hash into
// tests/storage/schema_test.cpp. A script that was released never changes. Conventions: STRICT
// tables, ids BLOB, money INTEGER msat, time INTEGER Unix seconds, enumerations TEXT in the words
// of EnumText (append-only).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "storage/db.h"

namespace storage {

/// One step of the schema: a file of storage/migrations.
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
