// 1985 about agents: how they stand with issuers, and who answers for them.
#include "nipsa/agent_label.h"

#include "nostr/nips/nip09.h"
#include "tests/nipsa/credit_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

nostr::Event paid(std::string d = "env-77:1", std::int64_t sats = 900) {
  return receipt_event(receipt(std::move(d), sats));
}
nostr::Event lost() {
  return sign(nipsa::build_credit_default(default_notice(), kNow).value(), issuer());
}
nostr::Event label(const nostr::Event& evidence, const nostr::SecretKey& by = issuer(), base::UnixTime at = kNow) {
  return sign(nipsa::build_credit_label(evidence, at).value(), by);
}
nipsa::CreditStanding standing(const std::vector<nostr::Event>& labels, const std::vector<nostr::Event>& deletions = {}) {
  const std::vector<nostr::PublicKey> trusted{issuer().public_key(), agent().public_key()};
  return nipsa::credit_standing(agent().public_key(), labels, deletions, trusted, kNow);
}

TEST(CreditLabel, SaysWhatItsEvidenceDoes) {
  EXPECT_EQ(nipsa::parse_credit_label(label(paid())).value(),
            (nipsa::CreditLabel{nipsa::CreditOutcome::kSuccess, agent().public_key(), paid().id, {900}}));
  EXPECT_EQ(nipsa::parse_credit_label(label(lost())).value(),
            (nipsa::CreditLabel{nipsa::CreditOutcome::kDefault, agent().public_key(), lost().id, {3'000}}));
  EXPECT_EQ(outcome(nipsa::build_credit_label(envelope_event(envelope()), kNow)), "E_KIND");
}

TEST(CreditLabel, BrokenOnesAreTyped) {
  const auto read = [](const char* name, const nostr::Tags& tags) {
    return outcome(nipsa::parse_credit_label(with(label(paid()), name, tags, issuer())));
  };
  EXPECT_EQ(read("x", {}), "ok");
  EXPECT_EQ(read("l", {{"l", "success"}}), "ok") << "the only L is the mark";
  EXPECT_EQ(read("l", {{"l", "success", "elsewhere"}}), "E_KIND");
  EXPECT_EQ(read("l", {{"l", "mostly", "agent/credit"}}), "E_ENUM");
  EXPECT_EQ(read("l", {{"l", "success", "agent/credit"}, {"l", "default", "agent/credit"}}), "E_ENUM");
  EXPECT_EQ(read("p", {}), "E_TAG_MISSING");
  EXPECT_EQ(read("e", {{"e", "xyz"}}), "E_HEX");
  EXPECT_EQ(read("amount", {}), "E_TAG_MISSING");
  EXPECT_EQ(read("amount", {{"amount", "-5"}}), "E_NUM");
}

TEST(CreditStanding, EachPieceOfEvidenceCountsOnce) {
  const auto two = paid("env-77:2", 100);
  EXPECT_EQ(standing({label(paid()), label(paid()), label(paid(), issuer(), kNow - seconds(9)), label(two)}),
            (nipsa::CreditStanding{.successes = 2, .defaults = 0, .repaid = {1'000}, .lost = {}}));
  EXPECT_EQ(standing({label(lost()), label(two)}),
            (nipsa::CreditStanding{.successes = 1, .defaults = 1, .repaid = {100}, .lost = {3'000}}));
}

TEST(CreditStanding, OnlyIssuersOneTrustsAreHeardAndNobodyPraisesThemselves) {
  auto forged = label(paid());
  forged.tags.back()[1] = "2000000000";
  EXPECT_EQ(standing({label(paid(), stranger()), label(paid(), agent()), forged, label(paid(), issuer(), kNow + seconds(901))}),
            nipsa::CreditStanding{});
}

TEST(CreditStanding, WhatIsTakenBackCountsNothing) {
  const auto one = label(lost());
  const auto deletion = nostr::build_deletion({one}, "a mistake", kNow + seconds(1));
  EXPECT_EQ(standing({one}, {sign(deletion, issuer())}), nipsa::CreditStanding{});
  EXPECT_EQ(standing({one}, {sign(deletion, agent())}).defaults, 1u) << "not by the one it is about";
  auto forged = sign(deletion, agent());
  forged.pubkey = issuer().public_key();
  EXPECT_EQ(standing({one}, {forged}).defaults, 1u);
}

TEST(OperatorLabel, AProfileIsVouchedForByTheOperatorItNames) {
  const nostr::SecretKey& owner = guardian();
  const auto said = sign(nipsa::build_operator_label(agent().public_key(), kNow), owner);
  const auto holds = [&](const nostr::Event& event, const std::vector<nostr::Event>& deletions = {}) {
    return nipsa::acknowledges_agent(event, owner.public_key(), agent().public_key(), deletions);
  };
  EXPECT_TRUE(holds(said));
  EXPECT_FALSE(holds(sign(nipsa::build_operator_label(agent().public_key(), kNow), stranger())));
  EXPECT_FALSE(holds(sign(nipsa::build_operator_label(pub('8'), kNow), owner)));
  auto forged = said;
  forged.content = "x";
  EXPECT_FALSE(holds(forged));
  EXPECT_FALSE(holds(with(said, "l", {{"l", "knows", "nip-sa.operator"}}, owner)));
  const auto deletion = nostr::build_deletion({said}, "", kNow + seconds(1));
  EXPECT_FALSE(holds(said, {sign(deletion, owner)}));
  EXPECT_TRUE(holds(said, {sign(deletion, stranger())}));
}

}  // namespace
