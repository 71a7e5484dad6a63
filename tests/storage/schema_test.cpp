// Migrations: from nothing, step by step, never from the future.
#include "storage/schema.h"

#include <fmt/format.h>

#include "nostr/crypto/hash.h"
#include "storage/migrations/migrations.h"
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
  EXPECT_EQ(static_cast<std::size_t>(expected - 1), migration_files().size());
}

// Homes in the field were made by these bytes. A new migration adds a line; no line ever changes.
TEST(SchemaTest, AReleasedMigrationNeverChanges) {
  const std::vector<std::pair<std::string_view, std::string_view>> released{
      {"/001_events.sql", "ea8514830f6c624a791dd5071ddce4f73fe37d9fab0891754c6719dcae74bf9c"},
      {"/002_messages.sql", "498e80cb14e6a06e24a5c5286ecb2659fcad9bf089c39389e38b91e53f3f03b3"},
      {"/003_approvals.sql", "73120ed5c4e1fee266fdd8131bc031d55da598feac9c1021f94607a84d89458f"},
      {"/004_co_signing.sql", "4ac8ae6ad2a0f1d7bc38fe9c3c30ce3e4e2a3ec7a5ee8a34d3b8457ed9fe119f"},
      {"/005_agents_at_work.sql",
       "e03e8ba0cdbabbee9df672f8a503b6e9527938effca9998a0648d65835bcfb54"},
      {"/006_co_signer_limits.sql",
       "99770290921137f576fc2c538e1dc535457e3e73526f15aaebcedd12ad4c2153"},
      {"/007_drafts_and_retries.sql",
       "bf15c3a0afb217380cbd119ba695e36d7a7ea041e590a37299499632d743b319"},
      {"/008_requests_to_vanish.sql",
       "52a6ff64eee2d5e2f4e5e3f6e92648d52a3bbfdb0676484a2ea595cea370a272"},
      {"/009_relay_health.sql", "53e721ea1c709db072682e5c162fcdcbf954fca6fc595d7077b5562b1ebeaddd"},
      {"/010_grants_pins_and_todos.sql",
       "235e034317f56d40cc2123d1fa4395cc3f1c58ec38a4fc54de030ec188fa5f9a"},
      {"/011_payments_and_jobs.sql",
       "b630cfdcb4869631029e56dea9ab0fbc3996d61f7bfb6b00e6cc2a9a36adb13f"},
      {"/012_bunker.sql", "d18be25181f840b6d19c42b2f6747c2f46f9d7cbf7392ad843e14326abaf13f3"},
      {"/013_licences.sql", "cb2b4bb5150bfcc850886a678539f17f5dc43b99234a21ba4d1a4909797bfc93"},
      {"/014_answers.sql", "d66b2cf5a62d6d019fcc96c16237cda7f336fe6921b0792b2de211266dd1e419"},
      {"/015_tasks.sql", "6def345fbca04be23e133dde793418c74153850c9f9f783c6d58e28d41981d67"},
      {"/016_issues.sql", "3ad20b602c82c7c81cc98fbc7b5b1685c130374a0a6ff98f99c932f618ca46ae"},
      {"/017_orders.sql", "b890993a7d0328092af5b831c668b73ed188dfe3c39ec618fffd9b3ecfb2a3d2"},
      {"/018_trade.sql", "a232a2fdd498bed207e81f81eba95a30337781f5a832fc46a831d01f5bb2ef62"},
      {"/019_tool_outputs.sql", "8e59bdbf17e3ffe34e12360415c6ed5b99d5f171080d0f2beea5fe5e7f24280b"},
      {"/020_whose_purchase.sql",
       "cef716bac0b0522759f3aa600788d88259e679ef3c5fe794d124054396ac4a95"},
      {"/021_goal_reports.sql", "40e2934324a0f79a3b9454da30790caac0ae185d6fb4dacc6c4e58a3aade21bf"},
      {"/022_task_order.sql", "bc8ce02ef1ec5e791d9a43be8284ff9d8a50a515bd0a66d0ed89172c13d38a4f"},
      {"/023_errands.sql", "900e07eaec00c736885efcd1d35ccaa7ec439c95e24d98efe328bc1c2e8ab820"},
  };
  const auto files = migration_files();
  ASSERT_EQ(files.size(), released.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].path, released[i].first);
    EXPECT_TRUE(files[i].path.starts_with(fmt::format("/{:03}_", i + 1))) << files[i].path;
    EXPECT_EQ(nostr::sha256(files[i].bytes).hex(), released[i].second) << files[i].path;
  }
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
