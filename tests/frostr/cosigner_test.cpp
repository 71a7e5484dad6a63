// The co-signer against honest and hostile requesters, without any IO.
#include "frostr/cosigner.h"

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
using testing::ScriptedBook;
using Look = Cosigner::Look;

constexpr ShareIndex kNode{1};
constexpr ShareIndex kMarket{2};

class CosignerTest : public ::testing::Test {
 protected:
  CosignerTest() : node_(cast_, 1, Policy{}), market_(cast_, 2, cast_.policy(), &book_) {
    exchange_nonces();
  }

  void exchange_nonces() {
    node_.nonces.receive(kMarket, must(market_.nonces.top_up(kNode, std::nullopt, kNow)));
  }
  /// A session by the node with `market_`, over `event` or, without one, over a bare hash.
  SigningSession session(const std::optional<nostr::UnsignedEvent>& event,
                         std::optional<SignReason> reason = {}) {
    const auto hash =
        event ? nostr::Sha256(nostr::compute_id(*event).array()) : nostr::sha256("blind");
    std::optional<std::string> content;
    if (event) content = nostr::to_json(*event);
    return must(SigningSession::create(cast_.group(), node_.share, node_.nonces,
                                       {{kMarket, must_have(node_.nonces.next(kMarket))}}, hash,
                                       content, std::move(reason), kNow));
  }
  static WireNonce must_have(std::optional<WireNonce> nonce) {
    CHECK(nonce.has_value());
    return *nonce;
  }
  RpcRequest rpc(const SignRequest& request) {
    return {new_rpc_id(cast_.rng), "sign", {to_params(request)}};
  }
  Cosigner::Outcome ask(const SignRequest& request, Look look = Look::kFinal, UnixTime now = kNow) {
    return market_.cosigner.handle(kNode, rpc(request), now, look);
  }
  std::string refusal(const SignRequest& request) { return reject_of(ask(request)); }
  /// The signature a session comes to, or the reject's text.
  std::variant<nostr::Signature, std::string> run(SigningSession& session, UnixTime now = kNow) {
    const RpcMessage message = reply_of(ask(session.request(), Look::kFinal, now));
    if (const auto* reject = std::get_if<RpcReject>(&message)) return reject->reason;
    const auto answer = must(parse_sign_answer(std::get<RpcAccept>(message).data));
    const auto signature = must(session.on_answer(kMarket, answer));
    CHECK(signature.has_value());
    return *signature;
  }
  std::variant<nostr::Signature, std::string> sign(const nostr::UnsignedEvent& event,
                                                   std::optional<SignReason> reason = {}) {
    auto attempt = session(event, std::move(reason));
    return run(attempt);
  }
  std::string sign_refusal(const nostr::UnsignedEvent& event,
                           std::optional<SignReason> reason = {}) {
    const auto result = sign(event, std::move(reason));
    return std::holds_alternative<std::string>(result) ? std::get<std::string>(result) : "(signed)";
  }
  void allow_notes() {
    Policy policy = cast_.policy();
    policy.kinds[1].verdict = Rule::kSign;
    market_.cosigner.set_policy(policy);
  }
  std::int64_t spent() {
    return must(market_.ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent));
  }
  std::int64_t voided() {
    return must(market_.ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kVoid));
  }

  Cast cast_;
  ScriptedBook book_;
  Party node_;
  Party market_;
};

TEST_F(CosignerTest, AnAdmittedEventIsSignedAndTheNonceIsSpent) {
  allow_notes();
  const auto event = cast_.note("hello");
  const auto result = sign(event);
  ASSERT_TRUE(std::holds_alternative<nostr::Signature>(result)) << std::get<std::string>(result);
  EXPECT_TRUE(nostr::attach_signature(event, std::get<nostr::Signature>(result)));
  EXPECT_EQ(spent(), 1);
  EXPECT_EQ(voided(), 0);
}

TEST_F(CosignerTest, TheAnswerReplenishesWhenThePoolRunsLow) {
  allow_notes();
  std::size_t most = 0;
  for (int i = 0; i < 12; ++i) {
    auto attempt = session(cast_.note("n" + std::to_string(i)));
    const RpcMessage message = reply_of(ask(attempt.request()));
    const auto answer = must(parse_sign_answer(std::get<RpcAccept>(message).data));
    node_.nonces.receive(kMarket, answer.replenish);
    most = std::max(most, answer.replenish.size());
  }
  EXPECT_GT(most, 0u);
  EXPECT_LE(market_.nonces.issued(kNode), NoncePoolOptions{}.size);
}

