// The coordinator's sessions: what a wrong answer does to them, and the order peers are asked in.
#include "frostr/signing_session.h"

#include <gtest/gtest.h>

#include "frostr/peers.h"
#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;
using testing::Party;

constexpr ShareIndex kNode{1};
constexpr ShareIndex kMarket{2};
constexpr ShareIndex kGuardian{3};

class SigningSessionTest : public ::testing::Test {
 protected:
  SigningSessionTest() : node_(cast_, 1, Policy{}), market_(cast_, 2, allowing()) {
    node_.nonces.receive(kMarket, must(market_.nonces.top_up(kNode, std::nullopt, kNow)));
  }
  Policy allowing() const {
    Policy policy = cast_.policy();
    policy.kinds[1].verdict = Rule::kSign;
    return policy;
  }
  SigningSession session(const nostr::UnsignedEvent& event) {
    return must(SigningSession::create(cast_.group(), node_.share, node_.nonces,
                                       {{kMarket, *node_.nonces.next(kMarket)}},
                                       nostr::Sha256(nostr::compute_id(event).array()),
                                       nostr::to_json(event), std::nullopt, kNow));
  }
  SignAnswer answer_to(const SigningSession& session) {
    const auto reply = testing::reply_of(market_.cosigner.handle(
        kNode, {new_rpc_id(cast_.rng), "sign", {to_params(session.request())}}, kNow,
        Cosigner::Look::kFinal));
    return must(parse_sign_answer(std::get<RpcAccept>(reply).data));
  }
  Cast cast_;
  Party node_;
  Party market_;
};

TEST_F(SigningSessionTest, RequestsAreWhatStockPeersExpect) {
  const auto request = session(cast_.note("x")).request();
  EXPECT_EQ(request.type, "event");
  EXPECT_EQ(request.gid, cast_.group().id());
  EXPECT_EQ(request.sid, compute_session_id(request));
  EXPECT_EQ(request.members, (std::vector<ShareIndex>{kNode, kMarket}));
  EXPECT_EQ(request.hashes.size(), 1U);
  EXPECT_EQ(request.nonces.size(), 2U);
}

TEST_F(SigningSessionTest, WrongAnswersNameTheMember) {
  struct Case {
    base::Errc code;
    std::function<void(SignAnswer&)> spoil;
  };
  const std::vector<Case> cases{
      {base::Errc::kPeer, [](SignAnswer& a) { a.idx = kGuardian; }},
      {base::Errc::kPeer, [](SignAnswer& a) { a.sid = SessionId{}; }},
      {base::Errc::kPeer, [](SignAnswer& a) { a.nonce_code = NonceCode{}; }},
      {base::Errc::kPeer, [](SignAnswer& a) { a.pubkey = a.pubkey.negated(); }},
      {base::Errc::kPeer, [](SignAnswer& a) { a.psigs.push_back(a.psigs.front()); }},
      {base::Errc::kPeer, [](SignAnswer& a) { a.psigs.front().sighash = nostr::sha256("other"); }},
      {base::Errc::kCrypto,
       [](SignAnswer& a) { a.psigs.front().z = a.psigs.front().z + Scalar::from_u32(1); }},
      // The x of z·G is the same for -z: only the full-point check sees it.
      {base::Errc::kCrypto, [](SignAnswer& a) { a.psigs.front().z = a.psigs.front().z.negated(); }},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    auto attempt = session(cast_.note("n" + std::to_string(i)));
    auto answer = answer_to(attempt);
    cases[i].spoil(answer);
    const auto result = attempt.on_answer(kMarket, answer);
    ASSERT_FALSE(result) << i;
    EXPECT_EQ(result.error().code, cases[i].code) << i << result.error().detail;
    EXPECT_NE(result.error().detail.find("member 2"), std::string::npos) << result.error().detail;
  }
}

TEST_F(SigningSessionTest, AnAnswerCountsOnceAndFromMembersOnly) {
  const auto event = cast_.note("x");
  auto attempt = session(event);
  const auto answer = answer_to(attempt);
  EXPECT_EQ(attempt.on_answer(kGuardian, answer).error().code, base::Errc::kPeer);
  const auto signature = must(attempt.on_answer(kMarket, answer));
  ASSERT_TRUE(signature);
  EXPECT_TRUE(nostr::attach_signature(event, *signature));
  EXPECT_EQ(attempt.on_answer(kMarket, answer).error().code, base::Errc::kPeer);
}

