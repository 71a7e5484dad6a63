// What an envelope has left: never more than its cap, nothing twice, and an end is an end.
#include "nipsa/credit_ledger.h"

#include <algorithm>

#include "nipsa/approval.h"
#include "tests/nipsa/credit_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

struct CreditAccounts : testing::Test {
  std::string apply(const nostr::Event& event, base::UnixTime received = kNow) {
    return outcome(ledger.apply(event, received));
  }
  const nipsa::CreditAccount& account() { return *ledger.find(issuer().public_key(), "env-77"); }
  std::int64_t remaining() { return account().remaining().value; }
  /// A spend that was admitted.
  nostr::Event spent(std::string d, std::int64_t sats) {
    nostr::Event event = spend_event(spend(std::move(d), sats));
    EXPECT_EQ(apply(event), "ok");
    return event;
  }
  static nostr::Event with_status(nipsa::EnvelopeStatus status, seconds later,
                                  nipsa::CreditEnvelope of = envelope()) {
    of.status = status;
    return envelope_event(of, kNow + later);
  }
  static nostr::Event cancel(const nostr::Event& spend, const nostr::SecretKey& by,
                             base::UnixTime at = kNow) {
    return sign(nipsa::build_credit_cancel({.spend = spend.id, .envelope = "env-77", .reason = ""}, at).value(), by);
  }
  static nostr::Event defaulted(std::int64_t loss = 3'000) {
    return sign(nipsa::build_credit_default(default_notice(loss), kNow).value(), issuer());
  }
  static nostr::Event decided(const nostr::EventId& request, nipsa::Decision decision,
                              const nostr::SecretKey& by) {
    nipsa::ApprovalDecision out;
    out.request = request;
    out.decision = decision;
    return sign(nipsa::build_approval_decision(out, kNow).value(), by);
  }
  static nipsa::CreditEnvelope guarded() {
    auto out = envelope();
    out.guardian = guardian().public_key();
    out.approval_threshold = base::Sat{2'000};
    out.cancel_until = kNow + kHour / 2;
    return out;
  }

  nipsa::CreditLedger ledger{{issuer().public_key()}};
};

TEST_F(CreditAccounts, SpendsTogetherNeverExceedTheCapThoughEachFits) {
  ASSERT_EQ(apply(envelope_event(envelope(3'500))), "ok");
  spent("sp-1", 2'000);
  EXPECT_EQ(apply(spend_event(spend("sp-2", 1'501))), "E_BUDGET");
  spent("sp-3", 1'500);
  EXPECT_EQ(remaining(), 0);
  EXPECT_EQ(apply(spend_event(spend("sp-4", 1))), "E_BUDGET");
}

TEST_F(CreditAccounts, TheFeeIsSetAsideWithTheAmount) {
  auto priced = envelope(3'060);
  priced.fee = nipsa::Fee{.bps = 200, .flat = {}};
  ASSERT_EQ(apply(envelope_event(priced)), "ok");
  EXPECT_EQ(apply(spend_event(spend("sp-1", 3'001))), "E_BUDGET") << "its fee of 61 has no room";
  const auto event = spent("sp-2", 3'000);
  EXPECT_EQ(remaining(), 0);
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 3'000, 61))), "E_BUDGET");
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 3'000, 60))), "ok");
  EXPECT_EQ(account().settled().value, 3'060);
}

TEST_F(CreditAccounts, AnEventCountsOnceHoweverOftenItArrives) {
  const auto opened = envelope_event(envelope());
  ASSERT_EQ(apply(opened), "ok");
  EXPECT_EQ(apply(opened), "E_STALE");
  const auto event = spent("sp-1", 1'000);
  EXPECT_EQ(apply(event), "E_REPLAY");
  const auto paid = receipt_event(receipt(event.id.hex(), 900));
  EXPECT_EQ(apply(paid), "ok");
  EXPECT_EQ(apply(paid), "E_REPLAY");
  EXPECT_EQ(apply(event), "E_REPLAY");
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 1'000))), "E_CONFLICT") << "a second receipt";
  const auto alone = receipt_event(receipt("env-77:1", 100));
  EXPECT_EQ(apply(alone), "ok");
  EXPECT_EQ(apply(alone), "E_REPLAY");
  EXPECT_EQ(apply(receipt_event(receipt("env-77:1", 200))), "E_CONFLICT");
  EXPECT_EQ(account().settled().value, 1'000);
  EXPECT_EQ(remaining(), 2'500) << "what a receipt did not use is free again";
}

TEST_F(CreditAccounts, TwoSpendsWithOneDAreNotBothCounted) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  spent("sp-1", 1'000);
  EXPECT_EQ(apply(spend_event(spend("sp-1", 900))), "E_CONFLICT");
  EXPECT_EQ(remaining(), 2'500);
}

TEST_F(CreditAccounts, AReceiptIsNeverAboveItsSpendOrTheCap) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  const auto event = spent("sp-1", 3'000);
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 3'001))), "E_BUDGET");
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 3'000, 501))), "E_BUDGET");
  EXPECT_EQ(apply(receipt_event(receipt("env-77:1", 501))), "E_BUDGET");
  EXPECT_EQ(apply(receipt_event(receipt("env-77:2", 400, 101))), "E_BUDGET");
  EXPECT_EQ(remaining(), 500) << "what is refused changes nothing";
}

TEST_F(CreditAccounts, OnlyTheAgentSpendsAndOnlyForWhatWasLent) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  const auto draft = nipsa::build_credit_spend(spend("sp-1", 10), kNow).value();
  EXPECT_EQ(apply(sign(draft, stranger())), "E_SIGNER");
  auto other = spend("sp-1", 10);
  other.purpose.scope.id = std::string(64, 'e');
  EXPECT_EQ(apply(spend_event(other)), "E_AUTHZ");
  auto elsewhere = spend("sp-1", 10);
  elsewhere.envelope = "env-78";
  EXPECT_EQ(apply(spend_event(elsewhere)), "E_REF");
}

TEST_F(CreditAccounts, ConstraintsOfASkillMustBeTheSame) {
  auto of_skill = envelope();
  of_skill.purpose = skill_use();
  ASSERT_EQ(apply(envelope_event(of_skill)), "ok");
  auto tried = spend("sp-1", 10);
  tried.purpose = skill_use();
  tried.purpose.scope.constraints = hash('2');
  EXPECT_EQ(apply(spend_event(tried)), "E_AUTHZ");
  tried.purpose = skill_use();
  EXPECT_EQ(apply(spend_event(tried)), "ok");
}

TEST_F(CreditAccounts, NothingIsSpentFromTheDateOn) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  EXPECT_EQ(apply(spend_event(spend("sp-1", 10)), kNow + kHour - seconds(1)), "ok");
  EXPECT_EQ(apply(spend_event(spend("sp-2", 10)), kNow + kHour), "E_EXPIRED") << "though dated before";
  auto brief = spend("sp-3", 10);
  brief.expires = kNow + seconds(60);
  EXPECT_EQ(apply(spend_event(brief), kNow + seconds(60)), "E_EXPIRED");
}

TEST_F(CreditAccounts, IssuersAreKeptApartAndStrangersLeftOut) {
  nipsa::CreditLedger two({issuer().public_key(), pub('6')});
  auto theirs = envelope(10);
  theirs.issuer = pub('6');
  ASSERT_EQ(outcome(two.apply(envelope_event(envelope()), kNow)), "ok");
  ASSERT_EQ(outcome(two.apply(sign(nipsa::build_credit_envelope(theirs, kNow).value(), key('6')), kNow)), "ok");
  EXPECT_EQ(two.size(), 2u);
  EXPECT_EQ(two.find(pub('6'), "env-77")->envelope.max.value, 10);
  EXPECT_EQ(two.find(issuer().public_key(), "env-77")->envelope.max.value, 3'500);
  EXPECT_EQ(apply(sign(nipsa::build_credit_envelope(theirs, kNow).value(), key('6'))), "E_UNTRUSTED");
}

TEST_F(CreditAccounts, AnEnvelopeLivesOneWay) {
  using enum nipsa::EnvelopeStatus;
  const struct {
    nipsa::EnvelopeStatus from, to;
    const char* want;
  } steps[] = {
      {kOffered, kAccepted, "ok"},      {kOffered, kRevoked, "ok"},      {kOffered, kSpent, "E_STATE"},
      {kOffered, kSettled, "E_STATE"},  {kOffered, kDefaulted, "E_STATE"},
      {kAccepted, kSpent, "ok"},        {kAccepted, kRevoked, "ok"},     {kAccepted, kSettled, "ok"},
      {kAccepted, kDefaulted, "ok"},    {kAccepted, kOffered, "E_STATE"},
      {kSpent, kSettled, "ok"},         {kSpent, kDefaulted, "ok"},      {kSpent, kAccepted, "E_STATE"},
      {kSpent, kRevoked, "E_STATE"},    {kSettled, kAccepted, "E_STATE"}, {kRevoked, kAccepted, "E_STATE"},
      {kDefaulted, kSettled, "E_STATE"}, {kSettled, kSettled, "ok"},
  };
  for (const auto& step : steps) {
    nipsa::CreditLedger fresh({issuer().public_key()});
    ASSERT_EQ(outcome(fresh.apply(with_status(step.from, seconds(0)), kNow)), "ok");
    EXPECT_EQ(outcome(fresh.apply(with_status(step.to, seconds(1)), kNow)), step.want)
        << nipsa::envelope_status_name(step.from) << " to " << nipsa::envelope_status_name(step.to);
  }
}

TEST_F(CreditAccounts, AmendmentsOnlyLower) {
  ASSERT_EQ(apply(envelope_event(envelope(3'500))), "ok");
  spent("sp-1", 2'000);
  EXPECT_EQ(apply(envelope_event(envelope(3'501), kNow + seconds(1))), "E_STATE");
  EXPECT_EQ(apply(envelope_event(envelope(1'999), kNow + seconds(1))), "E_BUDGET");
  auto longer = envelope();
  longer.expires += seconds(1);
  EXPECT_EQ(apply(envelope_event(longer, kNow + seconds(1))), "E_STATE");
  auto ungated = envelope();
  ungated.agent = pub('8');
  EXPECT_EQ(apply(envelope_event(ungated, kNow + seconds(1))), "E_CONFLICT");
  EXPECT_EQ(apply(envelope_event(envelope(2'000), kNow + seconds(1))), "ok");
  EXPECT_EQ(remaining(), 0);
  EXPECT_EQ(apply(envelope_event(envelope(3'500), kNow)), "E_STALE");
}

TEST_F(CreditAccounts, TheGuardianCannotBeAmendedAway) {
  ASSERT_EQ(apply(envelope_event(guarded())), "ok");
  EXPECT_EQ(apply(envelope_event(envelope(), kNow + seconds(1))), "E_CONFLICT");
}

TEST_F(CreditAccounts, OfTwoVersionsOfOneSecondTheLowestIdCounts) {
  auto a = envelope_event(envelope(3'000));
  auto b = envelope_event(envelope(2'000));
  if (b.id < a.id) std::swap(a, b);
  const auto winner = nipsa::parse_credit_envelope(a).value().max;
  auto first = envelope(3'500);
  ASSERT_EQ(apply(envelope_event(first, kNow - seconds(1))), "ok");
  ASSERT_EQ(apply(a), "ok");
  EXPECT_EQ(apply(b), "E_STALE");
  EXPECT_EQ(account().envelope.max, winner);
}

TEST_F(CreditAccounts, NoSpendFromWhatIsOfferedRevokedOrOver) {
  using enum nipsa::EnvelopeStatus;
  for (const auto& [status, want] : {std::pair{kOffered, "E_STATE"}, std::pair{kRevoked, "E_REVOKED"},
                                     std::pair{kSettled, "E_STATE"}, std::pair{kDefaulted, "E_STATE"},
                                     std::pair{kSpent, "ok"}}) {
    nipsa::CreditLedger fresh({issuer().public_key()});
    ASSERT_EQ(outcome(fresh.apply(with_status(status, seconds(0)), kNow)), "ok");
    EXPECT_EQ(outcome(fresh.apply(spend_event(spend("sp-1", 1)), kNow)), want)
        << nipsa::envelope_status_name(status);
  }
}

TEST_F(CreditAccounts, ACancelledSpendFreesItsAmountForGood) {
  ASSERT_EQ(apply(envelope_event(guarded())), "ok");
  const auto event = spent("sp-1", 1'900);
  EXPECT_EQ(apply(cancel(event, stranger())), "E_AUTHZ");
  EXPECT_EQ(apply(cancel(event, agent())), "E_AUTHZ");
  EXPECT_EQ(remaining(), 1'600);
  EXPECT_EQ(apply(cancel(event, guardian())), "ok");
  EXPECT_EQ(remaining(), 3'500);
  EXPECT_EQ(apply(cancel(event, issuer())), "E_REPLAY");
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 100))), "E_STATE");
  EXPECT_EQ(apply(event), "E_REPLAY") << "it does not come back";
}

TEST_F(CreditAccounts, ACancelAfterTheWindowOrTheReceiptIsTooLate) {
  ASSERT_EQ(apply(envelope_event(guarded())), "ok");
  const auto ends = *guarded().cancel_until;
  const auto event = spent("sp-1", 100);
  EXPECT_EQ(apply(cancel(event, guardian(), ends), ends), "E_EXPIRED");
  EXPECT_EQ(apply(cancel(event, guardian(), ends - seconds(1)), ends), "E_EXPIRED") << "backdated";
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 100))), "ok");
  EXPECT_EQ(apply(cancel(event, guardian())), "E_STATE");
  EXPECT_EQ(apply(cancel(spent("sp-2", 100), guardian(), ends - seconds(1)), ends - seconds(1)), "ok");
}

TEST_F(CreditAccounts, WithoutAWindowASpendIsFinalAtOnce) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  EXPECT_EQ(apply(cancel(spent("sp-1", 100), issuer())), "E_EXPIRED");
}

TEST_F(CreditAccounts, FromTheThresholdOnTheGuardianDecidesOnThisVerySpend) {
  ASSERT_EQ(apply(envelope_event(guarded())), "ok");
  const auto small = spent("sp-1", 1'000);
  const auto large = spent("sp-2", 2'000);
  const auto state = [&](const nostr::Event& e) { return account().draws.at(e.id.hex()).state; };
  EXPECT_EQ(state(small), nipsa::DrawState::kCommitted);
  EXPECT_EQ(state(large), nipsa::DrawState::kAwaiting);
  EXPECT_EQ(remaining(), 500) << "what awaits a decision is set aside";
  EXPECT_EQ(apply(receipt_event(receipt(large.id.hex(), 2'000))), "E_AUTHZ");
  EXPECT_EQ(apply(decided(id('d'), nipsa::Decision::kApproved, guardian())), "E_REF");
  EXPECT_EQ(apply(decided(large.id, nipsa::Decision::kApproved, stranger())), "E_AUTHZ");
  EXPECT_EQ(apply(decided(large.id, nipsa::Decision::kApproved, guardian()), kNow + kHour), "E_EXPIRED");
  EXPECT_EQ(apply(decided(large.id, nipsa::Decision::kApproved, guardian())), "ok");
  EXPECT_EQ(apply(receipt_event(receipt(large.id.hex(), 2'000))), "ok");
}

TEST_F(CreditAccounts, WhatTheGuardianDeniesIsFreeAgain) {
  ASSERT_EQ(apply(envelope_event(guarded())), "ok");
  const auto large = spent("sp-1", 2'000);
  EXPECT_EQ(apply(decided(large.id, nipsa::Decision::kDenied, guardian())), "ok");
  EXPECT_EQ(apply(decided(large.id, nipsa::Decision::kApproved, guardian())), "E_REPLAY");
  EXPECT_EQ(remaining(), 3'500);
}

TEST_F(CreditAccounts, ADefaultEndsEverything) {
  ASSERT_EQ(apply(envelope_event(guarded())), "ok");
  const auto event = spent("sp-1", 1'000);
  EXPECT_EQ(apply(defaulted(3'501)), "E_BUDGET");
  const auto notice = defaulted(1'000);
  EXPECT_EQ(apply(notice), "ok");
  EXPECT_EQ(account().lost.value, 1'000);
  EXPECT_EQ(account().envelope.status, nipsa::EnvelopeStatus::kDefaulted);
  EXPECT_EQ(apply(notice), "E_REPLAY");
  EXPECT_EQ(apply(defaulted(999)), "E_CONFLICT");
  EXPECT_EQ(apply(receipt_event(receipt(event.id.hex(), 1'000))), "E_STATE");
  EXPECT_EQ(apply(cancel(event, guardian())), "E_STATE");
  EXPECT_EQ(apply(spend_event(spend("sp-2", 1))), "E_STATE");
  EXPECT_EQ(apply(with_status(nipsa::EnvelopeStatus::kAccepted, seconds(5), guarded())), "E_STATE");
  EXPECT_EQ(remaining(), 0);
}

TEST_F(CreditAccounts, ARevokedEnvelopeStillSettlesWhatWasSpentAndMayDefault) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  const auto first = spent("sp-1", 1'000);
  spent("sp-2", 1'000);
  ASSERT_EQ(apply(with_status(nipsa::EnvelopeStatus::kRevoked, seconds(1))), "ok");
  EXPECT_EQ(apply(receipt_event(receipt(first.id.hex(), 1'000))), "ok");
  EXPECT_EQ(apply(receipt_event(receipt("env-77:1", 10))), "E_STATE") << "nothing new is drawn";
  EXPECT_EQ(apply(defaulted(1'000)), "ok");
  EXPECT_EQ(account().envelope.status, nipsa::EnvelopeStatus::kRevoked);
}

TEST_F(CreditAccounts, ReceiptsAreByIssuerOrVerifier) {
  auto verified = envelope();
  verified.verifier = pub('7');
  ASSERT_EQ(apply(envelope_event(verified)), "ok");
  const auto event = spent("sp-1", 100);
  const auto draft = nipsa::build_credit_receipt(receipt(event.id.hex(), 100), kNow).value();
  EXPECT_EQ(apply(sign(draft, agent())), "E_SIGNER");
  EXPECT_EQ(apply(sign(draft, provider())), "E_SIGNER");
  EXPECT_EQ(apply(sign(draft, key('7'))), "ok");
}

TEST_F(CreditAccounts, ABrokenSignatureChangesNothing) {
  ASSERT_EQ(apply(envelope_event(envelope())), "ok");
  auto forged = spend_event(spend("sp-1", 100));
  forged.content = R"({"schema":1,"spend_sats":1})";
  EXPECT_EQ(apply(forged), "E_SIG");
  EXPECT_EQ(remaining(), 3'500);
  EXPECT_EQ(apply(sign({.kind = 1, .created_at = kNow, .tags = {}, .content = ""}, agent())), "E_KIND");
}

TEST_F(CreditAccounts, WhateverTheOrderTheAccountIsTheSameAndUnderTheCap) {
  std::vector<nipsa::Received> events;
  const auto add = [&](const nostr::Event& event) { events.push_back({event, kNow + seconds(60)}); };
  const auto opened = guarded();
  auto offered = opened;
  offered.status = nipsa::EnvelopeStatus::kOffered;
  add(envelope_event(offered, kNow - seconds(9)));
  add(envelope_event(opened, kNow - seconds(8)));
  for (int i = 0; i < 12; ++i) {
    const auto event = spend_event(spend("sp-" + std::to_string(i), 300 + 250 * (i % 8)), kNow + seconds(i));
    add(event);
    if (i % 3 == 0) add(cancel(event, guardian(), kNow + seconds(i + 1)));
    if (i % 3 == 1) add(receipt_event(receipt(event.id.hex(), 200), kNow + seconds(i + 2)));
    add(decided(event.id, i % 2 == 0 ? nipsa::Decision::kApproved : nipsa::Decision::kDenied, guardian()));
  }
  const auto shape = [](const nipsa::CreditAccount& account) {
    std::string out;
    for (const auto& [id, draw] : account.draws)
      out += id + " " + std::to_string(draw.amount.value) + " " + std::to_string(static_cast<int>(draw.state)) + "\n";
    return out;
  };
  base::SeededRng rng(11);
  std::string first;
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[rng.below(i)]);
    nipsa::CreditLedger fresh({issuer().public_key()});
    const auto refused = nipsa::fold_credit(fresh, events);
    const auto* account = fresh.find(issuer().public_key(), "env-77");
    ASSERT_NE(account, nullptr);
    EXPECT_LE(account->committed(), account->envelope.max);
    EXPECT_FALSE(refused.empty()) << "twelve spends do not all fit";
    if (first.empty()) first = shape(*account);
    EXPECT_EQ(shape(*account), first) << "round " << round;
    // All of it again, singly and in this order, changes nothing.
    for (const auto& one : events) static_cast<void>(fresh.apply(one.event, one.at));
    EXPECT_LE(account->committed(), account->envelope.max);
  }
}

}  // namespace
