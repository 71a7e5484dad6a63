#include "storage/schema.h"

#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "nostr/base/asset.h"
#include "storage/migrations/migrations.h"

namespace storage {

namespace {

// CMake hands the files over in the order of their names, and a test holds that those count from 1
// without gaps: the place in the list is the version.
std::vector<Migration> numbered(std::span<const base::Asset> files) {
  std::vector<Migration> steps;
  steps.reserve(files.size());
  for (const base::Asset& file : files)
    steps.push_back({static_cast<int>(steps.size()) + 1, file.bytes.data()});
  return steps;
}

}  // namespace

std::span<const Migration> migrations() {
  static const std::vector<Migration> kSteps = numbered(migration_files());
  return kSteps;
}

Result<void> migrate(Db& db, std::span<const Migration> steps) {
  TRY(const auto found,
      db.one("PRAGMA user_version", [](Row& r) { return r.take<std::int64_t>(); }));
  const std::int64_t have = found.value_or(0);
  const int last = steps.empty() ? 0 : steps.back().version;
  if (have > last)
    return fail(
        Errc::kUnsupported,
        fmt::format("{} has schema version {}, this program knows {}", db.path(), have, last),
        "use the newer program that wrote it, or another --home");
  for (const Migration& step : steps) {
    if (step.version <= have) continue;
    TRY(Tx tx, Tx::begin(db, Durability::kFull));
    if (auto done = db.script(step.sql); !done)
      return std::unexpected(
          base::in_context(fmt::format("migration {}", step.version), std::move(done).error()));
    TRY(db.script(fmt::format("PRAGMA user_version = {}", step.version).c_str()));
    TRY(tx.commit());
  }
  return {};
}

Result<std::unique_ptr<Db>> open_database(const std::string& path, DbOptions options) {
  TRY(auto db, Db::open(path, options));
  TRY(migrate(*db));
  return db;
}

}  // namespace storage