TEST_F(CosignerTest, AQuestionSpendsNothingAndNamesTheDigest) {
  const auto event = cast_.note("may I?");
  const std::string text = sign_refusal(event);
  const Reject reject = read_reject(text);
  EXPECT_EQ(reject.kind, Reject::Kind::kApprovalRequired);
  EXPECT_EQ(reject.digest, nipsa::event_digest(event));
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(voided(), 1);
}

TEST_F(CosignerTest, TheDesksYesSignsThatEventOnlyAndRepeatably) {
  const auto event = cast_.note("approved text");
  const nostr::EventId approval(cast_.rng.bytes<32>());
  book_.words[nipsa::event_digest(event)] = {OperatorWord::kApproved, approval};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::holds_alternative<nostr::Signature>(sign(event)));
  ASSERT_EQ(book_.consumed.size(), 1u);
  EXPECT_EQ(book_.consumed[0], std::pair(approval, nostr::compute_id(event)));
  EXPECT_EQ(spent(), 3);

  auto restamped = event;
  restamped.created_at += base::seconds(1);
  EXPECT_TRUE(sign_refusal(restamped).starts_with("refused:already-consumed"));
  auto changed = event;
  changed.content = "other text";
  EXPECT_TRUE(sign_refusal(changed).starts_with("approval-required:"));
}

TEST_F(CosignerTest, TheDesksNoIsFinal) {
  const auto event = cast_.note("denied text");
  book_.words[nipsa::event_digest(event)] = {OperatorWord::kDenied, nostr::EventId{}};
  EXPECT_TRUE(sign_refusal(event).starts_with("refused:denied"));
}

TEST_F(CosignerTest, ADecisionTravelsWithTheRequestIfItsAuthorCounts) {
  const auto event = cast_.note("brought approval");
  const auto digest = nipsa::event_digest(event);
  const auto with = [&](nostr::Event decision) {
    SignReason reason;
    reason.decision = std::move(decision);
    return sign_refusal(event, reason);
  };
  EXPECT_TRUE(with(cast_.decision(cast_.runner, digest)).starts_with("approval-required:"));
  EXPECT_TRUE(with(cast_.decision(cast_.operator_key, nostr::sha256("other")))
                  .starts_with("approval-required:"));
  EXPECT_TRUE(with(cast_.decision(cast_.operator_key, digest, true, kNow - base::seconds(601)))
                  .starts_with("approval-required:"));
  auto forged = cast_.decision(cast_.operator_key, digest);
  forged.content = "x";
  EXPECT_TRUE(with(forged).starts_with("approval-required:"));
  EXPECT_TRUE(
      with(cast_.decision(cast_.operator_key, digest, false)).starts_with("refused:denied"));
  EXPECT_EQ(with(cast_.decision(cast_.operator_key, digest)), "(signed)");
}

TEST_F(CosignerTest, AQuorumOfTwoIsNotOneOperatorsDecision) {
  Policy policy = cast_.policy();
  policy.quorum = 2;
  policy.operators.push_back(cast_.service.public_key());
  market_.cosigner.set_policy(policy);
  const auto event = cast_.note("two must agree");
  SignReason reason;
  reason.decision = cast_.decision(cast_.operator_key, nipsa::event_digest(event));
  EXPECT_TRUE(sign_refusal(event, reason).starts_with("approval-required:"));
}

TEST_F(CosignerTest, TwoHashesAreRefused) {
  allow_notes();
  auto request = session(cast_.note("a")).request();
  request.hashes.push_back({nostr::sha256("second"), {}});
  request.sid = compute_session_id(request);
  EXPECT_TRUE(refusal(request).starts_with("refused:one-hash-only"));
  request.hashes.clear();
  request.sid = compute_session_id(request);
  EXPECT_TRUE(refusal(request).starts_with("refused:"));
  EXPECT_EQ(spent(), 0);
}