TEST_F(SigningSessionTest, AQuorumIsExactlyTheThreshold) {
  const auto nonce = *node_.nonces.next(kMarket);
  const auto make = [&](std::vector<SessionPeer> peers) {
    return SigningSession::create(cast_.group(), node_.share, node_.nonces, std::move(peers),
                                  nostr::sha256("m"), std::nullopt, std::nullopt, kNow);
  };
  EXPECT_EQ(make({}).error().code, base::Errc::kInvalid);
  EXPECT_EQ(make({{kNode, nonce}}).error().code, base::Errc::kInvalid);
  EXPECT_EQ(make({{ShareIndex{9}, nonce}}).error().code, base::Errc::kInvalid);
  EXPECT_EQ(make({{kMarket, nonce}, {kGuardian, nonce}}).error().code, base::Errc::kInvalid);
  EXPECT_TRUE(make({{kMarket, nonce}}));
}

TEST(EcdhSession, AnswersMustFitTheRequest) {
  Cast cast;
  const auto target = must(EcdhTarget::from_key(cast.operator_key.public_key()));
  auto session =
      must(EcdhSession::create(cast.group(), cast.share(1), {kMarket}, target, std::nullopt));
  EXPECT_FALSE(session.request().entries.front().key_share);
  const std::vector<ShareIndex> quorum{kNode, kMarket};
  EcdhPackage good{
      kMarket, quorum, {{target, must(ecdh_key_share(cast.share(2), quorum, target))}}, {}};
  auto other_target = good;
  other_target.entries.front().target = must(EcdhTarget::from_key(cast.runner.public_key()));
  auto silent = good;
  silent.entries.front().key_share.reset();
  auto other_quorum = good;
  other_quorum.members = {kMarket, kGuardian};
  for (const auto& wrong : {other_target, silent, other_quorum})
    EXPECT_EQ(session.on_answer(kMarket, wrong).error().code, base::Errc::kPeer);
  EXPECT_EQ(session.on_answer(kGuardian, good).error().code, base::Errc::kPeer);
  const auto shared = must(session.on_answer(kMarket, good));
  ASSERT_TRUE(shared);
  // The operator sees the same secret from the other side.
  const auto expected = must(nostr::ecdh(cast.operator_key, cast.group().identity()));
  EXPECT_TRUE(base::constant_time_equal(shared->expose(), expected.expose()));
}

TEST(PeerBook, AsksTheNamedThenTheOnlineThenTheSilent) {
  Cast cast;
  PeerBook book(cast.group(), kNode);
  EXPECT_EQ(book.all().size(), 2U);
  book.on_answer(kGuardian, std::chrono::milliseconds(5), kNow);
  EXPECT_EQ(book.order(std::nullopt, kNow), (std::vector<ShareIndex>{kGuardian, kMarket}));
  book.on_answer(kMarket, std::chrono::milliseconds(2), kNow);
  EXPECT_EQ(book.order(std::nullopt, kNow), (std::vector<ShareIndex>{kMarket, kGuardian}));
  EXPECT_EQ(book.order(kGuardian, kNow), (std::vector<ShareIndex>{kGuardian, kMarket}));
  book.on_silence(kMarket);
  EXPECT_EQ(book.order(std::nullopt, kNow), (std::vector<ShareIndex>{kGuardian, kMarket}));
  EXPECT_FALSE(book.online(kMarket, kNow));
  EXPECT_TRUE(book.online(kGuardian, kNow + PeerBook::kOnlineFor));
  EXPECT_FALSE(book.online(kGuardian, kNow + PeerBook::kOnlineFor + base::seconds(1)));
}

TEST(PeerBook, ANewBootIsARestart) {
  Cast cast;
  PeerBook book(cast.group(), kNode);
  EXPECT_FALSE(book.on_notes(kMarket, {std::nullopt, true, "a"}));
  EXPECT_FALSE(book.on_notes(kMarket, {std::nullopt, true, "a"}));
  EXPECT_TRUE(book.on_notes(kMarket, {std::nullopt, true, "b"}));
  EXPECT_FALSE(book.on_notes(ShareIndex{9}, {std::nullopt, true, "b"}));
}

TEST(PeerBook, OurLeaseIsForgottenWithALifeAndNotWithAQuestion) {
  Cast cast;
  PeerBook book(cast.group(), kNode);
  book.on_notes(kMarket, {.boot = "a", .lease = LeaseNote{true, kNow}});
  book.on_notes(kMarket, {.boot = "a"});
  EXPECT_TRUE(book.find(kMarket)->notes.lease);
  book.on_notes(kMarket, {.boot = "b"});
  EXPECT_FALSE(book.find(kMarket)->notes.lease);
}

TEST(Reject, WordsSurviveTheWire) {
  const auto digest = nostr::sha256("d");
  EXPECT_EQ(read_reject(approval_required_text(digest)).digest, digest);
  EXPECT_EQ(read_reject(retry_text("unknown-nonce")).kind, Reject::Kind::kRetry);
  EXPECT_EQ(read_reject(refused_text("blind")).reason, "blind");
  EXPECT_EQ(read_reject("stock words").kind, Reject::Kind::kRefused);
  EXPECT_EQ(read_reject("approval-required:nonsense").kind, Reject::Kind::kRefused);
}

}  // namespace
}  // namespace frostr
