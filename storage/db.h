// Db, Row, Tx: SQLite behind three small classes with typed values and errors as Results.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/fixed_bytes.h"
#include "nostr/base/money.h"
#include "nostr/base/result.h"
#include "storage/enum_text.h"

struct sqlite3;
struct sqlite3_stmt;

namespace storage {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::UnixTime;

struct DbOptions {
  int cache_kib = 2048;        ///< SQLite's page cache
  int checkpoint_pages = 4000; ///< WAL pages after which a commit checkpoints
};

/// How much a commit survives. Both survive the death of the process; only kFull survives a power
/// cut from the moment commit() returned (fsync, about 0.4 ms).
enum class Durability { kNormal, kFull };

/// One prepared statement that is bound, stepped and read. Made by Db; stores use Db's templates.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}

  void bind(std::int64_t value);
  void bind(std::string_view text);
  void bind(base::ByteView blob);
  void bind(std::nullptr_t);
  void bind(UnixTime value) { bind(base::to_unix(value)); }
  void bind(Msat value) { bind(value.value); }
  void bind(const base::Bytes& value) { bind(base::ByteView{value}); }
  void bind(const std::string& value) { bind(std::string_view{value}); }
  void bind(const char* value) { bind(std::string_view{value}); }
  template <std::integral I>
  void bind(I value) {
    bind(static_cast<std::int64_t>(value));
  }
  template <class Tag, std::size_t N>
  void bind(const base::FixedBytes<Tag, N>& value) {
    bind(value.view());
  }
  template <NamedEnum E>
  void bind(E value) {
    bind(name_of(value));
  }
  template <class T>
  void bind(const std::optional<T>& value) {
    if (value) bind(*value);
    else bind(nullptr);
  }

  /// The next column as T: integers, bool, std::string, base::Bytes, FixedBytes, UnixTime, Msat,
  /// a named enum or an optional of these (NULL is nullopt). A value of another shape marks the row
  /// as damaged, which the query then returns as kDatabase.
  template <class T>
  T take() {
    T out{};
    read(out);
    return out;
  }
  /// The next column as a view that is valid until the statement steps.
  base::ByteView take_view();

  bool damaged() const { return damaged_; }

 private:
  friend class Db;
  std::int64_t read_int();
  std::string_view read_text();
  bool next_is_null() const;

  template <std::integral I>
  void read(I& out) {
    out = static_cast<I>(read_int());
  }
  void read(std::string& out) { out = read_text(); }
  void read(base::Bytes& out);
  void read(UnixTime& out) { out = base::unix_time(read_int()); }
  void read(Msat& out) { out.value = read_int(); }
  template <class Tag, std::size_t N>
  void read(base::FixedBytes<Tag, N>& out) {
    auto value = base::FixedBytes<Tag, N>::from_bytes(take_view());
    if (value) out = *value;
    else damaged_ = true;
  }
  template <NamedEnum E>
  void read(E& out) {
    auto value = enum_from<E>(read_text());
    if (value) out = *value;
    else damaged_ = true;
  }
  template <class T>
  void read(std::optional<T>& out) {
    if (next_is_null()) ++column_;
    else out = take<T>();
  }

  sqlite3_stmt* statement_;
  int parameter_ = 0;
  int column_ = 0;
  bool damaged_ = false;
};

/// The one connection to one database file. App thread only; outlives every store over it.
///
/// SQL is passed as a pointer to a constant with static storage: prepared statements are kept and
/// found again by that pointer. Only storage/ calls run, one and all.
class Db {
 public:
  /// Opens or creates `path` (":memory:" for none), takes the home's exclusive lock (kConflict when
  /// another process has it), sets WAL, foreign keys and the cache. Does not touch the schema:
  /// programs call open_database() of storage/schema.h.
  static Result<std::unique_ptr<Db>> open(const std::string& path, DbOptions options = {});
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  /// Runs one statement that yields no rows; the number of rows it changed.
  template <class... Args>
  Result<std::int64_t> run(const char* sql, const Args&... args) {
    Lease lease(*this, sql);
    if (!lease.ready()) return lease.error();
    (lease.row.bind(args), ...);
    TRY(lease.step());
    return changes();
  }