TEST_F(CosignerTest, TweaksAreRefused) {
  auto request = session(cast_.note("a")).request();
  request.hashes.front().tweaks.push_back(Scalar::from_u32(7));
  request.sid = compute_session_id(request);
  EXPECT_TRUE(refusal(request).starts_with("refused:tweaks"));
}

TEST_F(CosignerTest, TheSessionMustBeOursInEveryField) {
  allow_notes();
  struct Case {
    const char* reason;
    std::function<void(SignRequest&)> spoil;
    bool renamed = true;  ///< with a sid that fits the spoilt fields
  };
  const std::vector<Case> cases{
      {"gid", [](SignRequest& r) { r.gid = GroupId{}; }},
      {"sid", [](SignRequest& r) { r.sid = SessionId{}; }, false},
      {"members: 9",
       [](SignRequest& r) { r.members = {ShareIndex{1}, ShareIndex{2}, ShareIndex{9}}; }},
      {"members: one is named twice",
       [](SignRequest& r) { r.members = {ShareIndex{1}, ShareIndex{1}, ShareIndex{2}}; }},
      {"members: not sorted", [](SignRequest& r) { r.members = {ShareIndex{2}, ShareIndex{1}}; }},
      {"members: 1 are below", [](SignRequest& r) { r.members = {ShareIndex{2}}; }},
      {"members: we are not", [](SignRequest& r) { r.members = {ShareIndex{1}, ShareIndex{3}}; }},
      {"members: the requester",
       [](SignRequest& r) { r.members = {ShareIndex{2}, ShareIndex{3}}; }},
      {"stamp", [](SignRequest& r) { r.stamp -= 301; }},
      {"stamp", [](SignRequest& r) { r.stamp += 301; }},
      {"nonces", [](SignRequest& r) { r.nonces.pop_back(); }},
      {"nonces", [](SignRequest& r) { r.nonces.push_back(r.nonces.front()); }},
      {"nonces", [](SignRequest& r) { r.nonces.front().idx = ShareIndex{3}; }},
  };
  for (const Case& wrong : cases) {
    auto request = session(cast_.note("a")).request();
    wrong.spoil(request);
    if (wrong.renamed) request.sid = compute_session_id(request);
    const std::string text = refusal(request);
    EXPECT_TRUE(text.starts_with(std::string("refused:") + wrong.reason)) << text;
  }
  EXPECT_EQ(spent(), 0);
}

TEST_F(CosignerTest, ContentMustHashToTheSighash) {
  allow_notes();
  auto request = session(cast_.note("a")).request();
  const std::string other = nostr::to_json(cast_.note("b"));
  request.content = base::Bytes(other.begin(), other.end());
  request.sid = compute_session_id(request);
  EXPECT_TRUE(refusal(request).starts_with("refused:wrong-sighash"));
  request = session(cast_.note("a")).request();
  request.content = base::Bytes{'h', 'i'};
  request.sid = compute_session_id(request);
  EXPECT_TRUE(refusal(request).starts_with("refused:malformed"));
}

TEST_F(CosignerTest, BlindRequestsNeedThePolicysWord) {
  auto blind = session(std::nullopt);
  EXPECT_TRUE(std::get<std::string>(run(blind)).starts_with("refused:blind"));
  Policy policy = cast_.policy();
  policy.requesters[0].blind = true;
  market_.cosigner.set_policy(policy);
  auto allowed = session(std::nullopt);
  EXPECT_TRUE(std::holds_alternative<nostr::Signature>(run(allowed)));
  policy.max_per_hour = 1;
  market_.cosigner.set_policy(policy);
  auto over = session(std::nullopt);
  EXPECT_TRUE(std::get<std::string>(run(over)).starts_with("refused:rate-limited"));
}

TEST_F(CosignerTest, OnlyListedMembersMayAsk) {
  const auto request = session(cast_.note("a")).request();
  const auto outcome = market_.cosigner.handle(ShareIndex{3}, rpc(request), kNow, Look::kFinal);
  EXPECT_EQ(reject_of(outcome), "refused:not-a-requester");
}

