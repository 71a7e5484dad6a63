// Members of a group over a real relay on loopback: sockets, encryption, databases.
#include "frostr/bifrost_node.h"

#include <gtest/gtest.h>

#include "tests/frostr/bifrost_world.h"

namespace frostr {
namespace {

using base::Task;
using testing::Member;
using testing::must;
using testing::World;

constexpr ShareIndex kMarket{2};
constexpr ShareIndex kGuardian{3};

ThresholdOptions quick() {
  ThresholdOptions options;
  options.peer_silence = std::chrono::milliseconds(500);
  return options;
}

Policy allowing(const World& world) {
  Policy policy = world.cast.policy();
  policy.kinds[1].verdict = Rule::kSign;
  return policy;
}

nostr::UnsignedEvent note_now(World& world, std::string text) {
  return world.cast.note(std::move(text), world.clock.now());
}

Task<Member*> started(Member* member) {
  const auto result = co_await member->node->start();
  EXPECT_TRUE(result) << result.error().detail;
  co_return member;
}

Task<void> publish(Member& member, World& world, nostr::Event event) {
  const auto outcomes = co_await member.pool.publish({world.relay->url()}, std::move(event));
  EXPECT_EQ(outcomes.at(0).state, nostr::PublishOutcome::State::kAccepted)
      << outcomes.at(0).message;
}

Task<void> sign_and_verify(World& world) {
  Member market(world, 2, allowing(world));
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  for (int i = 0; i < 30; ++i) {
    const auto event = note_now(world, "note " + std::to_string(i));
    const auto outcome = must(co_await signer.sign_with_context(event, {}));
    const auto* done = std::get_if<Signed>(&outcome);
    EXPECT_NE(done, nullptr) << i;
    if (done == nullptr) break;
    EXPECT_EQ(done->event.pubkey, world.cast.group().identity());
    EXPECT_TRUE(nostr::check(done->event));
  }
  const Readiness ready = signer.readiness();
  EXPECT_TRUE(ready.ready) << ready.why_not;
  const auto plain = co_await signer.sign({.kind = 1, .content = "as any signer"});
  EXPECT_TRUE(plain) << plain.error().detail;
  co_await node.stop();
  co_await market.stop();
}

TEST(Bifrost, AGroupSignsOverARelay) {
  World world;
  world.loop.run_until_complete(sign_and_verify(world));
}

Task<void> ask_then_sign(World& world) {
  Member market(world, 2, world.cast.policy());
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  const auto event = note_now(world, "needs a yes");
  auto outcome = must(co_await signer.sign_with_context(event, {}));
  const auto* asked = std::get_if<ApprovalRequired>(&outcome);
  EXPECT_NE(asked, nullptr);
  if (asked != nullptr) {
    EXPECT_EQ(asked->digest, nipsa::event_digest(event));
    EXPECT_EQ(asked->member, kMarket);
    EXPECT_EQ(asked->service, world.cast.service.public_key());
  }
  const auto as_signer =
      co_await signer.sign({.kind = 1, .created_at = event.created_at, .content = event.content});
  EXPECT_EQ(as_signer.error().code, base::Errc::kApprovalRequired);
  EXPECT_TRUE(as_signer.error().detail.ends_with(nipsa::event_digest(event).hex()));

  market.book.words[nipsa::event_digest(event)] = {OperatorWord::kApproved,
                                                   nostr::EventId(world.rng.bytes<32>())};
  SignContext context;
  context.member = kMarket;
  outcome = must(co_await signer.sign_with_context(event, context));
  EXPECT_TRUE(std::holds_alternative<Signed>(outcome));
  EXPECT_EQ(market.book.consumed.size(), 1U);
  co_await node.stop();
  co_await market.stop();
}

TEST(Bifrost, ApprovalIsAskedForOnceAndThenSigned) {
  World world;
  world.loop.run_until_complete(ask_then_sign(world));
}

Task<void> refuse_finally(World& world) {
  Policy strict = world.cast.policy();
  strict.kinds[1].verdict = Rule::kRefuse;
  Member market(world, 2, strict);
  Member guardian(world, 3, allowing(world));
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&guardian);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  SignContext context;
  context.member = kMarket;
  const auto outcome = must(co_await signer.sign_with_context(note_now(world, "no"), context));
  const auto* refused = std::get_if<Refused>(&outcome);
  EXPECT_NE(refused, nullptr);
  if (refused != nullptr) {
    EXPECT_EQ(refused->member, kMarket);
    EXPECT_TRUE(refused->reason.starts_with("kind-not-allowed"));
  }
  storage::AuditLog audit(*guardian.db);
  EXPECT_TRUE(must(audit.tail(5)).empty());
  co_await node.stop();
  co_await guardian.stop();
  co_await market.stop();
}

TEST(Bifrost, ARefusalIsFinalAndNobodyElseIsAsked) {
  World world;
  world.loop.run_until_complete(refuse_finally(world));
}

Task<void> fail_over(World& world) {
  Member guardian(world, 3, allowing(world));
  Member node(world, 1, Policy{});
  co_await started(&guardian);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  SignContext context;
  context.member = kMarket;  // nobody is there under this name
  auto outcome = must(co_await signer.sign_with_context(note_now(world, "anyone?"), context));
  EXPECT_TRUE(std::holds_alternative<Signed>(outcome));
  EXPECT_FALSE(node.node->peers().online(kMarket, world.clock.now()));
  co_await guardian.stop();
  outcome = must(co_await signer.sign_with_context(note_now(world, "no one?"), {}));
  EXPECT_TRUE(std::holds_alternative<Unavailable>(outcome));
  co_await node.stop();
}

TEST(Bifrost, SilenceLeadsToTheNextCosigner) {
  World world;
  world.loop.run_until_complete(fail_over(world));
}

Task<void> restart_market(World& world, std::string path) {
  Member node(world, 1, Policy{});
  ThresholdSigner signer(*node.node, quick());
  std::int64_t spent = 0;
  {
    Member market(world, 2, allowing(world), path);
    co_await started(&market);
    co_await started(&node);
    const auto first = must(co_await signer.sign_with_context(note_now(world, "before"), {}));
    EXPECT_TRUE(std::holds_alternative<Signed>(first));
    storage::NonceLedger ledger(*market.db);
    spent = must(ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent));
    co_await market.stop();
  }
  EXPECT_EQ(spent, 1);
  EXPECT_GT(node.node->nonces().available(kMarket), 0U);  // all of them dead by now
  Member market(world, 2, allowing(world), path);
  co_await started(&market);
  storage::NonceLedger ledger(*market.db);
  EXPECT_EQ(must(ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent)), spent);
  const auto second = must(co_await signer.sign_with_context(note_now(world, "after"), {}));
  EXPECT_TRUE(std::holds_alternative<Signed>(second));
  EXPECT_EQ(must(ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent)),
            spent + 1);
  co_await node.stop();
  co_await market.stop();
}

