// Members of a group over a real relay on loopback: sockets, encryption, databases.
#include "frostr/bifrost_node.h"

#include <map>

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

Task<void> outrun_the_silent(World& world) {
  Member guardian(world, 3, allowing(world));
  Member node(world, 1, Policy{});
  co_await started(&guardian);
  ThresholdOptions options;
  options.peer_silence = options.overall = std::chrono::hours(1);
  ThresholdSigner signer(*node.node, options);
  {
    Member market(world, 2, allowing(world));
    co_await started(&market);
    co_await started(&node);
    must(co_await node.node->ping(kGuardian));
    must(co_await node.node->ping(kMarket));
    node.node->peers().on_answer(kMarket, std::chrono::milliseconds(1), world.clock.now());
    co_await market.stop();
  }
  // It was the quickest, seems online, and will never answer.
  EXPECT_EQ(node.node->peers().order(std::nullopt, world.clock.now()).front(), kMarket);
  const auto outcome = must(co_await signer.sign_with_context(note_now(world, "quick"), {}));
  EXPECT_TRUE(std::holds_alternative<Signed>(outcome));
  EXPECT_FALSE(node.node->peers().online(kMarket, world.clock.now())) << "asked last from now on";
  co_await node.stop();
  co_await guardian.stop();
}

TEST(Bifrost, ACosignerThatKeepsASessionWaitingIsOutrunByAnother) {
  World world;
  world.loop.run_until_complete(outrun_the_silent(world));
}

Task<void> hold_back_the_hedge(World& world) {
  Policy strict = world.cast.policy();
  strict.kinds[1].verdict = Rule::kRefuse;
  Member guardian(world, 3, strict);
  Member node(world, 1, Policy{});
  co_await started(&guardian);
  ThresholdOptions options = quick();
  options.hedge_after = std::chrono::milliseconds(20);
  ThresholdSigner signer(*node.node, options);
  {
    Member market(world, 2, allowing(world));
    co_await started(&market);
    co_await started(&node);
    must(co_await node.node->ping(kGuardian));
    must(co_await node.node->ping(kMarket));
    node.node->peers().on_answer(kMarket, std::chrono::milliseconds(1), world.clock.now());
    co_await market.stop();
  }
  // The hedge says no long before the first falls silent; then its word counts.
  const auto outcome = must(co_await signer.sign_with_context(note_now(world, "no"), {}));
  const auto* refused = std::get_if<Refused>(&outcome);
  EXPECT_NE(refused, nullptr);
  if (refused != nullptr) EXPECT_EQ(refused->member, kGuardian);
  co_await node.stop();
  co_await guardian.stop();
}

TEST(Bifrost, AHedgesRefusalCountsOnceTheFirstIsSilent) {
  World world;
  world.loop.run_until_complete(hold_back_the_hedge(world));
}

Task<void> sign_three_of_five(World& world) {
  std::vector<std::unique_ptr<Member>> members;
  for (const std::uint32_t idx : {2U, 4U, 5U})
    members.push_back(std::make_unique<Member>(world, idx, allowing(world)));
  for (const auto& member : members) co_await started(member.get());
  Member node(world, 1, Policy{});
  co_await started(&node);
  ThresholdOptions options = quick();
  ThresholdSigner signer(*node.node, options);
  for (int i = 0; i < 3; ++i) {
    const auto outcome = must(
        co_await signer.sign_with_context(note_now(world, "note " + std::to_string(i)), {}));
    EXPECT_TRUE(std::holds_alternative<Signed>(outcome)) << i;
  }
  co_await members.back()->stop();
  members.pop_back();
  const auto outcome = must(co_await signer.sign_with_context(note_now(world, "with two"), {}));
  EXPECT_TRUE(std::holds_alternative<Signed>(outcome));
  co_await members.back()->stop();
  members.pop_back();
  const auto last = must(co_await signer.sign_with_context(note_now(world, "with one"), {}));
  const auto* away = std::get_if<Unavailable>(&last);
  EXPECT_NE(away, nullptr);
  if (away != nullptr) EXPECT_NE(away->why.find("member 3"), std::string::npos) << away->why;
  co_await node.stop();
  co_await members.back()->stop();
}

TEST(Bifrost, ThreeOfFiveSignTogetherAndSurviveTheLossOfASpare) {
  World world(3, 5);
  world.loop.run_until_complete(sign_three_of_five(world));
}