TEST_F(CosignerTest, ANonceSignsOnce) {
  allow_notes();
  auto first = session(cast_.note("one"));
  ASSERT_TRUE(std::holds_alternative<nostr::Signature>(run(first)));
  // The same code under a second session and under a new request id.
  EXPECT_EQ(refusal(first.request()), "retry:unknown-nonce");
  auto second = session(cast_.note("two")).request();
  for (MemberNonce& nonce : second.nonces)
    if (nonce.idx == kMarket) nonce.nonce = first.request().nonces.back().nonce;
  second.sid = compute_session_id(second);
  EXPECT_EQ(refusal(second), "retry:unknown-nonce");
  EXPECT_EQ(spent(), 1);
}

TEST_F(CosignerTest, ACodeIssuedToAnotherMemberIsUnknown) {
  allow_notes();
  const auto foreign = must(market_.nonces.top_up(ShareIndex{3}, std::nullopt, kNow));
  auto request = session(cast_.note("a")).request();
  for (MemberNonce& nonce : request.nonces)
    if (nonce.idx == kMarket) nonce.nonce = foreign.front();
  request.sid = compute_session_id(request);
  EXPECT_EQ(refusal(request), "retry:unknown-nonce");
}

TEST_F(CosignerTest, AlteredPointsUnderOurCodeAreRefused) {
  allow_notes();
  auto request = session(cast_.note("a")).request();
  for (MemberNonce& nonce : request.nonces)
    if (nonce.idx == kMarket)
      std::swap(nonce.nonce.commitment.hiding, nonce.nonce.commitment.binding);
  request.sid = compute_session_id(request);
  EXPECT_EQ(refusal(request), "refused:nonces: ours is altered");
  EXPECT_EQ(spent(), 0);
}

TEST_F(CosignerTest, ARepeatedRequestGetsTheRecordedReply) {
  allow_notes();
  const auto request = rpc(session(cast_.note("a")).request());
  const auto first = market_.cosigner.handle(kNode, request, kNow, Look::kFirst);
  const auto again = market_.cosigner.handle(kNode, request, kNow, Look::kFirst);
  EXPECT_EQ(std::get<Cosigner::Reply>(first).text, std::get<Cosigner::Reply>(again).text);
  EXPECT_EQ(spent(), 1);
}

TEST_F(CosignerTest, ARepetitionAfterARestartIsRefused) {
  allow_notes();
  const auto request = rpc(session(cast_.note("a")).request());
  (void)market_.cosigner.handle(kNode, request, kNow, Look::kFirst);
  Cosigner restarted(*market_.db, cast_.group(), market_.share, market_.nonces, market_.peers,
                     cast_.rng, market_.cosigner.policy(), &book_, {});
  EXPECT_EQ(reject_of(restarted.handle(kNode, request, kNow, Look::kFirst)), "refused:replayed");
}

TEST_F(CosignerTest, StateIsSignedOncePerLiveClaim) {
  const auto claim = cast_.claim();
  const auto state = [&](std::string content, std::optional<nostr::EventId> prev, UnixTime at) {
    auto event = cast_.note(std::move(content), at, 39201);
    event.tags = {{"d", "state"}, {"encrypted"}, {"state_version", "1"}};
    if (prev) event.tags.push_back({"prev", prev->hex()});
    return event;
  };
  SignReason reason;
  reason.tick = claim.id.hex();
  const auto first = state("Ag1", std::nullopt, kNow);
  EXPECT_TRUE(sign_refusal(first, reason).starts_with("refused:no-live-claim"));
  must(market_.cosigner.facts().events().insert(claim, kNow));
  const auto signed_state = sign(first, reason);
  ASSERT_TRUE(std::holds_alternative<nostr::Signature>(signed_state));
  EXPECT_EQ(sign_refusal(first, reason), "(signed)");
  EXPECT_TRUE(sign_refusal(state("Ag2", std::nullopt, kNow), reason)
                  .starts_with("refused:state-already-signed"));

  // The next tick builds on what stands on the relays.
  const auto standing =
      must(nostr::attach_signature(first, std::get<nostr::Signature>(signed_state)));
  must(market_.cosigner.facts().events().insert(standing, kNow));
  const auto next_claim = cast_.claim();
  must(market_.cosigner.facts().events().insert(next_claim, kNow));
  reason.tick = next_claim.id.hex();
  exchange_nonces();
  EXPECT_TRUE(sign_refusal(state("Ag3", std::nullopt, kNow + base::seconds(1)), reason)
                  .starts_with("refused:stale-prev"));
  EXPECT_EQ(sign_refusal(state("Ag3", standing.id, kNow + base::seconds(1)), reason), "(signed)");
}

