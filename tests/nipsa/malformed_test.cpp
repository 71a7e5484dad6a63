// Ten thousand malformed variants of every kind this floor reads: each reader gives a value or an error
// with a code, and no event whose signature does not cover what it says is taken.
#include <algorithm>

#include "nipsa/auth.h"
#include "nipsa/credit_ledger.h"
#include "nipsa/trust.h"
#include "nostr/event/event_json.h"
#include "tests/nipsa/mutation.h"
#include "tests/nipsa/samples.h"

namespace {

using namespace nipsa_test;

constexpr int kVariants = 10'000;
constexpr int kUnsigned = 1'000;  // the one check they all meet is the same for every kind
constexpr int kFlips = 100;

struct Malformed : testing::TestWithParam<Sample> {};

TEST_P(Malformed, EveryReaderGivesAValueOrATypedError) {
  const Sample& sample = GetParam();
  ASSERT_EQ(sample.read(sample.event), "ok") << "the sample itself";
  base::SeededRng rng(sample.event.kind);
  int refused = 0;
  for (int i = 0; i < kVariants; ++i) {
    const std::string said = sample.read(mutated(sample.event, rng));
    ASSERT_FALSE(said.starts_with("untyped")) << "variant " << i << ": " << said;
    if (said != "ok") ++refused;
  }
  EXPECT_GT(refused, kVariants / 10) << "the variants are malformed";
}

TEST_P(Malformed, NothingIsTakenWhoseSignatureDoesNotCoverIt) {
  const Sample& sample = GetParam();
  base::SeededRng rng(sample.event.kind + 1u);
  ASSERT_EQ(outcome(nipsa::check_event(sample.event, sample.event.kind, kNow)), "ok");
  for (int i = 0; i < kUnsigned; ++i) {
    const nostr::Event variant = mutated(sample.event, rng);
    if (variant == sample.event) continue;  // two tags may have changed places that are alike
    const auto said = outcome(nipsa::check_event(variant, sample.event.kind, kNow));
    ASSERT_NE(said, "ok") << nostr::to_json(variant);
    ASSERT_FALSE(said.starts_with("untyped")) << said;
  }
  for (int i = 0; i < kFlips; ++i)
    ASSERT_EQ(outcome(nipsa::check_event(with_a_flipped_bit(sample.event, rng), sample.event.kind, kNow)), "E_SIG");
}

TEST_P(Malformed, FromBrokenTextComesTheEventItselfOrNone) {
  const Sample& sample = GetParam();
  base::SeededRng rng(sample.event.kind + 2u);
  const std::string text = nostr::to_json(sample.event);
  for (int i = 0; i < kUnsigned; ++i) {
    const auto read = nostr::parse_event(mutated_text(text, rng));
    if (!read) continue;
    ASSERT_FALSE(sample.read(*read).starts_with("untyped"));
    if (*read == sample.event) continue;  // a blank between two members changes nothing
    ASSERT_NE(outcome(nipsa::check_event(*read, sample.event.kind, kNow)), "ok") << nostr::to_json(*read);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Malformed, testing::ValuesIn(samples()), [](const auto& given) {
  std::string name = given.param.name;
  std::ranges::replace(name, ' ', '_');
  return name;
});

TEST(MalformedCredit, ALedgerTakesOnlyWhatIsSignedAndStaysUnderItsCap) {
  nipsa::CreditLedger ledger({issuer().public_key()});
  const auto opened = envelope_event(open_envelope());
  const auto spent = spend_event(spend("sp-1", 1'000));
  ASSERT_EQ(outcome(ledger.apply(opened, kNow)), "ok");
  ASSERT_EQ(outcome(ledger.apply(spent, kNow)), "ok");
  const auto notice = sign(nipsa::build_credit_default(default_notice(), kNow).value(), issuer());
  const nostr::Event good[] = {opened, spent, receipt_event(receipt(spent.id.hex(), 900, 18)), cancel_event(), notice,
                               decision_event()};
  const nostr::SecretKey* people[] = {&agent(), &issuer(), &guardian(), &stranger()};
  base::SeededRng rng(5);
  for (int i = 0; i < kVariants; ++i) {
    auto variant = mutated(good[rng.below(std::size(good))], rng);
    if (rng.below(8) == 0)  // and now and then by somebody who may sign it, or may not
      variant = sign({variant.kind, variant.created_at, variant.tags, variant.content}, *people[rng.below(4)]);
    const bool bound = nostr::check(variant).has_value();
    const auto said = outcome(ledger.apply(variant, kNow));
    ASSERT_FALSE(said.starts_with("untyped")) << said;
    ASSERT_TRUE(said != "ok" || bound) << nostr::to_json(variant);
    const auto* account = ledger.find(issuer().public_key(), "env-77");
    ASSERT_LE(account->committed(), account->envelope.max);
  }
}

TEST(MalformedTrust, WhatIsBrokenNeitherVouchesNorWithdrawsNorWarns) {
  const auto label = [](const char* value) {
    return sign(nipsa::build_skill_label(echo_event(), {value}, "", kNow).value(), auditor());
  };
  const auto withdrawal = sign(nipsa::build_skill_revocation({echo_event()}, "why", "", kNow).value(), publisher());
  const nostr::Event good[] = {label("audit-passed"), label("malicious-confirmed"), withdrawal, version_event()};
  const nipsa::TrustPolicy policy{.auditors = {auditor().public_key()}};
  base::SeededRng rng(8);
  for (int i = 0; i < kVariants; ++i) {
    const auto& original = good[rng.below(std::size(good))];
    auto variant = mutated(original, rng);
    const bool by_stranger = rng.below(4) == 0;  // who may say what they like
    if (by_stranger) variant = sign({variant.kind, variant.created_at, variant.tags, variant.content}, stranger());
    if (!by_stranger && nostr::check(variant)) continue;
    nipsa::TrustInputs in{.manifest = echo_event(), .now = kNow};
    in.labels = in.deletions = in.log = {variant};
    const auto decision = nipsa::judge_trust(in, policy);
    ASSERT_EQ(decision.row, nipsa::TrustRow::kNobody) << nostr::to_json(variant);
  }
}

TEST(MalformedAuth, OnlyTheTrueResponseProvesTheKey) {
  nipsa::AuthDesk desk;
  ASSERT_EQ(outcome(desk.open(challenge_event(), kNow)), "ok");
  const auto good = response_event();
  base::SeededRng rng(6);
  for (int i = 0; i < kVariants; ++i) {
    const auto variant = mutated(good, rng);
    if (variant == good) continue;
    ASSERT_NE(outcome(desk.accept(variant, kNow)), "ok");
  }
  EXPECT_EQ(outcome(desk.accept(good, kNow)), "ok");
}

}  // namespace
