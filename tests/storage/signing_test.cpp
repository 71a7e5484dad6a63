// Nonce ledger, replay cache, audit chain and the co-signer's memory.
#include "storage/audit.h"
#include "storage/cosign_log.h"
#include "storage/nonces.h"
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

constexpr UnixTime kNow = unix_time(1'000'000);
constexpr base::seconds kSecond{1};

using NoncesTest = StorageTest;

TEST_F(NoncesTest, ACodeSignsOnce) {
  NonceLedger ledger(*db_);
  must(ledger.add(NonceSide::kIssued, 2, {"aa", "bb"}, kNow));
  must(ledger.mark_spent(NonceSide::kIssued, 2, "aa", "sid", "hash", kNow));
  EXPECT_EQ(errc_of(ledger.mark_spent(NonceSide::kIssued, 2, "aa", "sid", "hash", kNow)),
            Errc::kConflict);
  EXPECT_EQ(errc_of(ledger.mark_void(NonceSide::kIssued, 2, "aa", kNow)), Errc::kConflict);
  const auto row = must(ledger.find(NonceSide::kIssued, 2, "aa"));
  EXPECT_EQ(row->state, NonceState::kSpent);
  EXPECT_EQ(row->sighash, "hash");
  EXPECT_EQ(must(ledger.count(NonceSide::kIssued, 2, NonceState::kReady)), 1);
}

TEST_F(NoncesTest, OnlyCodesWeKnowFromThatPeerSign) {
  NonceLedger ledger(*db_);
  must(ledger.add(NonceSide::kIssued, 2, {"aa"}, kNow));
  EXPECT_EQ(errc_of(ledger.mark_spent(NonceSide::kIssued, 3, "aa", "", "", kNow)), Errc::kConflict);
  EXPECT_EQ(errc_of(ledger.mark_spent(NonceSide::kReceived, 2, "aa", "", "", kNow)),
            Errc::kConflict);
  EXPECT_EQ(errc_of(ledger.mark_spent(NonceSide::kIssued, 2, "zz", "", "", kNow)), Errc::kConflict);
}

TEST_F(NoncesTest, ACodeThatWasEverSeenIsNotTakenAgain) {
  NonceLedger ledger(*db_);
  must(ledger.add(NonceSide::kReceived, 2, {"aa"}, kNow));
  must(ledger.mark_void(NonceSide::kReceived, 2, "aa", kNow));
  EXPECT_EQ(errc_of(ledger.add(NonceSide::kReceived, 2, {"cc", "aa"}, kNow)), Errc::kConflict);
  EXPECT_FALSE(must(ledger.find(NonceSide::kReceived, 2, "cc")).has_value()) << "all or none";
}

TEST_F(NoncesTest, ABootVoidsEveryReadyCodeAndKeepsTheSpentOnes) {
  must(NonceLedger(*db_).add(NonceSide::kIssued, 2, {"aa", "bb"}, kNow));
  must(NonceLedger(*db_).add(NonceSide::kReceived, 3, {"cc"}, kNow));
  must(NonceLedger(*db_).mark_spent(NonceSide::kIssued, 2, "aa", "s", "h", kNow));
  reopen();
  NonceLedger ledger(*db_);
  EXPECT_EQ(must(ledger.void_all(kNow)), 2);
  EXPECT_EQ(errc_of(ledger.mark_spent(NonceSide::kIssued, 2, "bb", "", "", kNow)), Errc::kConflict);
  EXPECT_EQ(must(ledger.purge_void(kNow + kSecond, 100)), 2);
  EXPECT_EQ(must(ledger.find(NonceSide::kIssued, 2, "aa"))->state, NonceState::kSpent);
}

TEST_F(NoncesTest, OnePeersCodesAreVoidedAlone) {
  NonceLedger ledger(*db_);
  must(ledger.add(NonceSide::kReceived, 2, {"aa"}, kNow));
  must(ledger.add(NonceSide::kReceived, 3, {"aa"}, kNow));
  EXPECT_EQ(must(ledger.void_peer(NonceSide::kReceived, 2, kNow)), 1);
  EXPECT_EQ(must(ledger.count(NonceSide::kReceived, 3, NonceState::kReady)), 1);
}