TEST_F(CosignerTest, PartsOfAStateAreCountedForTheirClaimEachOnce) {
  const auto part = [&](std::string number, std::uint8_t fill) {
    base::Bytes payload(150, fill);
    payload[0] = 2;
    auto event = cast_.note(base::base64_encode(payload), kNow, 30078);
    event.tags = {{"d", "nip-sa/state/" + number}, {"encrypted"}};
    return event;
  };
  const auto claim = cast_.claim();
  SignReason reason;
  reason.tick = claim.id.hex();
  EXPECT_TRUE(sign_refusal(part("1", 7), reason).starts_with("refused:no-live-claim"));
  must(market_.cosigner.facts().events().insert(claim, kNow));
  const auto counted = [&](const nostr::UnsignedEvent& event) {
    const Policy& policy = market_.cosigner.policy();
    return must(market_.cosigner.facts().for_sign(policy, event,
                                                  {.idx = 1, .runner = cast_.runner.public_key()},
                                                  {}, reason, kNow))
        .facts.parts_of_claim;
  };
  EXPECT_EQ(sign_refusal(part("1", 7), reason), "(signed)");
  EXPECT_EQ(sign_refusal(part("1", 7), reason), "(signed)") << "the same again";
  EXPECT_EQ(counted(part("1", 7)), 0U) << "itself does not count";
  EXPECT_EQ(counted(part("2", 8)), 1U);
  EXPECT_EQ(sign_refusal(part("2", 8), reason), "(signed)");
  EXPECT_EQ(counted(part("3", 9)), 2U);
  reason.tick = cast_.claim().id.hex();
  EXPECT_TRUE(sign_refusal(part("3", 9), reason).starts_with("refused:no-live-claim"));
}

TEST_F(CosignerTest, AStaleViewIsRefreshedOnceBeforeARefusal) {
  SignReason reason;
  reason.tick = cast_.claim().id.hex();
  auto event = cast_.note("Ag", kNow, 39201);
  event.tags = {{"d", "state"}, {"encrypted"}};
  const auto request = rpc(session(event, reason).request());
  const auto outcome = market_.cosigner.handle(kNode, request, kNow, Look::kFirst);
  const auto* refresh = std::get_if<Cosigner::Refresh>(&outcome);
  ASSERT_NE(refresh, nullptr);
  EXPECT_EQ(refresh->filters.size(), 3u);
  // While that is under way a repetition is not worked on.
  EXPECT_TRUE(std::holds_alternative<Cosigner::Silence>(
      market_.cosigner.handle(kNode, request, kNow, Look::kFirst)));
  EXPECT_TRUE(reject_of(market_.cosigner.handle(kNode, request, kNow, Look::kFinal))
                  .starts_with("refused:no-live-claim"));
}

TEST_F(CosignerTest, ClaimsByOthersOrForOthersOrExpiredDoNotCount) {
  auto& facts = market_.cosigner.facts();
  const auto runner = cast_.runner.public_key();
  const auto claim = cast_.claim();
  must(facts.events().insert(claim, kNow));
  EXPECT_TRUE(must(facts.live_claim(claim.id.hex(), runner, kNow)));
  EXPECT_TRUE(must(facts.live_claim(claim.id.hex(), runner, kNow + kClaimLife)));
  EXPECT_FALSE(
      must(facts.live_claim(claim.id.hex(), runner, kNow + kClaimLife + base::seconds(1))));
  EXPECT_FALSE(must(facts.live_claim(claim.id.hex(), cast_.operator_key.public_key(), kNow)));
  EXPECT_FALSE(must(facts.live_claim(claim.id.hex(), std::nullopt, kNow)));
  EXPECT_FALSE(must(facts.live_claim("nonsense", runner, kNow)));
  const auto early = cast_.claim(kNow + base::seconds(61));
  must(facts.events().insert(early, kNow));
  EXPECT_FALSE(must(facts.live_claim(early.id.hex(), runner, kNow)));
}

