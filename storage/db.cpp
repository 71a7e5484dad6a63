// The only file that speaks to libsqlite3.
#include "storage/db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"

namespace storage {

namespace {

constexpr int kApplicationId = 0x73766e00;  // marks the file as ours

/// Takes the lock that keeps a second process (or a second Db) out. A file of its own, because
/// SQLite's locks would also shut out readers on worker threads of this process.
Result<int> lock_home(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(Errc::kIo, fmt::format("cannot open {}: {}", lock_path, std::strerror(errno)),
                "check that the home directory exists and is writable");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(Errc::kConflict, fmt::format("{} is in use by another process", path),
                "stop the process that runs on this home, or choose another one with --home");
  }
  return fd;
}

Errc errc_of(int code) {
  return (code & 0xff) == SQLITE_CONSTRAINT ? Errc::kConflict : Errc::kDatabase;
}

}  // namespace

// --- Row ---------------------------------------------------------------------------------------

// Values are bound without copying: a Lease resets and unbinds before the arguments of run(), one()
// and all() die.
void Row::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_, ++parameter_, value);
}

void Row::bind(std::string_view text) {
  // A null pointer would become NULL, which an empty text is not.
  sqlite3_bind_text64(statement_, ++parameter_, text.data() ? text.data() : "", text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
}

void Row::bind(base::ByteView blob) {
  sqlite3_bind_blob64(statement_, ++parameter_,
                      blob.data() ? static_cast<const void*>(blob.data()) : "", blob.size(),
                      SQLITE_STATIC);
}

void Row::bind(std::nullptr_t) {
  sqlite3_bind_null(statement_, ++parameter_);
}

base::ByteView Row::take_view() {
  if (sqlite3_column_type(statement_, column_) == SQLITE_NULL) damaged_ = true;
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column_));
  const int size = sqlite3_column_bytes(statement_, column_++);
  return {data, static_cast<std::size_t>(size)};
}

std::int64_t Row::read_int() {
  if (sqlite3_column_type(statement_, column_) != SQLITE_INTEGER) damaged_ = true;
  return sqlite3_column_int64(statement_, column_++);
}

std::string_view Row::read_text() {
  return base::as_text(take_view());
}

void Row::read(base::Bytes& out) {
  const base::ByteView view = take_view();
  out.assign(view.begin(), view.end());
}

bool Row::next_is_null() const {
  return sqlite3_column_type(statement_, column_) == SQLITE_NULL;
}

// --- Db ----------------------------------------------------------------------------------------

/// Prepared statements at rest, by the address of their text.
struct Db::Cache {
  std::unordered_map<const char*, std::vector<sqlite3_stmt*>> idle;

  ~Cache() {
    for (auto& [sql, statements] : idle)
      for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  }
};

Db::Db() : cache_(std::make_unique<Cache>()) {}