TEST(NoncesCrashTest, ASpentNonceIsSpentAfterAKill) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  const TempHome home;
  const int status = run_in_child([&] {
    auto db = home.open();
    must(NonceLedger(*db).add(NonceSide::kIssued, 2, {"aa"}, kNow));
    ::setenv("SOVEREIGN_FAILPOINT", "nonce-spent", 1);
    must(NonceLedger(*db).mark_spent(NonceSide::kIssued, 2, "aa", "s", "h", kNow));
  });
  ASSERT_TRUE(was_killed(status));
  auto db = home.open();
  EXPECT_EQ(errc_of(NonceLedger(*db).mark_spent(NonceSide::kIssued, 2, "aa", "s", "h2", kNow)),
            Errc::kConflict);
}

TEST_F(NoncesTest, ARequestIsAnsweredOnceUntilItIsForgotten) {
  ReplayCache replays(*db_);
  const auto author = named<nostr::PublicKey>("peer");
  EXPECT_TRUE(must(replays.remember(author, "r1", kNow, kNow + kSecond)));
  EXPECT_FALSE(must(replays.remember(author, "r1", kNow, kNow + kSecond)));
  EXPECT_TRUE(must(replays.remember(named<nostr::PublicKey>("other"), "r1", kNow, kNow + kSecond)));
  EXPECT_FALSE(must(replays.remember(author, "r1", kNow + kSecond, kNow + 9 * kSecond)));
  EXPECT_TRUE(must(replays.remember(author, "r1", kNow + 2 * kSecond, kNow + 9 * kSecond)));
  EXPECT_EQ(must(replays.purge(kNow + 5 * kSecond)), 1);
}

// --- audit
// -------------------------------------------------------------------------------------------

using AuditTest = StorageTest;

AuditEntry entry(int i) {
  return {.time = kNow + i * kSecond,
          .requester = "1",
          .kind = "sign",
          .digest = named<nostr::Sha256>("d"),
          .verdict = i % 2 ? "signed" : "refused",
          .reason = "because",
          .event_id = std::nullopt};
}

TEST_F(AuditTest, RowsChainAndVerify) {
  for (int i = 0; i < 5; ++i) must(AuditLog(*db_).append(entry(i)));
  reopen();
  EXPECT_EQ(must(AuditLog(*db_).append(entry(5))).seq, 6);
  EXPECT_EQ(must(AuditLog(*db_).verify()), 6);
  const auto tail = must(AuditLog(*db_).tail(2));
  EXPECT_EQ(tail[0].seq, 6);
  EXPECT_EQ(tail[0].prev, tail[1].hash);
}

TEST_F(AuditTest, TheDatabaseRefusesToRewriteIt) {
  must(AuditLog(*db_).append(entry(0)));
  EXPECT_FALSE(db_->run("UPDATE audit SET verdict = 'signed'").has_value());
  EXPECT_FALSE(db_->run("DELETE FROM audit").has_value());
}

TEST_F(AuditTest, TamperingAroundTheTriggersIsFound) {
  for (int i = 0; i < 3; ++i) must(AuditLog(*db_).append(entry(i)));
  must(db_->script("DROP TRIGGER audit_keeps; UPDATE audit SET reason = 'other' WHERE seq = 2"));
  const auto verdict = AuditLog(*db_).verify();
  ASSERT_EQ(errc_of(verdict), Errc::kCrypto);
  EXPECT_NE(verdict.error().detail.find("row 2"), std::string::npos);
}

TEST_F(AuditTest, AMissingRowIsFound) {
  for (int i = 0; i < 3; ++i) must(AuditLog(*db_).append(entry(i)));
  must(db_->script("DROP TRIGGER audit_stays; DELETE FROM audit WHERE seq = 1"));
  EXPECT_EQ(errc_of(AuditLog(*db_).verify()), Errc::kCrypto);
}

TEST_F(AuditTest, RowsThatChangedPlacesAreFound) {
  for (int i = 0; i < 4; ++i) must(AuditLog(*db_).append(entry(i)));
  must(db_->script("DROP TRIGGER audit_keeps; UPDATE audit SET seq = 99 WHERE seq = 2;"
                   "UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 99"));
  const auto verdict = AuditLog(*db_).verify();
  ASSERT_EQ(errc_of(verdict), Errc::kCrypto);
  EXPECT_NE(verdict.error().detail.find("row 2"), std::string::npos);
}

TEST_F(AuditTest, OnlyAnAnchorShowsThatTheTailWasCutOff) {
  AuditLog log(*db_);
  for (int i = 0; i < 5; ++i) must(log.append(entry(i)));
  const AuditHead elsewhere = must(log.head());
  EXPECT_EQ(elsewhere.seq, 5);
  must(db_->script("DROP TRIGGER audit_stays; DELETE FROM audit WHERE seq > 3"));
  EXPECT_EQ(must(log.verify()), 3) << "a shorter chain is whole in itself";
  EXPECT_EQ(errc_of(log.check_anchor(elsewhere)), Errc::kCrypto);
  must(log.append(entry(7)));
  must(log.append(entry(8)));
  EXPECT_EQ(errc_of(log.check_anchor(elsewhere)), Errc::kCrypto) << "written anew";
  must(log.check_anchor(must(log.head())));
}

