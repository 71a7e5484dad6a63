// Db, Tx and Row: rollback, nesting, durability, the home's lock, damaged rows.
#include "storage/db.h"

#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::must;
using testing::named;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr const char* kMake = "CREATE TABLE t (a INTEGER, b TEXT, c BLOB) STRICT";
constexpr const char* kInsert = "INSERT INTO t (a, b, c) VALUES (?,?,?)";
constexpr const char* kCount = "SELECT count(*) FROM t";
constexpr const char* kRead = "SELECT a, b, c FROM t";

std::int64_t rows(Db& db) {
  return *must(db.one(kCount, [](Row& r) { return r.take<std::int64_t>(); }));
}

class DbTest : public StorageTest {
 protected:
  DbTest() { must(db_->script(kMake)); }
  void insert(int a) { must(db_->run(kInsert, a, "text", nullptr)); }
};

TEST_F(DbTest, TypedValuesSurviveTheRoundTrip) {
  const auto id = named<nostr::EventId>("x");
  must(db_->run("INSERT INTO t (a, b, c) VALUES (?,?,?)", unix_time(1'700'000'000), "", id));
  const auto row = must(db_->one(kRead, [](Row& r) {
    return std::tuple{r.take<UnixTime>(), r.take<std::optional<std::string>>(),
                      r.take<nostr::EventId>()};
  }));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(std::get<0>(*row), unix_time(1'700'000'000));
  EXPECT_EQ(std::get<1>(*row), "") << "an empty text is not NULL";
  EXPECT_EQ(std::get<2>(*row), id);
}

TEST_F(DbTest, NullReadsAsNulloptAndOnlyThere) {
  must(db_->run(kInsert, std::optional<int>{}, std::optional<std::string>{}, nullptr));
  const auto row =
      must(db_->one(kRead, [](Row& r) { return r.take<std::optional<std::int64_t>>(); }));
  EXPECT_FALSE(row->has_value());
  EXPECT_EQ(errc_of(db_->one(kRead, [](Row& r) { return r.take<std::int64_t>(); })),
            Errc::kDatabase);
}

TEST_F(DbTest, ARowOfAnotherShapeIsDamageNotAValue) {
  must(db_->run(kInsert, 1, "word", base::Bytes{1, 2, 3}));
  EXPECT_EQ(errc_of(db_->all("SELECT c FROM t", [](Row& r) { return r.take<nostr::EventId>(); })),
            Errc::kDatabase);
}

TEST_F(DbTest, ATransactionRollsBackUnlessCommitted) {
  {
    const Tx tx = must(Tx::begin(*db_, Durability::kFull));
    insert(1);
  }
  EXPECT_EQ(rows(*db_), 0);
  {
    Tx tx = must(Tx::begin(*db_, Durability::kNormal));
    insert(1);
    must(tx.commit());
  }
  EXPECT_EQ(rows(*db_), 1);
  EXPECT_FALSE(db_->in_transaction());
}

TEST_F(DbTest, AnInnerTransactionRollsBackAlone) {
  Tx outer = must(Tx::begin(*db_, Durability::kNormal));
  insert(1);
  {
    const Tx inner = must(Tx::begin(*db_, Durability::kFull));
    insert(2);
  }
  {
    Tx inner = must(Tx::begin(*db_, Durability::kFull));
    insert(3);
    must(inner.commit());
  }
  must(outer.commit());
  EXPECT_EQ(rows(*db_), 2);
}

TEST_F(DbTest, AnOuterRollbackTakesCommittedInnerOnesAlong) {
  {
    const Tx outer = must(Tx::begin(*db_, Durability::kNormal));
    Tx inner = must(Tx::begin(*db_, Durability::kFull));
    insert(1);
    must(inner.commit());
  }
  EXPECT_EQ(rows(*db_), 0);
}

TEST_F(DbTest, OneStatementMayRunInsideItsOwnResult) {
  insert(1);
  insert(2);
  const auto counts = must(db_->all(kRead, [this](Row&) {
    return must(db_->all(kRead, [](Row& r) { return r.take<std::int64_t>(); })).size();
  }));
  EXPECT_EQ(counts, (std::vector<std::size_t>{2, 2}));
}

TEST_F(DbTest, ConstraintsAreConflicts) {
  must(db_->script("CREATE UNIQUE INDEX u ON t (a)"));
  insert(1);
  EXPECT_EQ(errc_of(db_->run(kInsert, 1, "", nullptr)), Errc::kConflict);
}

TEST_F(DbTest, ASecondOpenerOfAHomeIsRefusedWithAHint) {
  const auto second = Db::open(home_.path());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_NE(second.error().hint.find("--home"), std::string::npos);
  const int status = run_in_child([this] { ::_exit(Db::open(home_.path()).has_value() ? 1 : 0); });
  EXPECT_EQ(WEXITSTATUS(status), 0);
  reopen();  // the lock goes with the object
}

TEST_F(DbTest, TheFileIsItsOwnersAlone) {
  const auto mode = std::filesystem::status(home_.path()).permissions();
  EXPECT_EQ(mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
}

TEST(DbOpenTest, AMissingDirectoryIsNamed) {
  const auto db = Db::open("/nonexistent/sovereign.db");
  EXPECT_EQ(errc_of(db), Errc::kIo);
}

TEST(DbOpenTest, AFileThatIsNoDatabaseIsRefused) {
  const TempHome home;
  {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(home.path().c_str(), "w"),
                                                         std::fclose);
    std::fputs("this is a text file, and long enough to be looked at as a database header",
               file.get());
  }
  EXPECT_EQ(errc_of(open_database(home.path())), Errc::kDatabase);
}

TEST(DbCrashTest, WhatWasCommittedSurvivesAKillAndNothingElse) {
  const TempHome home;
  const int status = run_in_child([&] {
    auto db = home.open();
    must(db->script(kMake));
    Tx tx = must(Tx::begin(*db, Durability::kFull));
    must(db->run(kInsert, 1, "kept", nullptr));
    must(tx.commit());
    const Tx lost = must(Tx::begin(*db, Durability::kFull));
    must(db->run(kInsert, 2, "lost", nullptr));
    std::raise(SIGKILL);
  });
  ASSERT_TRUE(was_killed(status));
  auto db = home.open();
  EXPECT_EQ(rows(*db), 1);
}

}  // namespace
}  // namespace storage
