// The judgement about shared secrets: whose key, on what proof, how often, by which process.
#include <gtest/gtest.h>

#include "frostr/judgement.h"

namespace frostr {
namespace {

const UnixTime kNow = base::unix_time(1'760'000'000);

nostr::PublicKey key_of(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return nostr::PublicKey(bytes);
}

const nostr::PublicKey kGroup = key_of(0xaa);
const nostr::PublicKey kRunner = key_of(0xbb);
const nostr::PublicKey kIssuer = key_of(7);
const nostr::PublicKey kContentKey = key_of(9);

EcdhFacts facts_now(bool claimed = true) {
  EcdhFacts facts;
  facts.now = kNow;
  facts.group = kGroup;
  facts.members = {key_of(1), key_of(2), key_of(3)};
  if (claimed) facts.claim = Claim{nostr::EventId{}, kRunner, kNow, kNow + kClaimLife};
  return facts;
}

std::string refusal(const Policy& policy, const nostr::PublicKey& target, const EcdhFacts& facts) {
  const EcdhVerdict verdict = judge_ecdh(policy, target, facts);
  return verdict.grants() ? "(granted)" : verdict.reason;
}

std::optional<EcdhGrant> grant(const Policy& policy, const nostr::PublicKey& target,
                               const EcdhFacts& facts) {
  return judge_ecdh(policy, target, facts).grant;
}

TEST(EcdhPolicy, SelfNeedsALiveClaim) {
  EXPECT_EQ(grant({}, kGroup, facts_now()), EcdhGrant::kSelf);
  EXPECT_TRUE(refusal({}, kGroup, facts_now(false)).starts_with("no-live-claim"));
  Policy policy;
  policy.ecdh.self = false;
  EXPECT_EQ(refusal(policy, kGroup, facts_now()), "self-not-allowed");
}

TEST(EcdhPolicy, MembersAreNeverTargetsEvenByName) {
  Policy policy;
  policy.ecdh.targets = {key_of(2)};
  EXPECT_TRUE(refusal(policy, key_of(2), facts_now()).starts_with("member-key"));
}

TEST(EcdhPolicy, NamedTargetsNeedNoClaim) {
  Policy policy;
  policy.ecdh.targets = {key_of(8)};
  EXPECT_EQ(grant(policy, key_of(8), facts_now(false)), EcdhGrant::kNamed);
}

TEST(EcdhPolicy, OtherTargetsMustBeProven) {
  EXPECT_EQ(refusal({}, kContentKey, facts_now()), "target-not-proven");
  EcdhFacts facts = facts_now();
  nostr::Event wrap;
  wrap.kind = 1059;
  wrap.pubkey = kContentKey;
  wrap.tags = {{"p", kGroup.hex()}};
  facts.proof = {wrap};
  EXPECT_EQ(refusal({}, kContentKey, facts), "messages-not-allowed");
  Policy open;
  open.ecdh.messages = true;
  EXPECT_EQ(grant(open, kContentKey, facts), EcdhGrant::kMessage);
  nostr::Event seal;
  seal.kind = 13;
  seal.pubkey = key_of(8);
  facts.proof = {wrap, seal};
  EXPECT_EQ(grant(open, key_of(8), facts), EcdhGrant::kMessage);
  facts.proof = {seal};
  EXPECT_EQ(refusal(open, key_of(8), facts), "target-not-proven");
}

TEST(EcdhPolicy, StrangersMessagesHaveARateOfTheirOwn) {
  Policy open;
  open.ecdh.messages = true;
  open.ecdh.max_messages_per_hour = 2;
  EcdhFacts facts = facts_now();
  nostr::Event wrap;
  wrap.kind = 1059;
  wrap.pubkey = kContentKey;
  wrap.tags = {{"p", kGroup.hex()}};
  facts.proof = {wrap};
  facts.messages_last_hour = 1;
  EXPECT_EQ(refusal(open, kContentKey, facts), "(granted)");
  facts.messages_last_hour = 2;
  EXPECT_EQ(refusal(open, kContentKey, facts), "rate-limited: 2 messages an hour");
  EXPECT_EQ(refusal(open, kGroup, facts), "(granted)") << "the agent's own state is another matter";
}

nostr::Event licence(nostr::Tags more = {}) {
  nostr::Event event;
  event.kind = kLicenceKind;
  event.pubkey = kIssuer;
  event.created_at = kNow;
  event.tags = {{"d", "x:agent"}, {"p", kGroup.hex()}, {"content_pubkey", kContentKey.hex()}};
  event.tags.insert(event.tags.end(), more.begin(), more.end());
  event.id = nostr::compute_id(event);
  return event;
}

TEST(EcdhPolicy, LicencesNameTheirContentKeyWhileTheyLive) {
  EcdhFacts facts = facts_now();
  const auto with = [&](LicenceState state) {
    facts.licences = {{licence(), state}};
    return refusal({}, kContentKey, facts);
  };
  EXPECT_EQ(with(LicenceState::kLive), "(granted)");
  EXPECT_EQ(with(LicenceState::kExpired), "licence-expired");
  EXPECT_EQ(with(LicenceState::kRevoked), "licence-revoked");
  EXPECT_EQ(with(LicenceState::kExhausted), "licence-exhausted");
  EXPECT_EQ(with(LicenceState::kRateLimited), "licence-rate-limited");
  EXPECT_EQ(refusal({}, key_of(6), facts), "target-not-proven");
  facts = facts_now(false);
  EXPECT_TRUE(with(LicenceState::kLive).starts_with("no-live-claim"));
}

TEST(EcdhPolicy, RateIsBounded) {
  EcdhFacts facts = facts_now();
  facts.granted_last_hour = Policy{}.ecdh.max_per_hour - 1;
  EXPECT_EQ(refusal({}, kGroup, facts), "(granted)");
  ++facts.granted_last_hour;
  EXPECT_TRUE(refusal({}, kGroup, facts).starts_with("rate-limited"));
}

TEST(EcdhPolicy, AnotherProcessOpensNothing) {
  EcdhFacts facts = facts_now();
  facts.lease = {LeaseFact::State::kByOther, kNow + base::seconds(9)};
  EXPECT_EQ(refusal({}, kGroup, facts), "lease-held: until 1760000009");
}

// --- what a licence says ---------------------------------------------------------------------------

TEST(Licence, SaysItself) {
  const std::string now = std::to_string(base::to_unix(kNow));
  const std::string later = std::to_string(base::to_unix(kNow) + 1);
  struct Case {
    const char* name;
    nostr::Tags tags;
    LicenceState state;
  };
  for (const Case& c : std::vector<Case>{
           {"bare", {}, LicenceState::kLive},
           {"ends in a second", {{"expires_at", later}}, LicenceState::kLive},
           {"ends now", {{"expires_at", now}}, LicenceState::kExpired},
           {"ends now by the other name", {{"expires", now}}, LicenceState::kExpired},
           {"unreadable end", {{"expires_at", "soon"}}, LicenceState::kExpired},
           {"perpetual that ended", {{"license_type", "perpetual"}, {"expires_at", now}},
            LicenceState::kExpired},
           {"unknown type", {{"license_type", "lifetime"}}, LicenceState::kExpired},
           {"active", {{"status", "active"}}, LicenceState::kLive},
           {"suspended", {{"status", "suspended"}}, LicenceState::kExpired},
           {"revoked", {{"status", "revoked"}, {"expires_at", now}}, LicenceState::kRevoked},
           {"not begun", {{"licensed_at", std::to_string(base::to_unix(kNow) + 301)}},
            LicenceState::kExpired}})
    EXPECT_EQ(licence_state(licence(c.tags), kNow), c.state) << c.name;
}

TEST(Licence, MetersItsUses) {
  const auto metered = [](nostr::Tags more, LicenceUse use, std::string content = "") {
    more.push_back({"skill", "echo"});
    nostr::Event event = licence(std::move(more));
    event.content = std::move(content);
    return licence_meter(event, use);
  };
  const nostr::Tags two{{"license_type", "metered"}, {"max_uses", "2"}};
  EXPECT_EQ(metered(two, {1, 1, false}), LicenceState::kLive);
  EXPECT_EQ(metered(two, {2, 1, false}), LicenceState::kExhausted);
  EXPECT_EQ(metered(two, {2, 1, true}), LicenceState::kLive) << "the same tick again";
  EXPECT_EQ(metered({{"license_type", "metered"}}, {}), LicenceState::kExhausted) << "by nothing";
  EXPECT_EQ(metered({}, {1'000, 1'000, false}), LicenceState::kLive) << "not metered";
  EXPECT_EQ(metered({{"max_uses", "many"}}, {}), LicenceState::kExpired) << "cannot be read";
  const std::string daily = R"({"restrictions":{"max_requests_per_day":3}})";
  EXPECT_EQ(metered({}, {9, 2, false}, daily), LicenceState::kLive);
  EXPECT_EQ(metered({}, {9, 3, false}, daily), LicenceState::kRateLimited);
}

TEST(Licence, IsWorthWhatStandsAtItsAddress) {
  const nostr::Event old = licence();
  EXPECT_EQ(licence_state(old, std::nullopt, /*deleted=*/true, kNow), LicenceState::kRevoked);
  EXPECT_EQ(licence_state(old, old, false, kNow), LicenceState::kLive);
  nostr::Event next = licence({{"status", "revoked"}});
  next.created_at = kNow + base::seconds(1);
  EXPECT_EQ(licence_state(old, next, false, kNow), LicenceState::kRevoked);
  next = licence({{"expires_at", std::to_string(base::to_unix(kNow) + 99)}});
  next.created_at = kNow + base::seconds(1);
  EXPECT_EQ(licence_state(old, next, false, kNow), LicenceState::kLive) << "renewed, same key";
  next.tags[2][1] = key_of(5).hex();
  EXPECT_EQ(licence_state(old, next, false, kNow), LicenceState::kRevoked) << "another key";
  next.created_at = kNow - base::seconds(1);
  EXPECT_EQ(licence_state(old, next, false, kNow), LicenceState::kLive) << "an older one";
}

}  // namespace
}  // namespace frostr