Db::~Db() {
  cache_.reset();
  if (handle_ != nullptr) sqlite3_close(handle_);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<std::unique_ptr<Db>> Db::open(const std::string& path, DbOptions options) {
  std::unique_ptr<Db> db(new Db);
  db->path_ = path;
  if (path != ":memory:") {
    TRY(db->lock_fd_, lock_home(path));
  }
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  // Rows hold private messages: the file is the owner's alone from its first byte on.
  const mode_t old_mask = ::umask(0077);
  const int opened = sqlite3_open_v2(path.c_str(), &db->handle_, flags, nullptr);
  auto configured = opened == SQLITE_OK
                        ? db->script(fmt::format("PRAGMA journal_mode = WAL;"
                                                 "PRAGMA synchronous = NORMAL;"
                                                 "PRAGMA foreign_keys = ON;"
                                                 "PRAGMA temp_store = MEMORY;"
                                                 "PRAGMA busy_timeout = 1000;"
                                                 "PRAGMA cache_size = -{};"
                                                 "PRAGMA wal_autocheckpoint = {};"
                                                 "PRAGMA journal_size_limit = 67108864;",
                                                 options.cache_kib, options.checkpoint_pages)
                                         .c_str())
                        : Result<void>(db->last_error("open"));
  ::umask(old_mask);
  if (!configured) return std::unexpected(base::in_context(path, std::move(configured).error()));
  sqlite3_db_config(db->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return db;
}

Result<void> Db::script(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return last_error("script");
  return {};
}

std::unexpected<base::Error> Db::last_error(std::string_view what) const {
  // The verb and table of a statement are enough to find it; the rest would only be noise.
  const std::string_view head = what.substr(0, 48);
  const int code = sqlite3_extended_errcode(handle_);
  return fail(errc_of(code), fmt::format("sqlite: {} in \"{}\"", sqlite3_errmsg(handle_), head),
              (code & 0xff) == SQLITE_FULL ? "free some disk space" : "");
}

std::int64_t Db::changes() const {
  return sqlite3_changes64(handle_);
}

std::int64_t Db::last_rowid() const {
  return sqlite3_last_insert_rowid(handle_);
}

Result<std::vector<Db::Plan>> Db::plans() {
  std::vector<Plan> out;
  for (const auto& [sql, statements] : cache_->idle) {
    const std::string explain = fmt::format("EXPLAIN QUERY PLAN {}", sql);
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, explain.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      return last_error(explain);
    Plan plan{.sql = sql, .steps = {}};
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const int size = sqlite3_column_bytes(statement, 3);
      plan.steps.emplace_back(static_cast<const char*>(sqlite3_column_blob(statement, 3)),
                              static_cast<std::size_t>(size));
    }
    sqlite3_finalize(statement);
    out.push_back(std::move(plan));
  }
  return out;
}

// --- Lease -------------------------------------------------------------------------------------

Db::Lease::Lease(Db& db, const char* text) : owner(db), sql(text), row(nullptr) {
  auto& idle = owner.cache_->idle[sql];
  if (!idle.empty()) {
    row.statement_ = idle.back();
    idle.pop_back();
    return;
  }
  sqlite3_prepare_v3(owner.handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &row.statement_, nullptr);
}

Db::Lease::~Lease() {
  if (row.statement_ == nullptr) return;
  sqlite3_reset(row.statement_);
  sqlite3_clear_bindings(row.statement_);
  owner.cache_->idle[sql].push_back(row.statement_);
}

Result<bool> Db::Lease::step() {
  row.column_ = 0;
  // A statement outside the transaction its caller believes in must not run on its own.
  if (owner.depth_ > 0 && sqlite3_get_autocommit(owner.handle_) != 0)
    return fail(Errc::kDatabase, "the transaction was rolled back by an earlier failure");
  switch (sqlite3_step(row.statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return owner.last_error(sql);
  }
}

std::unexpected<base::Error> Db::Lease::damaged() const {
  return fail(
      Errc::kDatabase,
      fmt::format("a row has an unexpected shape in \"{}\"", std::string_view(sql).substr(0, 48)),
      "restore the database from a backup, or start a new home");
}

// --- transactions ------------------------------------------------------------------------------

Result<void> Db::begin(Durability durability) {
  if (depth_ > 0) {
    TRY(run("SAVEPOINT tx"));
    if (durability == Durability::kFull && !synced_) wants_sync_ = true;
    ++depth_;
    return {};
  }
  const bool full = durability == Durability::kFull;
  TRY(set_synchronous(full));
  TRY(run("BEGIN IMMEDIATE"));
  synced_ = full;
  wants_sync_ = false;
  depth_ = 1;
  return {};
}

Result<void> Db::set_synchronous(bool full) {
  if (full == full_level_) return {};
  // SQLite refuses to change the level inside a transaction, and does it while it compiles the
  // statement: a cached one would do nothing.
  TRY(script(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
  full_level_ = full;
  return {};
}

Result<void> Db::commit() {
  if (depth_ > 1) {
    TRY(run("RELEASE tx"));
    --depth_;
    return {};
  }
  FAILPOINT("db-before-commit");
  TRY(run("COMMIT"));
  depth_ = 0;
  if (wants_sync_) {
    // An inner transaction asked for more than the outer one: a second, tiny durable write makes
    // SQLite sync the log, and with it everything written before.
    TRY(set_synchronous(true));
    TRY(script(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
  }
  FAILPOINT("db-after-commit");
  return {};
}

void Db::rollback() {
  // After a failure SQLite may have rolled back everything by itself; then there is nothing to undo
  // and the outer Tx objects find out when they step or commit.
  const bool open = sqlite3_get_autocommit(handle_) == 0;
  if (open && depth_ > 1) static_cast<void>(script("ROLLBACK TO tx; RELEASE tx"));
  if (open && depth_ == 1) static_cast<void>(script("ROLLBACK"));
  --depth_;
}

Result<Snapshot> Snapshot::begin(Db& db) {
  const bool inside = sqlite3_get_autocommit(db.handle_) == 0;
  if (!inside) TRY(db.run("BEGIN"));
  return Snapshot(inside ? nullptr : &db);
}

Snapshot::~Snapshot() {
  if (db_ != nullptr) static_cast<void>(db_->run("COMMIT"));
}

Result<Tx> Tx::begin(Db& db, Durability durability) {
  TRY(db.begin(durability));
  return Tx(db);
}

Tx::~Tx() {
  if (db_ != nullptr) db_->rollback();
}

Result<void> Tx::commit() {
  CHECK(db_ != nullptr);
  TRY(db_->commit());
  db_ = nullptr;
  return {};
}

Result<void> copy_database(const std::string& from, const std::string& to) {
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  using Handle = std::unique_ptr<sqlite3, Close>;
  const auto open = [](const std::string& path, int flags) -> Result<Handle> {
    sqlite3* raw = nullptr;
    const int opened = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_EXRESCODE, nullptr);
    Handle handle(raw);
    if (opened != SQLITE_OK)
      return fail(Errc::kIo, fmt::format("{}: {}", path, sqlite3_errstr(opened)), "check that it is there and readable");
    sqlite3_busy_timeout(raw, 5'000);
    return handle;
  };
  TRY(const Handle source, open(from, SQLITE_OPEN_READONLY));
  const mode_t old_mask = ::umask(0077);
  auto made = open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  ::umask(old_mask);
  TRY(const Handle target, std::move(made));
  sqlite3_backup* copy = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  // All at once: one read transaction, so a writer beside us cannot make it begin again.
  const int stepped = copy != nullptr ? sqlite3_backup_step(copy, -1) : SQLITE_ERROR;
  const int finished = copy != nullptr ? sqlite3_backup_finish(copy) : SQLITE_ERROR;
  if (stepped != SQLITE_DONE || finished != SQLITE_OK)
    return fail(Errc::kDatabase, fmt::format("{}: cannot be copied: {}", from, sqlite3_errmsg(target.get())),
                "free some disk space, or stop the process and try again");
  return {};
}

Result<void> expect_one(std::int64_t changed, std::string_view what) {
  if (changed == 1) return {};
  return fail(Errc::kConflict, fmt::format("{}: not in the state this move needs", what));
}

}  // namespace storage