TEST_F(CosignerTest, AnOpenQuestionKeepsItsClaimAlive) {
  auto& facts = market_.cosigner.facts();
  const auto claim = cast_.claim();
  must(facts.events().insert(claim, kNow));
  nipsa::ApprovalRequest request;
  request.d = nipsa::random_d("apr-", cast_.rng);
  request.guardian = cast_.service.public_key();
  request.tick = claim.id;
  request.agent = cast_.group().identity();
  request.action = "publish";
  request.action_hash = nostr::sha256("x");
  request.expires = kNow + base::seconds(900);
  must(facts.events().insert(nostr::sign_event(must(nipsa::build_approval_request(request, kNow)),
                                               cast_.runner, cast_.rng),
                             kNow));
  const auto at = [&](int seconds) {
    return must(
        facts.live_claim(claim.id.hex(), cast_.runner.public_key(), kNow + base::seconds(seconds)));
  };
  EXPECT_TRUE(at(960));
  EXPECT_FALSE(at(961));
}

TEST_F(CosignerTest, NothingIsSignedBeforeTheRelaysWereRead) {
  market_.cosigner.set_ready(false);
  EXPECT_TRUE(refusal(session(cast_.note("a")).request()).starts_with("retry:starting"));
}

TEST_F(CosignerTest, TheDeskCanAskWhatWouldBeSaid) {
  const auto say = [&](ShareIndex member) {
    return explain(market_.cosigner.facts(), market_.cosigner.policy(), cast_.note("hi"), member, {},
                   kNow);
  };
  EXPECT_EQ(must(say(kNode)).verdict.outcome, Verdict::Outcome::kAsk);
  EXPECT_FALSE(say(ShareIndex{3}));
  EXPECT_EQ(market_.cosigner.requester_of(cast_.runner.public_key()), kNode);
  EXPECT_EQ(market_.cosigner.requester_of(cast_.service.public_key()), std::nullopt);
}

TEST_F(CosignerTest, WhatIsExplainedIsWhatIsSaid) {
  Policy policy = cast_.policy();
  policy.kinds[1] = {.verdict = Rule::kSign, .max_per_hour = 1};
  policy.kinds[7].verdict = Rule::kRefuse;
  policy.content_never = {must(Pattern::compile("forbidden"))};
  market_.cosigner.set_policy(policy);
  for (const auto& event :
       {cast_.note("first"), cast_.note("second"), cast_.note("like", kNow, 7),
        cast_.note("forbidden"), cast_.note("article", kNow, 30023), cast_.note("dm", kNow, 4)}) {
    const auto told =
        must(explain(market_.cosigner.facts(), policy, event, kNode, {}, kNow)).verdict;
    const std::string said = sign_refusal(event);
    switch (told.outcome) {
      case Verdict::Outcome::kSign:
        EXPECT_EQ(said, "(signed)") << event.content;
        break;
      case Verdict::Outcome::kAsk:
        EXPECT_EQ(said, approval_required_text(told.digest)) << event.content;
        break;
      case Verdict::Outcome::kRefuse:
        EXPECT_EQ(said, "refused:" + told.reason) << event.content;
        break;
    }
  }
}

