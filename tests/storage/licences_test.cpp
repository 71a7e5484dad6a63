// Licences: what a co-signer counted stays counted, and a holding is found again after a restart.
#include "storage/holdings.h"
#include "storage/issued_licences.h"
#include "storage/licence_uses.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::make_event;
using testing::must;
using testing::named;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;

constexpr UnixTime kNow = unix_time(86'400'000);

using Licences = StorageTest;

TEST_F(Licences, AUseCountsOnceAndForEver) {
  LicenceUses uses(*db_);
  must(uses.add("l", "tick-1", kNow));
  must(uses.add("l", "tick-1", kNow + std::chrono::hours(1)));
  must(uses.add("l", "tick-2", kNow + std::chrono::hours(1)));
  must(uses.add("other", "tick-1", kNow));
  const LicenceCount count = must(uses.count("l", "tick-1", kNow + std::chrono::minutes(1)));
  EXPECT_EQ(count.uses, 2);
  EXPECT_EQ(count.since, 1);
  EXPECT_TRUE(count.counted);
  EXPECT_FALSE(must(uses.count("l", "tick-3", kNow)).counted);
}

TEST_F(Licences, AnIssuedOneIsReplacedByItsRevocation) {
  IssuedLicences issued(*db_);
  const auto agent = named<PublicKey>("agent");
  const auto first = make_event("market", 39220, 1, {{"d", "l"}});
  must(issued.add({.id = "l", .agent = agent, .receiver = agent, .slug = "echo", .licence = first,
                   .delivery = "{}", .created = kNow}));
  const auto second = make_event("market", 39220, 2, {{"d", "l"}});
  must(issued.replace("l", second, true, kNow));
  EXPECT_EQ(must(issued.get("l"))->licence.id, second.id);
  EXPECT_TRUE(must(issued.get("l"))->revoked);
  EXPECT_EQ(testing::errc_of(issued.replace("none", second, true, kNow)), Errc::kConflict);
  EXPECT_EQ(must(issued.list(10)).size(), 1u);
}

TEST_F(Licences, ALongBodyIsKeptAsItCame) {
  Holdings holdings(*db_);
  const auto hash = named<nostr::Sha256>("blob");
  EXPECT_FALSE(must(holdings.has_blob(hash)));
  EXPECT_FALSE(must(holdings.blob(hash)));
  const base::Bytes bytes{1, 2, 0, 3};
  must(holdings.put_blob(hash, bytes));
  must(holdings.put_blob(hash, bytes));
  EXPECT_TRUE(must(holdings.has_blob(hash)));
  EXPECT_EQ(must(holdings.blob(hash)), bytes);
}

TEST_F(Licences, HoldingsAndWhatATickUses) {
  Holdings holdings(*db_);
  const auto event = make_event("market", 39220, 1, {{"d", "l"}});
  HoldingRow row{.licence = "l", .skill = "s", .slug = "echo", .version = "1.0.0", .event = event,
                 .delivery = "{}", .provider = named<PublicKey>("p"), .received = kNow};
  must(holdings.put(row));
  row.delivery = "{\"again\":1}";
  must(holdings.put(row));
  EXPECT_EQ(must(holdings.get("l"))->delivery, row.delivery);
  must(holdings.add_load("tick", "b"));
  must(holdings.add_load("tick", "a"));
  must(holdings.add_load("tick", "b"));
  EXPECT_EQ(must(holdings.loads("tick")), (std::vector<std::string>{"b", "a"}));
}

}  // namespace
}  // namespace storage
