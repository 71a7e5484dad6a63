// Leases: one process a member, proven with the runner's key, over this very request.
#include "frostr/lease.h"

#include <gtest/gtest.h>

#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;
using testing::Party;
using testing::reject_of;
using testing::reply_of;
using State = LeaseFact::State;
using Look = Cosigner::Look;

constexpr ShareIndex kNode{1};
constexpr ShareIndex kMarket{2};
constexpr base::seconds kTtl{120};

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() : market_(cast_, 2, cast_.policy()) {}

  RpcRequest ping(const std::optional<LeaseClaim>& claim, UnixTime now = kNow,
                  std::string body = R"({"version":2})") {
    RpcRequest request{new_rpc_id(cast_.rng), "ping", {std::move(body)}};
    if (claim)
      request.params.push_back(seal_lease(*claim, request, route(), cast_.runner, now, cast_.rng));
    return request;
  }
  LeaseRoute route() const { return {cast_.group(), kNode, kMarket}; }
  /// What the co-signer notes about the lease when `claim` pings.
  LeaseNote pinged(const std::optional<LeaseClaim>& claim, UnixTime now,
                   std::string body = R"({"version":2})") {
    const auto message = reply_of(
        market_.cosigner.handle(kNode, ping(claim, now, std::move(body)), now, Look::kFirst));
    return PeerNotes::read(std::get<RpcAccept>(message).data).lease.value_or(LeaseNote{});
  }
  LeaseDesk& desk() { return market_.cosigner.leases(); }
  std::vector<std::string> verdicts() {
    std::vector<std::string> out;
    for (const auto& row : must(market_.cosigner.audit().log().tail(100)))
      if (row.entry.kind == "lease") out.insert(out.begin(), row.entry.verdict);
    return out;
  }

  Cast cast_;
  Party market_;
  const LeaseClaim first_{"home-a", 1, "boot-a1"};
  const LeaseClaim restarted_{"home-a", 2, "boot-a2"};
  const LeaseClaim other_{"home-b", 7, "boot-b7"};
};

TEST_F(LeaseTest, AProofHoldsForItsRequestAloneAndItsRunnersKey) {
  const RpcRequest request = ping(first_);
  EXPECT_EQ(proven_lease(request, route(), cast_.runner.public_key(), kNow), first_);
  EXPECT_EQ(proven_lease(request, route(), cast_.operator_key.public_key(), kNow), std::nullopt);
  EXPECT_EQ(proven_lease(request, {cast_.group(), ShareIndex{3}, kMarket},
                         cast_.runner.public_key(), kNow),
            std::nullopt);
  EXPECT_EQ(proven_lease(request, {cast_.group(), kNode, ShareIndex{3}}, cast_.runner.public_key(), kNow),
            std::nullopt);
  for (const int late : {-301, -300, 300, 301})
    EXPECT_EQ(proven_lease(request, route(), cast_.runner.public_key(), kNow + base::seconds(late))
                  .has_value(),
              std::abs(late) == 300)
        << late;
  for (const int spoil : {0, 1, 2}) {
    RpcRequest spoilt = request;
    if (spoil == 0) spoilt.id = new_rpc_id(cast_.rng);
    if (spoil == 1) spoilt.method = "sign";
    if (spoil == 2) spoilt.params[0] = "{}";
    EXPECT_EQ(proven_lease(spoilt, route(), cast_.runner.public_key(), kNow), std::nullopt) << spoil;
  }
  for (const char* text : {"", "{", "[]", "{}", R"({"home":1})", R"({"home":"x","sig":"y"})"}) {
    RpcRequest garbage = ping(std::nullopt);
    garbage.params.push_back(text);
    EXPECT_EQ(proven_lease(garbage, route(), cast_.runner.public_key(), kNow), std::nullopt) << text;
  }
}

