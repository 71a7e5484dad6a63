// Nonce custody: pairs leave once, codes move once, lost batches are replaced, everything is
// bounded.
#include "frostr/nonce_pool.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;
using testing::Party;

constexpr ShareIndex kPeer{1};

class NoncePoolTest : public ::testing::Test {
 protected:
  NoncePoolTest() : party_(cast_, 2, cast_.policy()) {}
  std::vector<WireNonce> top_up(std::optional<std::size_t> held = std::nullopt) {
    return must(party_.nonces.top_up(kPeer, held, kNow));
  }
  Cast cast_;
  Party party_;
  NoncePoolOptions options_;
};

TEST_F(NoncePoolTest, FillsToItsSizeAndWaitsForTheLowWater) {
  const auto first = top_up();
  EXPECT_EQ(first.size(), options_.size);
  EXPECT_TRUE(top_up().empty());
  for (std::size_t i = 0; i <= options_.size - options_.low_water; ++i)
    must(party_.nonces.discard(kPeer, first[i].code, kNow));
  EXPECT_EQ(top_up().size(), options_.size - options_.low_water + 1);
}

TEST_F(NoncePoolTest, ALostBatchIsReplacedWithinABound) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(top_up(0).size(), options_.size);
  EXPECT_EQ(party_.nonces.issued(kPeer), 2 * options_.size);
  EXPECT_EQ(must(party_.ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kVoid)),
            static_cast<std::int64_t>(3 * options_.size));
}

TEST_F(NoncePoolTest, TheHoldersListTellsLostFromUnusedOnceNothingIsOnItsWay) {
  const auto batch = top_up();
  std::vector<std::string> held;
  for (std::size_t i = 0; i < 3; ++i) held.push_back(batch[i].code.hex().substr(0, 16));
  must(party_.nonces.reconcile(kPeer, held, kNow + options_.in_transit));
  EXPECT_EQ(party_.nonces.issued(kPeer), options_.size) << "the rest may still be on its way";
  const UnixTime later = kNow + options_.in_transit + base::seconds(1);
  must(party_.nonces.reconcile(kPeer, held, later));
  EXPECT_EQ(party_.nonces.issued(kPeer), 3U);
  EXPECT_NE(party_.nonces.find(kPeer, batch[0].code), nullptr);
  EXPECT_EQ(must(party_.ledger.find(storage::NonceSide::kIssued, 1, batch[5].code.hex()))->state,
            storage::NonceState::kVoid);
  EXPECT_EQ(must(party_.nonces.top_up(kPeer, std::nullopt, later)).size(), options_.size - 3);
  must(party_.nonces.reconcile(kPeer, std::vector<std::string>{""}, later + base::seconds(60)));
  EXPECT_EQ(party_.nonces.issued(kPeer), 0U) << "no digits stand for no code";
}

TEST_F(NoncePoolTest, APeerThatHasRestartedStartsAnew) {
  const auto batch = top_up();
  must(party_.nonces.forget_issued(kPeer, kNow));
  EXPECT_EQ(party_.nonces.find(kPeer, batch[0].code), nullptr);
  EXPECT_EQ(top_up().size(), options_.size);
}

TEST_F(NoncePoolTest, WhatIsOlderThanTheCodeInUseCountsAsLost) {
  top_up();  // never arrived
  const auto second = top_up(0);
  EXPECT_EQ(party_.nonces.issued_after(kPeer, second.front().code), options_.size - 1);
  EXPECT_EQ(party_.nonces.issued_after(kPeer, second.back().code), 0U);
  EXPECT_EQ(party_.nonces.issued_after(ShareIndex{3}, second.back().code), 0U);
}

TEST_F(NoncePoolTest, APairIsTakenOnceAndByItsOwnerOnly) {
  const auto nonce = top_up().front();
  const auto take = [&](ShareIndex from) {
    return party_.nonces.take(from, nonce.code, SessionId{}, nostr::sha256("m"), kNow);
  };
  EXPECT_EQ(take(ShareIndex{3}).error().code, base::Errc::kConflict);
  const auto pair = take(kPeer);
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->commitment(), nonce.commitment);
  EXPECT_EQ(party_.nonces.find(kPeer, nonce.code), nullptr);
  EXPECT_EQ(take(kPeer).error().code, base::Errc::kConflict);
  const auto row = must(party_.ledger.find(storage::NonceSide::kIssued, 1, nonce.code.hex()));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->state, storage::NonceState::kSpent);
}

TEST_F(NoncePoolTest, DiscardingVoidsAndIsHarmlessTwice) {
  const auto nonce = top_up().front();
  must(party_.nonces.discard(kPeer, nonce.code, kNow));
  must(party_.nonces.discard(kPeer, nonce.code, kNow));
  EXPECT_EQ(must(party_.ledger.find(storage::NonceSide::kIssued, 1, nonce.code.hex()))->state,
            storage::NonceState::kVoid);
}

TEST_F(NoncePoolTest, AnotherProcessVoidsWhatItFinds) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "nonce_pool_restart.db";
  std::filesystem::remove(path);
  std::vector<WireNonce> issued;
  {
    Party earlier(cast_, 2, cast_.policy(), nullptr, path);
    issued = must(earlier.nonces.top_up(kPeer, std::nullopt, kNow));
    must(earlier.nonces.take(kPeer, issued[0].code, SessionId{}, nostr::sha256("m"), kNow));
  }
  Party later(cast_, 2, cast_.policy(), nullptr, path);
  EXPECT_EQ(must(later.nonces.forget_earlier(kNow)), static_cast<std::int64_t>(options_.size - 1));
  EXPECT_EQ(must(later.ledger.find(storage::NonceSide::kIssued, 1, issued[0].code.hex()))->state,
            storage::NonceState::kSpent);
  for (const WireNonce& nonce : issued)
    EXPECT_FALSE(later.nonces.take(kPeer, nonce.code, SessionId{}, nostr::sha256("m"), kNow));
  std::filesystem::remove(path);
}

TEST_F(NoncePoolTest, ReceivedHalvesAreABoundedQueueWithoutCopies) {
  Party other(cast_, 1, Policy{});
  const auto batch = top_up();
  other.nonces.receive(ShareIndex{2}, batch);
  other.nonces.receive(ShareIndex{2}, batch);
  EXPECT_EQ(other.nonces.available(ShareIndex{2}), batch.size());
  EXPECT_EQ(other.nonces.next(ShareIndex{2}), batch[0]);
  for (int i = 0; i < 10; ++i) other.nonces.receive(ShareIndex{2}, top_up(0));
  EXPECT_EQ(other.nonces.available(ShareIndex{2}), options_.max_received);
  other.nonces.drop_received(ShareIndex{2});
  EXPECT_EQ(other.nonces.next(ShareIndex{2}), std::nullopt);
}

}  // namespace
}  // namespace frostr
