// The database is copied by SQLite; every other file as it stands.
#include "node/backup.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/identity.h"
#include "node/pause.h"
#include "node/sealed_archive.h"
#include "storage/restored.h"
#include "storage/schema.h"

namespace node {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kDatabase = "sovereign.db";
constexpr std::string_view kFiles = "files/";
constexpr int kVersion = 1;
constexpr std::size_t kMaxFiles = 5'000;

/// Removes what it was given, unless it was told to keep it.
class Scrap {
 public:
  explicit Scrap(fs::path path) : path_(std::move(path)) {}
  ~Scrap() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Scrap(const Scrap&) = delete;
  Scrap& operator=(const Scrap&) = delete;
  void keep() { path_.clear(); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// What belongs to a process or is made anew: not part of a home that moves.
bool stays_behind(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(std::string(kDatabase)) || name.ends_with(".sock") || name.ends_with(".lock") ||
         name.ends_with(".log") || name == "dashboard.token" || name == "paused" || name.ends_with(".new");
}

unsigned mode_of(const fs::path& file) {
  std::error_code error;
  return static_cast<unsigned>(fs::status(file, error).permissions()) & 0700;
}

/// The files below the home's folder of configuration, relative to it.
Result<std::vector<fs::path>> files_of(const Home& home) {
  std::vector<fs::path> out;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(home.config_dir, error); at != fs::recursive_directory_iterator();
       at.increment(error)) {
    const fs::directory_entry& entry = *at;
    // Other groups of a co-signer are homes of their own.
    if (entry.path() == home.groups_dir()) at.disable_recursion_pending();
    if (!entry.is_regular_file(error) || entry.is_symlink(error) || stays_behind(entry.path())) continue;
    if (out.size() >= kMaxFiles)
      return fail(Errc::kLimit, fmt::format("{} holds more than {} files", home.config_dir.string(), kMaxFiles),
                  "move what is no part of the home elsewhere");
    out.push_back(fs::relative(entry.path(), home.config_dir, error));
  }
  if (error) return fail(Errc::kIo, fmt::format("{}: {}", home.config_dir.string(), error.message()));
  std::ranges::sort(out);
  return out;
}

bool is_home(const Home& home) {
  std::error_code error;
  return fs::exists(home.config_file(), error) || fs::exists(home.policy_file(), error);
}

Value closed_view(const storage::ClosedWork& closed) {
  return {{"nonces", closed.nonces},   {"questions", closed.questions}, {"ticks", closed.ticks},
          {"actions", closed.actions}, {"tasks", closed.tasks},         {"publications", closed.publications},
          {"requests", closed.requests}, {"leases", closed.leases},
          {"payments", closed.payments}, {"issues", closed.issues}};
}

/// A configuration may name files of its home by where that was: from now on they are named from the file itself.
Result<void> unbind(const fs::path& config, const std::string& folder) {
  std::error_code error;
  if (folder.empty() || !fs::exists(config, error)) return {};
  TRY(std::string text, read_file(config));
  const std::string named = "\"" + folder + "/";
  for (std::size_t at = 0; (at = text.find(named, at)) != std::string::npos;) text.replace(at, named.size(), "\"");
  return write_file(config, text, mode_of(config));
}

/// From here on it is a home of its own, which owes nobody anything.
Result<Value> settle(const fs::path& database, base::UnixTime now) {
  TRY(const auto db, storage::open_database(database.string()));
  TRY(const storage::ClosedWork closed, storage::close_open_work(*db, now));
  TRY(forget_lease_name(*db));
  return closed_view(closed);
}

Result<void> move_into(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  fs::rename(from, to, error);
  if (error == std::errc::cross_device_link) {
    fs::copy_file(from, to, error);
    if (!error) fs::remove(from, error);
  }
  if (error) return fail(Errc::kIo, fmt::format("{}: {}", to.string(), error.message()));
  return {};
}

}  // namespace

Result<Value> make_backup(const Home& home, const fs::path& file, std::string_view passphrase, base::Rng& rng,
                          base::UnixTime now) {
  if (!is_home(home))
    return fail(Errc::kNotFound, fmt::format("{} holds neither config.toml nor policy.toml", home.config_dir.string()),
                "name the home with --home");
  if (passphrase.empty()) return fail(Errc::kInvalid, "the passphrase is empty", "a backup holds keys");
  TRY(const auto files, files_of(home));
  TRY(ArchiveWriter archive, ArchiveWriter::create(file, passphrase, rng));
  Scrap unfinished(file);
  std::error_code error;
  const bool is_node = fs::exists(home.config_file(), error);
  const Value manifest = {{"version", kVersion},
                          {"role", is_node ? "node" : "cosigner"},
                          {"made_at", base::to_unix(now)},
                          {"folder", fs::absolute(home.config_dir).lexically_normal().string()},
                          {"program", SOVEREIGN_VERSION}};
  TRY(archive.add_text(std::string(kManifest), base::json::dump(manifest), 0600));
  for (const fs::path& name : files)
    TRY(archive.add(std::string(kFiles) + name.string(), home.config_dir / name, mode_of(home.config_dir / name)));
  if (fs::exists(home.database(), error)) {
    const Scrap copy(home.database().string() + ".backup-" + rng.hex(4));
    TRY(storage::copy_database(home.database().string(), copy.path().string()));
    TRY(archive.add(std::string(kDatabase), copy.path(), 0600));
  }
  TRY(archive.finish());
  unfinished.keep();
  Value out = manifest;
  out["files"] = files.size();
  out["bytes"] = fs::file_size(file, error);
  out["file"] = file.string();
  return out;
}

Result<Value> restore_backup(const fs::path& file, const Home& home, std::string_view passphrase, base::UnixTime now) {
  std::error_code error;
  if (is_home(home) || fs::exists(home.database(), error))
    return fail(Errc::kConflict, fmt::format("{} is a home already", home.config_dir.string()),
                "restore into another --home; two homes of one share keep each other out");
  TRY(home.ensure());
  const Scrap staging(home.config_dir / ".restoring");
  fs::remove_all(staging.path(), error);
  if (!fs::create_directory(staging.path(), error))
    return fail(Errc::kIo, fmt::format("{}: {}", staging.path().string(), error.message()));
  fs::permissions(staging.path(), fs::perms::owner_all, error);
  TRY(const auto files, open_archive(file, passphrase, staging.path()));
  TRY(const std::string text, read_file(staging.path() / kManifest));
  TRY(const Value manifest, base::json::parse(text));
  if (base::json::int_or(manifest, "version") != kVersion)
    return fail(Errc::kUnsupported, "the backup is of a version this program does not know", "use the newer program that made it");
  const bool is_node = base::json::string_or(manifest, "role") == "node";
  Value out = {{"role", base::json::string_or(manifest, "role")},
               {"made_at", base::json::int_or(manifest, "made_at")},
               {"files", files.size() - 1},
               {"home", home.config_dir.string()}};
  const std::string folder = base::json::string_or(manifest, "folder");
  for (const char* config : {"files/config.toml", "files/policy.toml"}) TRY(unbind(staging.path() / config, folder));
  // Before the database stands where a process could find it.
  if (fs::exists(staging.path() / kDatabase, error)) {
    TRY(out["closed"], settle(staging.path() / kDatabase, now));
  }
  if (is_node)
    TRY(PauseSwitch(home).pause(fmt::format("restored from a backup of {}; what was done and spent since is not known "
                                            "here. `sovereign resume` when you have looked",
                                            base::format_utc(base::unix_time(base::json::int_or(manifest, "made_at"))))));
  // The configuration last: until it is there nothing starts here.
  if (fs::exists(staging.path() / kDatabase, error))
    TRY(move_into(staging.path() / kDatabase, home.database()));
  const auto is_configuration = [](const ArchivedFile& one) {
    return one.name == "files/config.toml" || one.name == "files/policy.toml";
  };
  for (const bool configuration : {false, true})
    for (const ArchivedFile& one : files)
      if (one.name.starts_with(kFiles) && is_configuration(one) == configuration)
        TRY(move_into(staging.path() / one.name, home.config_dir / one.name.substr(kFiles.size())));
  return out;
}

}  // namespace node