TEST_F(LeaseTest, TheFirstToComeHoldsItAndPingsKeepIt) {
  EXPECT_TRUE(pinged(first_, kNow).held);
  EXPECT_FALSE(pinged(other_, kNow + base::seconds(1)).held);
  EXPECT_EQ(pinged(other_, kNow + base::seconds(1)).until, kNow + kTtl);
  for (int i = 1; i <= 10; ++i)
    EXPECT_TRUE(pinged(first_, kNow + base::seconds(100 * i)).held) << i;
  EXPECT_FALSE(pinged(other_, kNow + base::seconds(1'001)).held);
  EXPECT_EQ(verdicts(), std::vector<std::string>{"granted"});
}

TEST_F(LeaseTest, AnotherHomeTakesOverWhenTheTimeIsUpAndNoSecondEarlier) {
  pinged(first_, kNow);
  EXPECT_FALSE(pinged(other_, kNow + kTtl - base::seconds(1)).held);
  EXPECT_TRUE(pinged(other_, kNow + kTtl).held);
  EXPECT_FALSE(pinged(first_, kNow + kTtl + base::seconds(1)).held);
  EXPECT_EQ(verdicts(), (std::vector<std::string>{"granted", "taken-over"}));
}

TEST_F(LeaseTest, ARestartOfTheHomeTakesOverAtOnceAndTheOldProcessIsOut) {
  pinged(first_, kNow);
  EXPECT_TRUE(pinged(restarted_, kNow + base::seconds(1)).held);
  EXPECT_FALSE(pinged(first_, kNow + base::seconds(2)).held);
  EXPECT_FALSE(pinged(LeaseClaim{"home-a", 2, "boot-copy"}, kNow + base::seconds(2)).held)
      << "a copy that claims the same start";
  EXPECT_EQ(verdicts(), (std::vector<std::string>{"granted", "restarted"}));
}

TEST_F(LeaseTest, AProcessThatLeavesMakesRoomAtOnceButOnlyItself) {
  pinged(first_, kNow);
  pinged(other_, kNow, R"({"version":2,"leaving":true})");
  EXPECT_TRUE(pinged(first_, kNow + base::seconds(1)).held);
  pinged(first_, kNow + base::seconds(2), R"({"version":2,"leaving":true})");
  EXPECT_TRUE(pinged(other_, kNow + base::seconds(3)).held);
}

TEST_F(LeaseTest, TheOperatorRevokesAndTheHolderStaysOut) {
  pinged(first_, kNow);
  must(market_.cosigner.revoke_lease(1, base::seconds(60), kNow + base::seconds(1)));
  EXPECT_FALSE(pinged(first_, kNow + base::seconds(2)).held);
  EXPECT_FALSE(pinged(restarted_, kNow + base::seconds(2)).held) << "nor its home";
  EXPECT_TRUE(pinged(other_, kNow + base::seconds(2)).held);
  EXPECT_FALSE(market_.cosigner.revoke_lease(2, base::seconds(60), kNow));
  EXPECT_EQ(verdicts(), (std::vector<std::string>{"granted", "revoked", "taken-over"}));
}

TEST_F(LeaseTest, ALeaseOutlivesTheCosigner) {
  pinged(first_, kNow);
  LeaseDesk again(*market_.db);
  const Requester requester = cast_.policy().requesters.front();
  EXPECT_EQ(must(again.look(requester, other_, kNow + base::seconds(5))).state, State::kByOther);
  EXPECT_EQ(must(again.look(requester, std::nullopt, kNow + base::seconds(5))).state,
            State::kByOther);
  EXPECT_EQ(must(again.look(requester, std::nullopt, kNow + kTtl)).state, State::kNone);
}

TEST_F(LeaseTest, ASecondProcessIsRefusedByNameAndSpendsNothing) {
  Policy policy = cast_.policy();
  policy.kinds[1].verdict = Rule::kSign;
  market_.cosigner.set_policy(policy);
  pinged(first_, kNow);
  Party node(cast_, 1, Policy{});
  node.nonces.receive(kMarket, must(market_.nonces.top_up(kNode, 0, kNow)));
  const auto request_for = [&](const std::string& text) {
    const auto event = cast_.note(text);
    auto session = must(SigningSession::create(
        cast_.group(), node.share, node.nonces, {{kMarket, *node.nonces.next(kMarket)}},
        nostr::Sha256(nostr::compute_id(event).array()), nostr::to_json(event), {}, kNow));
    return RpcRequest{new_rpc_id(cast_.rng), "sign", {to_params(session.request())}};
  };
  const auto said = [&](const std::string& text, const std::optional<LeaseClaim>& claim) {
    RpcRequest request = request_for(text);
    if (claim)
      request.params.push_back(seal_lease(*claim, request, route(), cast_.runner, kNow, cast_.rng));
    return reject_of(market_.cosigner.handle(kNode, request, kNow, Look::kFinal));
  };
  EXPECT_EQ(said("mine", first_), "(accepted)");
  const std::string held = "lease-held:" + std::to_string(base::to_unix(kNow + kTtl));
  EXPECT_EQ(said("a copy's", other_), held);
  EXPECT_EQ(said("a thief's without the runner's key", std::nullopt), held);
  const Reject reject = read_reject(held);
  EXPECT_EQ(reject.kind, Reject::Kind::kLeaseHeld);
  EXPECT_EQ(reject.until, kNow + kTtl);
  EXPECT_EQ(must(market_.ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent)),
            1);
}

TEST_F(LeaseTest, NobodyOnboardsBesideTheHolder) {
  pinged(first_, kNow);
  const auto said = [&](const std::optional<LeaseClaim>& claim, UnixTime now) {
    RpcRequest request{new_rpc_id(cast_.rng), "onboard",
                       {onboard_params(kNode, cast_.group().find(kNode)->pubkey)}};
    if (claim)
      request.params.push_back(seal_lease(*claim, request, route(), cast_.runner, now, cast_.rng));
    return reject_of(market_.cosigner.handle(kNode, request, now, Look::kFinal));
  };
  const std::string held = "lease-held:" + std::to_string(base::to_unix(kNow + kTtl));
  const std::size_t before = market_.nonces.issued(kNode);
  EXPECT_EQ(said(other_, kNow), held);
  EXPECT_EQ(said(std::nullopt, kNow), held) << "a thief without the runner's key";
  EXPECT_EQ(market_.nonces.issued(kNode), before) << "the holder would miss what they were given";
  EXPECT_EQ(must(market_.cosigner.audit().log().tail(1)).at(0).entry.kind, "onboard");
  EXPECT_EQ(said(first_, kNow), "(accepted)");
  EXPECT_EQ(said(other_, kNow + kTtl), "(accepted)") << "it takes the lease over by that";
  EXPECT_EQ(verdicts(), (std::vector<std::string>{"granted", "taken-over"}));
}

// --- floods in the record ---------------------------------------------------------------------------

TEST(AuditTrail, FoldsAFloodIntoCountsAndSaysThatItDoes) {
  const auto db = must(storage::open_database(":memory:"));
  AuditTrail trail(*db, {.whole = 3, .window = base::seconds(60), .longest_window = base::seconds(240)});
  const auto refuse = [&](std::uint32_t member, std::string reason, UnixTime now) {
    must(trail.record({.member = member, .kind = "sign", .verdict = "refused", .reason = std::move(reason)},
                      now));
  };
  for (int i = 0; i < 10; ++i) refuse(1, "malformed: " + std::to_string(i), kNow);
  refuse(3, "blind", kNow);
  must(trail.record({.member = 1, .kind = "sign", .verdict = "signed", .reason = "kind 1"}, kNow));
  auto rows = must(trail.log().tail(100));
  ASSERT_EQ(rows.size(), 6u) << "three, the notice, the other member's, the signature";
  EXPECT_EQ(rows[2].entry.verdict, "counting");
  must(trail.flush(kNow + base::seconds(59)));
  EXPECT_EQ(must(trail.log().head()).seq, 6);
  must(trail.flush(kNow + base::seconds(60)));
  rows = must(trail.log().tail(1));
  EXPECT_EQ(rows[0].entry.verdict, "counted");
  EXPECT_EQ(rows[0].entry.reason, "7 times: sign refused malformed");
  // The next window of one who goes on is twice as long.
  for (int i = 0; i < 5; ++i) refuse(1, "blind", kNow + base::seconds(61));
  must(trail.flush(kNow + base::seconds(179)));
  EXPECT_EQ(must(trail.log().tail(1))[0].entry.verdict, "counting");
  must(trail.flush(kNow + base::seconds(181)));
  EXPECT_EQ(must(trail.log().tail(1))[0].entry.reason, "2 times: sign refused blind");
  EXPECT_EQ(must(trail.log().verify()), must(trail.log().head()).seq);
}

TEST(AuditTrail, CutsLongReasonsAtACharacter) {
  const auto db = must(storage::open_database(":memory:"));
  AuditTrail trail(*db);
  std::string reason = "malformed: x";
  for (int i = 0; i < 400; ++i) reason += "ä";
  must(trail.record({.member = 1, .kind = "sign", .verdict = "refused", .reason = reason}, kNow));
  const std::string kept = must(trail.log().tail(1))[0].entry.reason;
  EXPECT_LE(kept.size(), 504u);
  EXPECT_TRUE(kept.ends_with("ä…")) << kept;
}

}  // namespace
}  // namespace frostr