TEST_F(AuditTest, AnchorsKeptHereAreHeldAgainstTheChain) {
  AuditLog log(*db_);
  for (int i = 0; i < 5; ++i) must(log.append(entry(i)));
  must(log.add_anchor({must(log.head()), kNow, "{}"}));
  EXPECT_EQ(must(log.anchors()).size(), 1u);
  EXPECT_EQ(must(log.verify()), 5);
  EXPECT_FALSE(db_->run("DELETE FROM audit_anchors").has_value());
  EXPECT_FALSE(db_->run("UPDATE audit_anchors SET seq = 1").has_value());
  must(db_->script("DROP TRIGGER audit_stays; DELETE FROM audit WHERE seq > 4"));
  EXPECT_EQ(errc_of(log.verify()), Errc::kCrypto);
}

// --- co-signer's memory
// ------------------------------------------------------------------------------

using CosignLogTest = StorageTest;

TEST_F(CosignLogTest, UsesAreCountedOncePerReferenceWithinTheWindow) {
  CosignLog log(*db_);
  must(log.add_use("kind:1", "e1", kNow));
  must(log.add_use("kind:1", "e1", kNow + kSecond));
  must(log.add_use("kind:1", "e2", kNow + kSecond));
  must(log.add_use("kind:7", "e1", kNow));
  EXPECT_EQ(must(log.uses_since("kind:1", kNow)), 2);
  EXPECT_EQ(must(log.uses_since("kind:1", kNow + kSecond)), 1);
  EXPECT_EQ(must(log.uses_since("kind:1", kNow, "e2")), 1)
      << "a retry does not count against itself";
  EXPECT_EQ(must(log.purge_uses(kNow + kSecond)), 2);
}

TEST_F(CosignLogTest, AHeadOnlyMovesForward) {
  CosignLog log(*db_);
  const Address address{
      .kind = 39201, .pubkey = named<PublicKey>("agent"), .d = "state:with:colons"};
  EXPECT_FALSE(must(log.head(address)).has_value());
  EXPECT_TRUE(must(log.advance_head(address, {named<EventId>("a"), kNow})));
  EXPECT_FALSE(must(log.advance_head(address, {named<EventId>("b"), kNow - kSecond})));
  EXPECT_TRUE(must(log.advance_head(address, {named<EventId>("c"), kNow + kSecond})));
  reopen();
  EXPECT_EQ(must(CosignLog(*db_).head(address))->id, named<EventId>("c"));
}

TEST_F(CosignLogTest, ATickBindsOneEventAcrossRestarts) {
  EXPECT_EQ(must(CosignLog(*db_).bind("tick-state", "t1", named<EventId>("a"), kNow)),
            named<EventId>("a"));
  reopen();
  CosignLog log(*db_);
  EXPECT_EQ(must(log.bind("tick-state", "t1", named<EventId>("b"), kNow)), named<EventId>("a"));
  EXPECT_EQ(must(log.bind("tick-state", "t1", named<EventId>("a"), kNow)), named<EventId>("a"));
  EXPECT_FALSE(must(log.bound("tick-state", "t2")).has_value());
}

TEST_F(CosignLogTest, SpendingCountsAnEventOnceAndWithoutTheOneThatIsJudged) {
  CosignLog log(*db_);
  const auto a = named<EventId>("a");
  must(log.add_spending(a, Msat{700}, kNow));
  must(log.add_spending(a, Msat{700}, kNow + kSecond));
  must(log.add_spending(named<EventId>("b"), Msat{300}, kNow + kSecond));
  reopen();
  CosignLog again(*db_);
  EXPECT_EQ(must(again.spent_since(kNow, {})), Msat{1'000});
  EXPECT_EQ(must(again.spent_since(kNow, a)), Msat{300});
  EXPECT_EQ(must(again.spent_since(kNow + kSecond, {})), Msat{300}) << "from the very second on";
  must(again.add_spending(named<EventId>("c"), base::kMaxMsat, kNow));
  EXPECT_EQ(must(again.spent_since(kNow, {})), base::kMaxMsat) << "no overflow";
  EXPECT_EQ(must(again.purge_spending(kNow + kSecond)), 2);
}

}  // namespace
}  // namespace storage