TEST(Bifrost, ARestartedCosignerVoidsItsNoncesAndSignsWithNewOnes) {
  World world;
  const auto path = std::filesystem::path(::testing::TempDir()) / "bifrost_restart.db";
  std::filesystem::remove(path);
  world.loop.run_until_complete(restart_market(world, path));
  std::filesystem::remove(path);
}

Task<void> open_own_state(World& world) {
  Member market(world, 2, world.cast.policy());
  Member guardian(world, 3, world.cast.policy());
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&guardian);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  const auto self = signer.public_key();
  const auto early = co_await signer.nip44_encrypt(self, "secret");
  EXPECT_EQ(early.error().code, base::Errc::kDenied) << early.error().detail;

  const auto claim = world.cast.claim(world.clock.now());
  co_await publish(node, world, claim);
  signer.set_tick(claim.id);
  const auto sealed = co_await signer.nip44_encrypt(self, "secret");
  EXPECT_TRUE(sealed) << sealed.error().detail;
  if (sealed) {
    signer.forget();
    const auto opened = co_await signer.nip44_decrypt(self, *sealed);
    EXPECT_EQ(opened.value_or("?"), "secret");
  }
  const auto stranger = co_await signer.nip44_encrypt(world.cast.operator_key.public_key(), "x");
  EXPECT_EQ(stranger.error().code, base::Errc::kDenied);
  EXPECT_NE(stranger.error().detail.find("target-not-proven"), std::string::npos);
  co_await node.stop();
  co_await guardian.stop();
  co_await market.stop();
}

