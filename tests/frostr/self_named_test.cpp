// What somebody writes about itself gives it no authority: a guardian that a claim names, a licence
// of another agent over a key of ours.
#include <gtest/gtest.h>

#include "nipsa/licence.h"
#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;
using testing::Party;

class SelfNamed : public ::testing::Test {
 protected:
  static Policy policy(const Cast& cast) {
    Policy out = cast.policy();
    out.ecdh.issuers = {issuer().public_key()};
    return out;
  }
  static const nostr::SecretKey& issuer() {
    static const auto key = nostr::SecretKey::from_hex(std::string(63, '0') + "7").value();
    return key;
  }
  /// A licence of the issuer for `agent` over the content key that every licence here names.
  nostr::Event licence(const nostr::PublicKey& agent, char id) {
    nipsa::Licence out;
    out.id = std::string(32, id);
    out.issuer = issuer().public_key();
    out.agent = agent;
    out.skill = nostr::Address{33400, issuer().public_key(), "echo"};
    out.skill_name = "echo";
    out.manifest = nostr::EventId(nostr::sha256(std::string_view("manifest")).array());
    out.version = "1.0.0";
    out.manifest_hash = nostr::sha256(std::string_view("skill"));
    out.provider = issuer().public_key();
    out.licensed_at = kNow;
    out.type = nipsa::LicenceType::kPerpetual;
    out.content_key = content_.public_key();
    return nostr::sign_event(must(nipsa::build_licence(out, kNow)), issuer(), cast_.rng);
  }
  std::string refusal(const nostr::Event& proof) {
    auto known = must(
        market_.cosigner.facts().for_ecdh(market_.cosigner.policy(), requester(), {},
                                          EcdhReason{"proven", claim_.id.hex(), {proof}}, kNow));
    const EcdhVerdict verdict = judge_ecdh(market_.cosigner.policy(), content_.public_key(), known);
    return verdict.grants() ? "(granted)" : verdict.reason;
  }
  Requester requester() const { return {.idx = 1, .runner = cast_.runner.public_key()}; }

  Cast cast_;
  Party market_{cast_, 2, policy(cast_)};
  nostr::SecretKey content_ = nostr::SecretKey::generate(cast_.rng);
  nostr::Event claim_ = [this] {
    nostr::Event claim = cast_.claim();
    must(market_.cosigner.facts().events().insert(claim, kNow));
    return claim;
  }();
};

TEST_F(SelfNamed, AGuardianThatOnlyAClaimNamesDecidesNothing) {
  const nostr::SecretKey eve = nostr::SecretKey::generate(cast_.rng);
  nipsa::TickRequest request;
  request.d = nipsa::random_d("tick-", cast_.rng);
  request.agent = cast_.group().identity();
  request.slot = nipsa::slot_of_manual(cast_.rng);
  request.guardian = eve.public_key();
  const nostr::Event claim =
      nostr::sign_event(must(nipsa::build_tick_request(request, cast_.runner.public_key(), kNow)),
                        cast_.runner, cast_.rng);
  must(market_.cosigner.facts().events().insert(claim, kNow));
  ASSERT_TRUE(
      must(market_.cosigner.facts().live_claim(claim.id.hex(), cast_.runner.public_key(), kNow)));
  const auto event = cast_.note("what the guardian of my claim allowed");
  const auto verdict_with = [&](const nostr::SecretKey& author) {
    SignReason reason;
    reason.tick = claim.id.hex();
    reason.decision = cast_.decision(author, nipsa::event_digest(event));
    return must(explain(market_.cosigner.facts(), market_.cosigner.policy(), event, ShareIndex{1},
                        reason, kNow))
        .verdict.outcome;
  };
  EXPECT_EQ(verdict_with(eve), Verdict::Outcome::kAsk);
  EXPECT_EQ(verdict_with(cast_.operator_key), Verdict::Outcome::kSign);
}

TEST_F(SelfNamed, ALicenceOfAnotherAgentOpensNothingThoughItNamesTheSameKey) {
  const nostr::PublicKey other = nostr::SecretKey::generate(cast_.rng).public_key();
  EXPECT_EQ(refusal(licence(other, 'b')), "target-not-proven");
  EXPECT_EQ(refusal(licence(cast_.group().identity(), 'a')), "(granted)");
}

}  // namespace
}  // namespace frostr