Task<void> talk_apart(World& world) {
  Member market(world, 2, allowing(world));
  Member guardian(world, 3, allowing(world), ":memory:", true, /*own_mode=*/false);
  Member node(world, 1, Policy{});
  // Whoever is asked, and how: the authors of all messages that name a member.
  std::map<nostr::PublicKey, int> authors;
  nostr::Pool watcher(world.loop, world.net, world.workers, world.clock, world.rng);
  base::Signal open(world.loop);
  const auto subscription = watcher.subscribe(
      {world.relay->url()}, {{.kinds = {20000}}},
      {.on_events =
           [&](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch) ++authors[delivery.event->pubkey];
           },
       .on_eose = [&](const std::string&) { open.notify(); },
       .on_closed = {}});
  co_await open.wait_for(std::chrono::seconds(10));
  co_await started(&market);
  co_await started(&guardian);
  co_await started(&node);
  must(co_await node.node->ping(kMarket));
  must(co_await node.node->ping(kGuardian));
  EXPECT_TRUE(node.node->talks_apart(kMarket));
  EXPECT_FALSE(node.node->talks_apart(kGuardian)) << "it speaks bifrost only";
  ThresholdSigner signer(*node.node, quick());
  for (const ShareIndex member : {kMarket, kGuardian}) {
    SignContext context;
    context.member = member;
    const auto note = note_now(world, "by " + std::to_string(member.value));
    const auto outcome = must(co_await signer.sign_with_context(note, context));
    EXPECT_TRUE(std::holds_alternative<Signed>(outcome)) << member.value;
  }
  const Readiness readiness = signer.readiness();
  EXPECT_TRUE(readiness.members[0].apart);
  EXPECT_EQ(readiness.members[0].why_not, "");
  // An echo comes after everything that was said before it.
  must(co_await node.node->call(kMarket, "echo", "x", std::chrono::seconds(10)));
  int strangers = 0;
  for (const auto& [author, count] : authors)
    if (world.cast.group().find(author) == nullptr) strangers += count;
  EXPECT_EQ(strangers, 2) << "one request and one answer, each under a transport key";
  co_await node.stop();
  co_await guardian.stop();
  co_await market.stop();
  co_await watcher.stop();
}

TEST(Bifrost, OurNodesSignApartFromTheirSharesAndFallBackToBifrost) {
  World world;
  world.loop.run_until_complete(talk_apart(world));
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

Task<void> ask_who_knows(World& world) {
  const auto granting = [&](const nostr::PublicKey& target) {
    Policy policy = world.cast.policy();
    policy.ecdh.targets = {target};
    return policy;
  };
  const auto first = world.cast.operator_key.public_key();
  const auto second = world.cast.runner.public_key();
  Member market(world, 2, granting(first));
  Member guardian(world, 3, granting(second));
  Member node(world, 1, Policy{});
  co_await started(&market);
  co_await started(&guardian);
  co_await started(&node);
  ThresholdSigner signer(*node.node, quick());
  // Whoever is asked first, one of the two targets is the other's.
  for (const nostr::PublicKey& target : {first, second}) {
    const auto shared = co_await signer.ecdh(target, {"proven", std::nullopt, {}});
    EXPECT_TRUE(shared) << shared.error().detail;
  }
  // Nobody knows this one: that is a refusal, not a matter of waiting.
  const auto stranger = co_await signer.ecdh(world.cast.service.public_key(), {"proven", std::nullopt, {}});
  EXPECT_EQ(stranger.error().code, base::Errc::kDenied) << stranger.error().detail;
  co_await node.stop();
  co_await guardian.stop();
  co_await market.stop();
}

TEST(Bifrost, AMemberThatDoesNotKnowTheProofLeadsToOneThatDoes) {
  World world;
  world.loop.run_until_complete(ask_who_knows(world));
}

/// The member's own words, but not as they should be: what it is and whether it was recorded.
Task<void> send_what_is_dropped(World& world) {
  Member market(world, 2, allowing(world));
  Member node(world, 1, Policy{});
  co_await started(&market);
  const auto share = must(world.cast.share(1).transport_key());
  const auto market_key = world.cast.group().find(kMarket)->identity();
  const auto now = world.clock.now();
  auto forged = must(seal_message(share, market_key, "{}", now, world.rng));
  forged = nostr::sign_event({.kind = forged.kind, .created_at = now, .tags = forged.tags,
                              .content = "B" + forged.content.substr(1)},
                             share, world.rng);
  co_await publish(node, world, forged);
  co_await publish(node, world, must(seal_message(share, market_key, "{}", now - base::seconds(600), world.rng)));
  co_await publish(node, world, must(seal_message(share, market_key, "{}", now, world.rng)));
  co_await started(&node);
  const auto pinged = co_await node.node->ping(kMarket);
  EXPECT_TRUE(pinged) << pinged.error().detail;  // so all before it was heard
  std::vector<std::string> words;
  for (const auto& row : must(market.node->cosigner().audit().log().tail(10)))
    if (row.entry.kind == "transport")
      words.push_back(row.entry.verdict + " " + row.entry.reason.substr(0, row.entry.reason.find(':')));
  EXPECT_EQ(words, (std::vector<std::string>{"dropped malformed", "dropped forged", "dropped forged"}));  // newest first
  co_await node.stop();
  co_await market.stop();
}

TEST(Bifrost, AMessageThatIsNotWhatItClaimsIsDroppedAndRecorded) {
  World world;
  world.loop.run_until_complete(send_what_is_dropped(world));
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