  /// The first row of a query through `read(Row&)`, or nullopt.
  template <class Read, class... Args>
  auto one(const char* sql, Read read, const Args&... args)
      -> Result<std::optional<std::invoke_result_t<Read, Row&>>> {
    std::optional<std::invoke_result_t<Read, Row&>> out;
    Lease lease(*this, sql);
    if (!lease.ready()) return lease.error();
    (lease.row.bind(args), ...);
    TRY(const bool found, lease.step());
    if (found) out.emplace(read(lease.row));
    if (lease.row.damaged()) return lease.damaged();
    return out;
  }

  /// Every row of a query through `read(Row&)`.
  template <class Read, class... Args>
  auto all(const char* sql, Read read, const Args&... args)
      -> Result<std::vector<std::invoke_result_t<Read, Row&>>> {
    std::vector<std::invoke_result_t<Read, Row&>> out;
    Lease lease(*this, sql);
    if (!lease.ready()) return lease.error();
    (lease.row.bind(args), ...);
    for (;;) {
      TRY(const bool more, lease.step());
      if (!more) return out;
      out.push_back(read(lease.row));
      if (lease.row.damaged()) return lease.damaged();
    }
  }

  /// Runs a script of several statements without parameters (migrations).
  Result<void> script(const char* sql);
  /// Row id of the last INSERT.
  std::int64_t last_rowid() const;
  bool in_transaction() const { return depth_ > 0; }
  const std::string& path() const { return path_; }

  /// The query plan of every statement prepared so far: {sql, detail lines}. For the test that
  /// refuses full scans.
  struct Plan {
    std::string sql;
    std::vector<std::string> steps;
  };
  Result<std::vector<Plan>> plans();

 private:
  friend class Tx;
  friend class Snapshot;

  /// A prepared statement taken from the cache for one use and put back reset.
  struct Lease {
    Lease(Db& owner, const char* text);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    bool ready() const { return row.statement_ != nullptr; }
    std::unexpected<base::Error> error() const { return owner.last_error(sql); }
    std::unexpected<base::Error> damaged() const;
    Result<bool> step();  ///< true: a row is there

    Db& owner;
    const char* sql;
    Row row;
  };

  struct Cache;
  Db();
  std::unexpected<base::Error> last_error(std::string_view what) const;
  std::int64_t changes() const;
  Result<void> begin(Durability durability);
  Result<void> commit();
  void rollback();
  Result<void> set_synchronous(bool full);

  std::string path_;
  sqlite3* handle_ = nullptr;
  int lock_fd_ = -1;
  int depth_ = 0;              ///< open Tx objects, outermost first
  bool full_level_ = false;    ///< the connection's level now: FULL or NORMAL
  bool synced_ = false;        ///< the open transaction commits with synchronous=FULL
  bool wants_sync_ = false;    ///< an inner Tx asked for kFull inside a kNormal one
  std::unique_ptr<Cache> cache_;
};

/// A transaction that rolls back unless commit() succeeded. Tx objects nest (strictly, last in
/// first out): an inner one is a savepoint, and its kFull makes the outermost commit durable.
/// Never alive across a co_await.
class Tx {
 public:
  static Result<Tx> begin(Db& db, Durability durability);
  Tx(Tx&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Tx& operator=(Tx&&) = delete;
  ~Tx();
  /// Makes the changes since begin permanent (or part of the outer transaction).
  Result<void> commit();

 private:
  explicit Tx(Db& db) : db_(&db) {}
  Db* db_;
};

/// Several reads as one: what they see does not change in between, and the file is locked once instead
/// of once a statement, which shows in the profile of small queries. Nothing is written while it
/// lives; inside a Tx it is that Tx. Never alive across a co_await.
class Snapshot {
 public:
  static Result<Snapshot> begin(Db& db);
  Snapshot(Snapshot&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(Db* db) : db_(db) {}
  Db* db_;  ///< nullptr: nothing to end
};

/// A consistent copy of the database at `from`, which a process may have open, as a new file `to`, mode
/// 0600. kNotFound, kIo or kDatabase.
Result<void> copy_database(const std::string& from, const std::string& to);

/// kConflict naming `what` unless exactly one row was changed: how one-way states move.
Result<void> expect_one(std::int64_t changed, std::string_view what);

}  // namespace storage