TEST(Bifrost, TheStateOpensOnlyForALiveClaim) {
  World world;
  world.loop.run_until_complete(open_own_state(world));
}

Task<void> blind_hash(World& world) {
  Policy policy = world.cast.policy();
  Member market(world, 2, policy);
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  const auto hash = nostr::sha256("a bare hash");
  auto outcome = must(co_await signer.sign_hash(hash));
  EXPECT_TRUE(std::holds_alternative<Refused>(outcome));
  policy.requesters[0].blind = true;
  market.node->set_policy(policy);
  outcome = must(co_await signer.sign_hash(hash));
  const auto* signature = std::get_if<nostr::Signature>(&outcome);
  EXPECT_NE(signature, nullptr);
  if (signature != nullptr) EXPECT_TRUE(nostr::verify(signer.public_key(), hash, *signature));
  co_await node.stop();
  co_await market.stop();
}

TEST(Bifrost, BareHashesAreSignedOnlyWherePolicySaysSo) {
  World world;
  world.loop.run_until_complete(blind_hash(world));
}

Task<void> pass_by_the_blind(World& world) {
  Member blind(world, 3, allowing(world), ":memory:", /*judges=*/false);
  Member node(world, 1, Policy{});
  co_await started(&blind);
  co_await started(&node);
  must(co_await node.node->ping(kGuardian));
  // Alone it is used; beside a member known to judge it is not, even if that one is away.
  ThresholdSigner alone(*node.node, quick());
  auto outcome = must(co_await alone.sign_with_context(note_now(world, "a"), {}));
  EXPECT_TRUE(std::holds_alternative<Signed>(outcome));
  ThresholdOptions options = quick();
  options.judges = {kMarket};
  ThresholdSigner careful(*node.node, options);
  outcome = must(co_await careful.sign_with_context(note_now(world, "b"), {}));
  EXPECT_TRUE(std::holds_alternative<Unavailable>(outcome));
  co_await node.stop();
  co_await blind.stop();
}

TEST(Bifrost, EventsGoToMembersThatJudge) {
  World world;
  world.loop.run_until_complete(pass_by_the_blind(world));
}

Task<void> echo_oneself(World& world) {
  Member node(world, 1, Policy{});
  co_await started(&node);
  const auto reply = must(
      co_await node.node->call(ShareIndex{1}, "echo", "are you there", std::chrono::seconds(3)));
  EXPECT_EQ(std::get<RpcAccept>(reply).data, "are you there");
  const auto silent =
      co_await node.node->call(kGuardian, "ping", "ping", std::chrono::milliseconds(200));
  EXPECT_EQ(silent.error().code, base::Errc::kTimeout);
  co_await node.stop();
}

Task<void> onboard_for_nonces(World& world) {
  Member market(world, 2, world.cast.policy());
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&node);
  node.node->nonces().drop_received(kMarket);
  const auto onboarded = co_await node.node->onboard(kMarket);
  EXPECT_TRUE(onboarded) << onboarded.error().detail;
  const auto echoed = co_await node.node->onboard(ShareIndex{3});
  EXPECT_FALSE(echoed) << "nobody holds share 3 here";
  co_await node.stop();
  co_await market.stop();
}

TEST(Bifrost, AMemberMayAskForNoncesByOnboarding) {
  World world;
  world.loop.run_until_complete(onboard_for_nonces(world));
}

TEST(Bifrost, OnesOwnEchoTestsTheRelay) {
  World world;
  world.loop.run_until_complete(echo_oneself(world));
}

}  // namespace
}  // namespace frostr
