// Migrations: from nothing, step by step, never from the future.
#include "storage/schema.h"

#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::must;
using testing::TempHome;

std::int64_t version(Db& db) {
  return *must(db.one("PRAGMA user_version", [](Row& r) { return r.take<std::int64_t>(); }));
}

TEST(SchemaTest, VersionsCountFromOneWithoutGaps) {
  int expected = 1;
  for (const Migration& step : migrations()) EXPECT_EQ(step.version, expected++);
}

TEST(SchemaTest, AnEmptyFileBecomesTheNewestVersion) {
  const TempHome home;
  auto db = must(Db::open(home.path()));
  EXPECT_EQ(version(*db), 0);
  must(migrate(*db));
  EXPECT_EQ(version(*db), migrations().back().version);
  must(migrate(*db));  // nothing left to do
}

TEST(SchemaTest, EveryOlderVersionMigratesAndKeepsItsRows) {
  for (std::size_t have = 2; have < migrations().size(); ++have) {
    const TempHome home;
    auto db = must(Db::open(home.path()));
    must(migrate(*db, migrations().first(have)));
    must(db->run("INSERT INTO kv (key, value) VALUES ('k', 'v')"));
    must(migrate(*db));
    EXPECT_EQ(version(*db), migrations().back().version);
    EXPECT_EQ(must(db->one("SELECT value FROM kv", [](Row& r) { return r.take<std::string>(); })),
              "v");
  }
}

TEST(SchemaTest, ANewerDatabaseIsRefusedWithAHint) {
  const TempHome home;
  {
    auto db = home.open();
    must(db->script("PRAGMA user_version = 1000"));
  }
  const auto db = open_database(home.path());
  ASSERT_FALSE(db.has_value());
  EXPECT_EQ(db.error().code, Errc::kUnsupported);
  EXPECT_FALSE(db.error().hint.empty());
}

TEST(SchemaTest, AFailingStepLeavesTheVersionBefore) {
  const TempHome home;
  auto db = must(Db::open(home.path()));
  const std::array<Migration, 2> steps{
      Migration{1, "CREATE TABLE a (x INTEGER) STRICT"},
      Migration{2, "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT"}};
  EXPECT_FALSE(migrate(*db, steps).has_value());
  EXPECT_EQ(version(*db), 1);
  const auto tables = must(db->all("SELECT name FROM sqlite_master WHERE type = 'table'",
                                   [](Row& r) { return r.take<std::string>(); }));
  EXPECT_EQ(tables, (std::vector<std::string>{"a"}));
}

TEST(SchemaTest, EveryTableIsStrict) {
  const TempHome home;
  auto db = home.open();
  const auto loose =
      must(db->all("SELECT name FROM pragma_table_list WHERE schema = 'main' "
                   "AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
                   [](Row& r) { return r.take<std::string>(); }));
  EXPECT_TRUE(loose.empty()) << loose.front();
}

}  // namespace
}  // namespace storage
