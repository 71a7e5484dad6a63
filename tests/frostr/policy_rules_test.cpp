// The policy's own rules, each at its boundary: requesters, leases, tags, content, licences, money,
// rates, hours and proofs — and that a trace tells the verdict it belongs to.
#include <gtest/gtest.h>

#include "frostr/judgement.h"
#include "nostr/base/rng.h"

namespace frostr {
namespace {

using Outcome = Verdict::Outcome;

const UnixTime kNow = base::unix_time(1'760'000'000);  // Thu 2025-10-09 08:53:20 UTC

nostr::PublicKey key_of(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return nostr::PublicKey(bytes);
}

const nostr::PublicKey kGroup = key_of(0xaa);

nostr::UnsignedEvent note(std::string content = "hello", nostr::Tags tags = {}) {
  return {kGroup, kNow, 1, std::move(tags), std::move(content)};
}

nostr::UnsignedEvent zap(std::string msat) {
  return {kGroup, kNow, 9734, {{"p", key_of(3).hex()}, {"amount", std::move(msat)}}, ""};
}

SignFacts facts_now() {
  SignFacts facts;
  facts.now = kNow;
  facts.group = kGroup;
  facts.requester = {.idx = 1, .runner = key_of(0xbb)};
  return facts;
}

/// Notes and zaps are signed unasked.
Policy open_policy() {
  Policy policy;
  policy.kinds[1].verdict = Rule::kSign;
  policy.kinds[9734].verdict = Rule::kSign;
  return policy;
}

Pattern pattern(std::string_view text) { return *Pattern::compile(text); }

/// The refusal's reason, or "sign" or "ask".
std::string said(const Policy& policy, const nostr::UnsignedEvent& event, const SignFacts& facts) {
  const Verdict verdict = judge(policy, event, 500, facts);
  if (verdict.outcome == Outcome::kSign) return "sign";
  if (verdict.outcome == Outcome::kAsk) return verdict.needs_proof ? "proof" : "ask";
  return verdict.reason;
}

TEST(PolicyRules, ARequesterMayBeHeldToKinds) {
  SignFacts facts = facts_now();
  facts.requester.kinds = std::vector<nostr::Kind>{7};
  EXPECT_EQ(said(open_policy(), note(), facts), "kind-not-for-requester: kind 1 by member 1");
  facts.requester.kinds = std::vector<nostr::Kind>{7, 1};
  EXPECT_EQ(said(open_policy(), note(), facts), "sign");
}

TEST(PolicyRules, OneProcessActsForAMember) {
  SignFacts facts = facts_now();
  facts.lease = {LeaseFact::State::kByOther, kNow + base::seconds(60)};
  EXPECT_EQ(said(open_policy(), note(), facts), "lease-held: until 1760000060");
  facts.lease = {LeaseFact::State::kHeld, kNow};
  EXPECT_EQ(said(open_policy(), note(), facts), "sign");
  facts.lease = {};
  EXPECT_EQ(said(open_policy(), note(), facts), "sign");
  facts.requester.needs_lease = true;
  EXPECT_TRUE(said(open_policy(), note(), facts).starts_with("lease-needed"));
}

TEST(PolicyRules, TagsMayBeListedAndForbidden) {
  Policy policy = open_policy();
  const auto tagged = note("x", {{"e", "1"}, {"t", "news"}});
  policy.kinds[1].tags = std::vector<std::string>{"e"};
  EXPECT_EQ(said(policy, tagged, facts_now()), "tag-not-allowed: t");
  policy.kinds[1].tags = std::vector<std::string>{"e", "t"};
  EXPECT_EQ(said(policy, tagged, facts_now()), "sign");
  policy.kinds[1].forbidden_tags = {"t"};
  EXPECT_EQ(said(policy, tagged, facts_now()), "tag-not-allowed: t");
  policy.kinds[1].tags = std::vector<std::string>{};
  EXPECT_EQ(said(policy, note(), facts_now()), "sign") << "an empty list allows no tag";
  EXPECT_TRUE(said(policy, tagged, facts_now()).starts_with("tag-not-allowed"));
}

TEST(PolicyRules, ContentIsCountedInCharacters) {
  Policy policy = open_policy();
  policy.kinds[1].max_chars = 3;
  EXPECT_EQ(said(policy, note("äöü"), facts_now()), "sign");
  EXPECT_TRUE(said(policy, note("äöüx"), facts_now()).starts_with("content-too-long: 4"));
}

TEST(PolicyRules, ContentMayBeHeldToPatterns) {
  Policy policy = open_policy();
  policy.content_never = {pattern("nsec1[a-z0-9]{4}")};
  EXPECT_TRUE(said(policy, note("my nsec1abcd"), facts_now()).starts_with("content-not-allowed"));
  EXPECT_EQ(said(policy, note("nsec1"), facts_now()), "sign");
  policy.kinds[1].content_needs = {pattern("^>>")};
  EXPECT_TRUE(said(policy, note("plain"), facts_now()).starts_with("content-not-allowed"));
  policy.kinds[1].content_never = {pattern("(?i)buy")};
  EXPECT_EQ(said(policy, note(">> hello"), facts_now()), "sign");
  EXPECT_TRUE(said(policy, note(">> BUY"), facts_now()).starts_with("content-not-allowed"));
  EXPECT_FALSE(Pattern::compile("(").has_value());
}

TEST(PolicyRules, TheOperatorsYesDoesNotLiftContentRules) {
  Policy policy;
  policy.content_never = {pattern("secret")};
  SignFacts facts = facts_now();
  facts.word = OperatorWord::kApproved;
  EXPECT_TRUE(said(policy, note("secret"), facts).starts_with("content-not-allowed"));
  EXPECT_EQ(said(policy, note("open"), facts), "sign");
}

TEST(PolicyRules, AKindMayNeedALicence) {
  Policy policy = open_policy();
  policy.kinds[1].licence = "33400:" + key_of(4).hex() + ":digest";
  for (const auto state : {LicenceState::kNone, LicenceState::kExpired, LicenceState::kRevoked}) {
    SignFacts facts = facts_now();
    facts.licence = state;
    const std::string reason = said(policy, note(), facts);
    EXPECT_TRUE(reason.starts_with("no-live-licence")) << reason;
    EXPECT_TRUE(reason.ends_with(licence_state_name(state))) << reason;
  }
  SignFacts facts = facts_now();
  facts.licence = LicenceState::kLive;
  EXPECT_EQ(said(policy, note(), facts), "sign");
}

TEST(PolicyRules, AmountsAreReadStrictly) {
  EXPECT_EQ(amount_of(zap("21000")), Msat{21'000});
  EXPECT_EQ(amount_of(zap("0")), Msat{0});
  for (const char* bad : {"", "-1", "1.5", "1e3", "0x10", " 1", "99999999999999999999"})
    EXPECT_EQ(amount_of(zap(bad)), std::nullopt) << bad;
  auto two = zap("1");
  two.tags.push_back({"amount", "2"});
  EXPECT_EQ(amount_of(two), std::nullopt);
}

TEST(PolicyRules, MoneyIsBoundedByEventHourAndDay) {
  Policy policy = open_policy();
  policy.spending = {Msat{1'000}, Msat{2'000}, Msat{5'000}, std::nullopt};
  struct Case {
    std::int64_t amount, hour, day;
    const char* says;
  };
  for (const Case& c : std::vector<Case>{{1'000, 0, 0, "sign"},
                                         {1'001, 0, 0, "amount-over-limit: 1001 msat, limit 1000"},
                                         {1'000, 1'000, 1'000, "sign"},
                                         {1'000, 1'001, 1'001, "spending-limit"},
                                         {1'000, 0, 4'000, "sign"},
                                         {1'000, 0, 4'001, "spending-limit"},
                                         {0, 2'000, 5'000, "sign"},
                                         {1, base::kMaxMsat.value, 0, "spending-limit"}}) {
    SignFacts facts = facts_now();
    facts.spent_last_hour = Msat{c.hour};
    facts.spent_last_day = Msat{c.day};
    const std::string out = said(policy, zap(std::to_string(c.amount)), facts);
    EXPECT_TRUE(out.starts_with(c.says)) << c.amount << " " << c.hour << " " << c.day << ": " << out;
  }
  EXPECT_TRUE(said(policy, zap("much"), facts_now()).starts_with("amount-unknown"));
  EXPECT_EQ(said(policy, note(), facts_now()), "sign") << "a note moves nothing";
}

/// A spend of `sats` from a credit of the issuer key_of(4).
nostr::UnsignedEvent spend(std::string content) {
  return {kGroup,
          kNow,
          39243,
          {{"d", "sp-1"}, {"p", key_of(4).hex()}, {"credit", "env-77"}, {"scope", "nip90", "job"},
           {"max", "3500"}, {"exp", std::to_string(base::to_unix(kNow) + 600)}},
          std::move(content)};
}

nostr::UnsignedEvent delegation(const nostr::Tags& money) {
  nostr::UnsignedEvent out{kGroup,
                           kNow,
                           39260,
                           {{"d", "del-1"}, {"p", key_of(5).hex()}, {"scope", "nip90", "job"},
                            {"exp", std::to_string(base::to_unix(kNow) + 600)}},
                           "Collect five sources"};
  out.tags.insert(out.tags.end(), money.begin(), money.end());
  return out;
}

TEST(PolicyRules, CreditIsMoneyTooWhoeverSpendsIt) {
  Policy policy = open_policy();
  policy.kinds[39243].verdict = Rule::kSign;
  policy.kinds[39260].verdict = Rule::kSign;
  policy.spending = {Msat{1'000'000}, std::nullopt, Msat{5'000'000}, Msat{500'000}};
  EXPECT_EQ(said(policy, spend(R"({"schema":1,"spend_sats":500})"), facts_now()), "sign");
  EXPECT_EQ(said(policy, spend(R"({"schema":1,"spend_sats":501})"), facts_now()), "ask");
  EXPECT_EQ(said(policy, spend(R"({"schema":1,"spend_sats":1001})"), facts_now()),
            "amount-over-limit: 1001000 msat, limit 1000000");
  EXPECT_TRUE(said(policy, spend("{}"), facts_now()).starts_with("amount-unknown"));
  EXPECT_EQ(said(policy, delegation({{"credit", "env-77"}, {"max_amount", "500"}}), facts_now()), "sign");
  EXPECT_EQ(said(policy, delegation({{"credit", "env-77"}, {"max_amount", "501"}}), facts_now()), "ask");
  EXPECT_TRUE(said(policy, delegation({{"credit", "env-77"}, {"max_amount", "1001"}}), facts_now())
                  .starts_with("amount-over-limit"));
  EXPECT_TRUE(said(policy, delegation({{"credit", "env-77"}}), facts_now()).starts_with("amount-unknown"));
  EXPECT_EQ(said(policy, delegation({}), facts_now()), "sign") << "without credit there is nothing to spend";
  SignFacts late = facts_now();
  late.spent_last_day = Msat{4'900'000};
  EXPECT_TRUE(said(policy, spend(R"({"schema":1,"spend_sats":101})"), late).starts_with("spending-limit"));
}

TEST(PolicyRules, LimitsHoldForApprovedMoneyToo) {
  Policy policy;
  policy.spending.per_event = Msat{1'000};
  SignFacts facts = facts_now();
  facts.word = OperatorWord::kApproved;
  EXPECT_EQ(said(policy, zap("1000"), facts), "sign");
  EXPECT_TRUE(said(policy, zap("1001"), facts).starts_with("amount-over-limit"));
}

TEST(PolicyRules, LargeAmountsAskWhereSmallOnesDoNot) {
  Policy policy = open_policy();
  policy.spending.ask_above = Msat{21'000};
  EXPECT_EQ(said(policy, zap("21000"), facts_now()), "sign");
  EXPECT_EQ(said(policy, zap("21001"), facts_now()), "ask");
}

TEST(PolicyRules, RatesHoldForMemberKindHourAndDay) {
  Policy policy = open_policy();
  policy.kinds[1].max_per_day = 4;
  SignFacts facts = facts_now();
  facts.kind_last_day = 3;
  EXPECT_EQ(said(policy, note(), facts), "sign");
  facts.kind_last_day = 4;
  EXPECT_EQ(said(policy, note(), facts), "rate-limited: 4 of this kind a day");
  facts = facts_now();
  facts.requester.max_per_hour = 2;
  facts.requester_last_hour = 2;
  EXPECT_EQ(said(policy, note(), facts), "rate-limited: 2 an hour by this member");
  facts = facts_now();
  facts.signed_before = true;
  facts.repeats_last_hour = kMaxRepeats - 1;
  EXPECT_EQ(said(policy, note(), facts), "sign");
  facts.repeats_last_hour = kMaxRepeats;
  EXPECT_TRUE(said(policy, note(), facts).starts_with("rate-limited"));
}

// --- hours ---------------------------------------------------------------------------------------

QuietHours hours(std::string_view from, std::string_view to, std::string zone) {
  QuietHours out;
  out.from = *parse_clock_time(from);
  out.to = *parse_clock_time(to);
  out.zone = std::move(zone);
  return out;
}

TEST(QuietHours, CoverTheNightAndEndInTheMorning) {
  const QuietHours night = hours("22:00", "07:00", "UTC");
  const std::int64_t midnight = 1'759'968'000;  // 2025-10-09 00:00 UTC
  struct Case {
    std::int64_t at;
    std::int64_t until;  ///< 0: not quiet
  };
  for (const Case& c : std::vector<Case>{{midnight, midnight + 7 * 3600},
                                         {midnight + 7 * 3600 - 1, midnight + 7 * 3600},
                                         {midnight + 7 * 3600, 0},
                                         {midnight + 22 * 3600 - 1, 0},
                                         {midnight + 22 * 3600, midnight + 31 * 3600}}) {
    const auto until = night.until(base::unix_time(c.at));
    EXPECT_EQ(until ? base::to_unix(*until) : 0, c.until) << c.at - midnight;
  }
}

TEST(QuietHours, FollowTheZoneThroughAChangeOfItsClock) {
  // Berlin went back from 03:00 CEST to 02:00 CET at 2025-10-26 01:00 UTC.
  const QuietHours night = hours("22:00", "07:00", "Europe/Berlin");
  ASSERT_TRUE(is_known_zone("Europe/Berlin"));
  const auto until = night.until(base::unix_time(1'761'431'400));  // 00:30 CEST
  ASSERT_TRUE(until.has_value());
  EXPECT_EQ(base::to_unix(*until), 1'761'458'400);  // 07:00 CET, an hour more than the clock says
  EXPECT_EQ(night.local(*until), "2025-10-26 07:00 CET");
}

TEST(QuietHours, MayBeginOnSomeDaysOnly) {
  QuietHours weekend = hours("00:00", "00:00", "UTC");  // the whole day
  weekend.days = {false, false, false, false, false, true, true};
  EXPECT_FALSE(weekend.until(base::unix_time(1'760'054'399)));  // Thu 23:59:59
  EXPECT_TRUE(weekend.until(base::unix_time(1'760'140'800)));   // Sat 00:00:00
  EXPECT_FALSE(weekend.until(base::unix_time(1'760'313'600)));  // Mon 00:00:00
}

TEST(QuietHours, ClockTimesAreReadStrictly) {
  EXPECT_EQ(*parse_clock_time("00:00"), 0);
  EXPECT_EQ(*parse_clock_time("23:59"), 1439);
  EXPECT_EQ(*parse_clock_time("24:00"), 0);
  for (const char* bad : {"", "7:00", "24:01", "12:60", "12.30", "12:3a", "012:30"})
    EXPECT_FALSE(parse_clock_time(bad).has_value()) << bad;
  EXPECT_FALSE(is_known_zone("Europe/Atlantis"));
}

TEST(PolicyRules, QuietHoursRefuseAndSayWhenTheyEnd) {
  Policy policy = open_policy();
  policy.quiet = QuietRule{hours("08:00", "09:00", "UTC"), Rule::kRefuse};
  EXPECT_EQ(said(policy, note(), facts_now()), "quiet-hours: until 2025-10-09 09:00 UTC");
  policy.quiet->verdict = Rule::kAsk;
  EXPECT_EQ(said(policy, note(), facts_now()), "ask");
  policy.quiet->verdict = Rule::kRefuse;
  SignFacts facts = facts_now();
  facts.word = OperatorWord::kApproved;
  EXPECT_EQ(said(policy, note(), facts), "sign") << "approved before";
  facts = facts_now();
  facts.now = base::unix_time(1'760'000'400);  // 09:00
  auto later = note();
  later.created_at = facts.now;
  EXPECT_EQ(said(policy, later, facts), "sign");
  const nostr::UnsignedEvent state{kGroup, kNow, 39201, {{"d", "state"}, {"encrypted"}}, "x"};
  EXPECT_TRUE(said(policy, state, facts_now()).starts_with("no-live-claim"))
      << "the machinery goes on";
}

// --- proofs --------------------------------------------------------------------------------------

TEST(PolicyRules, AProofIsAYesThatAnOperatorSigned) {
  Policy policy;
  policy.kinds[1].verdict = Rule::kProof;
  SignFacts facts = facts_now();
  EXPECT_EQ(said(policy, note(), facts), "proof");
  facts.word = OperatorWord::kApproved;
  EXPECT_TRUE(said(policy, note(), facts).starts_with("proof-required"));
  facts.word_is_signed = true;
  EXPECT_EQ(said(policy, note(), facts), "sign");
  facts.word = OperatorWord::kDenied;
  EXPECT_TRUE(said(policy, note(), facts).starts_with("denied"));
}

// --- traces --------------------------------------------------------------------------------------

TEST(PolicyTrace, NamesEveryRuleInOrderAndEndsInTheVerdict) {
  Policy policy = open_policy();
  policy.kinds[1].max_bytes = 600;
  Trace trace;
  judge(policy, note(), 500, facts_now(), &trace);
  std::vector<std::string> rules;
  for (const Step& step : trace) rules.push_back(step.rule);
  EXPECT_EQ(rules, (std::vector<std::string>{"requester", "lease", "author", "never signed",
                                             "kinds.1.max_bytes", "kind", "kinds.1.verdict",
                                             "max_per_hour", "repeats", "shape", "created_at",
                                             "verdict"}));
  EXPECT_EQ(trace[4].value, "500 bytes, limit 600");
  EXPECT_EQ(trace[5].result, "ask");
  EXPECT_EQ(trace[6].result, "sign");
  EXPECT_EQ(trace.back().result, "sign");
}

// --- a stricter policy never allows what a laxer one refuses -----------------------------------------

class Tightening : public ::testing::Test {
 protected:
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(rng_.bytes<1>()[0]) % n;
  }
  bool coin() { return below(2) == 0; }

  Policy random_policy() {
    Policy policy;
    policy.level = static_cast<Level>(below(3));
    policy.unlisted = coin() ? Rule::kRefuse : Rule::kAsk;
    policy.max_per_hour = 4 + below(6);
    for (const nostr::Kind kind : kKinds) {
      KindRule rule;
      if (coin()) rule.verdict = static_cast<Rule>(below(4));
      if (coin()) rule.max_per_hour = 4 + below(6);
      if (coin()) rule.max_per_day = 4 + below(6);
      if (coin()) rule.max_chars = 6 + below(12);
      if (coin()) rule.max_bytes = 140 + below(100);
      if (below(4) == 0) rule.tags = std::vector<std::string>{"p", "amount"};
      if (below(4) == 0) rule.content_never = {pattern("w")};
      policy.kinds[kind] = rule;
    }
    if (coin()) policy.spending.per_event = Msat{6 + below(10)};
    if (coin()) policy.spending.per_day = Msat{15 + below(20)};
    if (coin()) policy.spending.ask_above = Msat{below(10)};
    if (below(4) == 0)
      policy.quiet =
          QuietRule{hours("08:00", "09:00", "UTC"), coin() ? Rule::kAsk : Rule::kRefuse};
    return policy;
  }

  /// One of the ways to be stricter.
  void tighten(Policy& policy) {
    KindRule& rule = policy.kinds[pick_kind()];
    const auto at_most = [](std::optional<Msat>& limit, std::int64_t most) {
      if (!limit || limit->value > most) limit = Msat{most};
    };
    switch (below(12)) {
      case 0:
        policy.level = static_cast<Level>(below(static_cast<std::uint32_t>(policy.level) + 1));
        break;
      case 1:
        policy.unlisted = Rule::kRefuse;
        break;
      case 2:
        policy.max_per_hour = 1 + below(policy.max_per_hour);
        break;
      case 3:
        if (rule.verdict) rule.verdict = std::max(*rule.verdict, static_cast<Rule>(below(4)));
        break;
      case 4:
        rule.max_per_hour = rule.max_per_hour == 0 ? 3 : 1 + below(rule.max_per_hour);
        break;
      case 5:
        rule.max_chars = rule.max_chars == 0 ? 4 : 1;
        break;
      case 6:
        rule.tags = std::vector<std::string>{};
        break;
      case 7:
        rule.content_never.push_back(pattern("h"));
        break;
      case 8:
        at_most(policy.spending.per_event, 3);
        break;
      case 9:
        at_most(policy.spending.ask_above, 2);
        break;
      case 10:
        if (!policy.quiet) policy.quiet = QuietRule{hours("08:00", "09:00", "UTC"), Rule::kAsk};
        break;
      default:
        rule.forbidden_tags.push_back("t");
        break;
    }
  }

  static constexpr std::array<nostr::Kind, 4> kKinds{1, 7, 9734, 30023};
  nostr::Kind pick_kind() { return kKinds[below(4)]; }

  nostr::UnsignedEvent random_event() {
    nostr::UnsignedEvent event = note(std::string("hello world").substr(0, below(12)));
    event.kind = pick_kind();
    if (coin()) event.tags.push_back({"t", "x"});
    if (coin()) event.tags.push_back({"amount", std::to_string(below(12))});
    return event;
  }

  SignFacts random_facts() {
    SignFacts facts = facts_now();
    facts.signed_last_hour = below(5);
    facts.kind_last_hour = below(5);
    facts.kind_last_day = below(5);
    facts.spent_last_day = Msat{below(20)};
    facts.word = static_cast<OperatorWord>(below(3));
    facts.word_is_signed = coin();
    facts.ask_wanted = coin();
    facts.signed_before = below(8) == 0;
    return facts;
  }

  base::SeededRng rng_{20'251'009};
};

TEST_F(Tightening, NeverAllowsWhatTheLaxerPolicyRefuses) {
  const auto strictness = [](const Verdict& verdict) {
    switch (verdict.outcome) {
      case Outcome::kSign:
        return 0;
      case Outcome::kAsk:
        return verdict.needs_proof ? 2 : 1;
      case Outcome::kRefuse:
        return 3;
    }
    return 3;
  };
  int changed = 0;
  for (int i = 0; i < 4'000; ++i) {
    const Policy lax = random_policy();
    Policy strict = lax;
    for (int steps = 1 + static_cast<int>(below(3)); steps > 0; --steps) tighten(strict);
    const auto event = random_event();
    const SignFacts facts = random_facts();
    const int before = strictness(judge(lax, event, 150, facts));
    const int after = strictness(judge(strict, event, 150, facts));
    ASSERT_GE(after, before) << i << ": kind " << event.kind;
    if (after > before) ++changed;
  }
  EXPECT_GT(changed, 100) << "the property was put to the test";
}

}  // namespace
}  // namespace frostr