TEST_F(CosignerTest, MoneyIsReservedBeforeThePartialLeavesAndCountedOnce) {
  Policy policy = cast_.policy();
  policy.kinds[9734].verdict = Rule::kSign;
  policy.spending = {Msat{1'000}, std::nullopt, Msat{1'500}, std::nullopt};
  market_.cosigner.set_policy(policy);
  const auto zap = [&](std::string amount, UnixTime at) {
    auto event = cast_.note("zap " + amount, at, 9734);
    event.tags = {{"amount", std::move(amount)}};
    return event;
  };
  const auto first = zap("1000", kNow);
  EXPECT_EQ(sign_refusal(first), "(signed)");
  EXPECT_EQ(sign_refusal(first), "(signed)") << "the same event moves nothing more";
  EXPECT_TRUE(sign_refusal(zap("501", kNow)).starts_with("refused:spending-limit"));
  EXPECT_EQ(sign_refusal(zap("500", kNow)), "(signed)");
  EXPECT_TRUE(sign_refusal(zap("1", kNow)).starts_with("refused:spending-limit"));
  const UnixTime tomorrow = kNow + base::seconds(86'401);
  auto attempt = session(zap("1000", tomorrow));
  EXPECT_TRUE(std::get<std::string>(run(attempt, tomorrow)).starts_with("refused:stamp"))
      << "the session is yesterday's";
  storage::CosignLog log(*market_.db);
  EXPECT_EQ(must(log.spent_since(tomorrow - base::seconds(86'400), {})), Msat{0});
}

TEST_F(CosignerTest, AProofMustBeTheOperatorsOwnSignature) {
  Policy policy = cast_.policy();
  policy.kinds[1].verdict = Rule::kProof;
  market_.cosigner.set_policy(policy);
  const auto event = cast_.note("signed by hand");
  const auto digest = nipsa::event_digest(event);
  book_.words[digest] = {OperatorWord::kApproved, nostr::EventId(cast_.rng.bytes<32>())};
  EXPECT_TRUE(sign_refusal(event).starts_with("refused:proof-required"));
  SignReason reason;
  reason.decision = cast_.decision(cast_.service, digest);
  EXPECT_TRUE(sign_refusal(event, reason).starts_with("refused:proof-required"));
  reason.decision = cast_.decision(cast_.operator_key, digest);
  EXPECT_EQ(sign_refusal(event, reason), "(signed)");
}

TEST_F(CosignerTest, EveryVerdictIsAudited) {
  allow_notes();
  (void)sign(cast_.note("ok"));
  (void)sign_refusal(cast_.note("no", kNow, 4));
  (void)sign_refusal(cast_.note("ask", kNow, 7));
  storage::AuditLog audit(*market_.db);
  const auto rows = must(audit.tail(10));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].entry.verdict, "ask");
  EXPECT_EQ(rows[1].entry.verdict, "refused");
  EXPECT_EQ(rows[2].entry.verdict, "signed");
  EXPECT_EQ(must(audit.verify()), 3);
}

// --- ecdh, ping, echo, onboard ------------------------------------------------------------------

class CosignerEcdhTest : public CosignerTest {
 protected:
  EcdhSession session_for(const nostr::PublicKey& target, std::string tick) {
    return must(EcdhSession::create(cast_.group(), node_.share, {kMarket},
                                    must(EcdhTarget::from_key(target)),
                                    EcdhReason{"self", std::move(tick), {}}));
  }
  RpcMessage ask_ecdh(const EcdhPackage& package, Look look = Look::kFinal) {
    return reply_of(market_.cosigner.handle(
        kNode, {new_rpc_id(cast_.rng), "ecdh", {to_params(package)}}, kNow, look));
  }
  std::string ecdh_refusal(const EcdhPackage& package) {
    const auto message = ask_ecdh(package);
    const auto* reject = std::get_if<RpcReject>(&message);
    return reject != nullptr ? reject->reason : "(granted)";
  }
};

TEST_F(CosignerEcdhTest, SelfIsOpenedForALiveClaimRepeatably) {
  const auto claim = cast_.claim();
  const auto group = cast_.group().identity();
  EXPECT_TRUE(ecdh_refusal(session_for(group, claim.id.hex()).request())
                  .starts_with("refused:no-live-claim"));
  EXPECT_TRUE(ecdh_refusal(session_for(group, "").request()).starts_with("refused:no-live-claim"));
  must(market_.cosigner.facts().events().insert(claim, kNow));
  std::optional<nostr::Sha256> seen;
  for (int i = 0; i < 2; ++i) {
    auto session = session_for(group, claim.id.hex());
    const auto message = ask_ecdh(session.request());
    const auto answer = must(parse_ecdh_answer(std::get<RpcAccept>(message).data));
    const auto shared = must(session.on_answer(kMarket, answer));
    ASSERT_TRUE(shared);
    const auto digest = nostr::sha256(shared->expose());
    EXPECT_EQ(seen.value_or(digest), digest);
    seen = digest;
  }
}

TEST_F(CosignerEcdhTest, EverythingElseIsRefusedByName) {
  const auto claim = cast_.claim();
  must(market_.cosigner.facts().events().insert(claim, kNow));
  const std::string tick = claim.id.hex();
  EXPECT_EQ(ecdh_refusal(session_for(cast_.operator_key.public_key(), tick).request()),
            "refused:target-not-proven");
  EXPECT_TRUE(
      ecdh_refusal(session_for(cast_.group().find(ShareIndex{3})->identity(), tick).request())
          .starts_with("refused:member-key"));
  auto two = session_for(cast_.group().identity(), tick).request();
  two.entries.push_back(two.entries.front());
  EXPECT_TRUE(ecdh_refusal(two).starts_with("refused:one-target-only"));
  auto foreign = session_for(cast_.group().identity(), tick).request();
  foreign.members = {ShareIndex{1}, ShareIndex{2}, ShareIndex{7}};
  EXPECT_TRUE(ecdh_refusal(foreign).starts_with("refused:members"));
  auto named = session_for(cast_.group().identity(), tick).request();
  named.idx = ShareIndex{3};
  EXPECT_TRUE(ecdh_refusal(named).starts_with("refused:idx"));
}

TEST_F(CosignerTest, StockEcdhWithoutContextIsRefused) {
  const std::string target = cast_.group().identity().hex();
  const RpcRequest request{
      "stock",
      "ecdh",
      {R"({"idx":1,"members":[1,2],"entries":[{"ecdh_pk":")" + target + R"(","keyshare":""}]})"}};
  EXPECT_TRUE(reject_of(market_.cosigner.handle(kNode, request, kNow, Look::kFinal))
                  .starts_with("refused:no-live-claim"));
}

TEST_F(CosignerTest, PingsCarryNoncesNotesAndPolicy) {
  const auto message = reply_of(
      market_.cosigner.handle(kNode, {"p1", "ping", {R"({"version":2})"}}, kNow, Look::kFirst));
  const auto& data = std::get<RpcAccept>(message).data;
  const auto answer = must(parse_ping_answer(data));
  EXPECT_TRUE(answer.recv);
  const PeerNotes notes = PeerNotes::read(data);
  EXPECT_TRUE(notes.judges);
  EXPECT_EQ(notes.service, cast_.service.public_key());
  EXPECT_FALSE(notes.boot.empty());

  const auto stranger = reply_of(
      market_.cosigner.handle(ShareIndex{3}, {"p2", "ping", {"ping"}}, kNow, Look::kFirst));
  const auto refused = must(parse_ping_answer(std::get<RpcAccept>(stranger).data));
  EXPECT_FALSE(refused.recv);
  EXPECT_TRUE(refused.nonces.empty());
}

TEST_F(CosignerTest, EchoIsAnsweredAndBounded) {
  const auto echo = [&](std::string body) {
    return reply_of(
        market_.cosigner.handle(kMarket, {"e", "echo", {std::move(body)}}, kNow, Look::kFirst));
  };
  EXPECT_EQ(std::get<RpcAccept>(echo("hello")).data, "hello");
  EXPECT_TRUE(std::holds_alternative<RpcReject>(echo(std::string(5000, 'x'))));
}

TEST_F(CosignerTest, OnboardOnlyUnderOnesOwnName) {
  const auto onboard = [&](ShareIndex from, ShareIndex idx, ShareIndex key) {
    return reply_of(market_.cosigner.handle(
        from, {"o", "onboard", {onboard_params(idx, cast_.group().find(key)->pubkey)}}, kNow,
        Look::kFirst));
  };
  EXPECT_TRUE(
      std::holds_alternative<RpcAccept>(onboard(ShareIndex{1}, ShareIndex{1}, ShareIndex{1})));
  EXPECT_TRUE(
      std::holds_alternative<RpcReject>(onboard(ShareIndex{1}, ShareIndex{3}, ShareIndex{3})));
  EXPECT_TRUE(
      std::holds_alternative<RpcReject>(onboard(ShareIndex{1}, ShareIndex{1}, ShareIndex{3})));
}

TEST_F(CosignerTest, GarbageIsRefusedWithAClearWord) {
  for (const char* method : {"sign", "ecdh", "onboard"})
    EXPECT_TRUE(reject_of(market_.cosigner.handle(kNode, {std::string("g") + method, method, {"{"}},
                                                  kNow, Look::kFinal))
                    .starts_with("refused:malformed"));
  EXPECT_TRUE(reject_of(market_.cosigner.handle(kNode, {"u", "steal", {"{}"}}, kNow, Look::kFinal))
                  .starts_with("refused:unknown-method"));
}

}  // namespace
}  // namespace frostr
