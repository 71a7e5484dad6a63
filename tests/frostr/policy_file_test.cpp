// policy.toml: what is read, what is refused with a suggestion, and the template's round trip.
#include "frostr/policy_file.h"

#include <gtest/gtest.h>

namespace frostr {
namespace {

constexpr const char* kKey = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e";

nostr::PublicKey a_key() {
  return *nostr::PublicKey::from_hex(kKey);
}

TEST(PolicyFile, TheTemplateReadsBackAsItsSeed) {
  PolicySeed seed;
  seed.operators = {a_key()};
  seed.requesters = {{1, a_key(), false}, {3, std::nullopt, true}};
  seed.relays = {"ws://127.0.0.1:7777", "wss://relay.example"};
  seed.level = Level::kSupervised;
  const auto policy = parse_policy(write_policy(seed));
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_EQ(policy->operators, seed.operators);
  ASSERT_EQ(policy->requesters.size(), 2u);
  EXPECT_EQ(policy->requesters[0].runner, a_key());
  EXPECT_FALSE(policy->requesters[0].blind);
  EXPECT_TRUE(policy->requester(3)->blind);
  EXPECT_EQ(policy->requester(2), nullptr);
  EXPECT_EQ(policy->follow_relays, seed.relays);
  EXPECT_EQ(policy->auth_relays, seed.relays);
  EXPECT_EQ(policy->level, Level::kSupervised);
  EXPECT_EQ(policy->unlisted, Rule::kRefuse);
  EXPECT_EQ(policy->approval_ttl, base::seconds(900));
  EXPECT_EQ(policy->max_per_hour, Policy{}.max_per_hour);
  EXPECT_EQ(policy->ecdh.max_per_hour, Policy{}.ecdh.max_per_hour);
}

TEST(PolicyFile, AnEmptySeedIsValidToo) {
  EXPECT_TRUE(parse_policy(write_policy({})));
}

TEST(PolicyFile, EverythingIsRead) {
  const auto policy = parse_policy(R"(
    quorum = 1
    approval_ttl = 60
    level = "autonomous"
    default = "ask"
    max_per_hour = 7
    [kinds.1]
    verdict = "sign"
    max_per_hour = 3
    max_bytes = 1000
    [kinds.4]
    verdict = "refuse"
    [ecdh]
    self = false
    messages = true
    max_per_hour = 0
  )");
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_EQ(policy->approval_ttl, base::seconds(60));
  EXPECT_EQ(policy->level, Level::kAutonomous);
  EXPECT_EQ(policy->unlisted, Rule::kAsk);
  EXPECT_EQ(policy->kinds.at(1).verdict, Rule::kSign);
  EXPECT_EQ(policy->kinds.at(1).max_per_hour, 3u);
  EXPECT_EQ(policy->kinds.at(1).max_bytes, 1000u);
  EXPECT_FALSE(policy->ecdh.self);
  EXPECT_TRUE(policy->ecdh.messages);
  EXPECT_EQ(policy->ecdh.max_per_hour, 0u);
}

TEST(PolicyFile, TyposAreErrorsWithASuggestion) {
  struct Case {
    const char* toml;
    const char* detail;
    const char* hint;
  };
  const std::vector<Case> cases{
      {"operator = []", "operator: unknown key", "did you mean \"operators\"?"},
      {"[kinds.1]\nverdct = \"sign\"", "kinds.1.verdct: unknown key", "did you mean \"verdict\"?"},
      {"[kinds.1]\nverdict = \"sing\"", "kinds.1.verdict is none of", "did you mean \"sign\"?"},
      {"[[requesters]]\nidx = 1\nblnd = \"allow\"", "requesters.blnd: unknown key",
       "did you mean \"blind\"?"},
      {"[ecdh]\nselfs = true", "ecdh.selfs: unknown key", "did you mean \"self\"?"},
      {"[relays]\nurl = []", "relays.url: unknown key", "known: follow, auth"},
  };
  for (const Case& wrong : cases) {
    const auto policy = parse_policy(wrong.toml);
    ASSERT_FALSE(policy) << wrong.toml;
    EXPECT_NE(policy.error().detail.find(wrong.detail), std::string::npos) << policy.error().detail;
    EXPECT_EQ(policy.error().hint, wrong.hint);
  }
}

TEST(PolicyFile, ValuesAreRangeCheckedAndContradictionsNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"quorum = 0", "quorum is 0"},
      {"quorum = 2\noperators = [\"" + std::string(kKey) + "\"]", "there are 1 operators"},
      {"approval_ttl = 59", "approval_ttl is 59"},
      {"approval_ttl = \"long\"", "not an integer"},
      {"operators = [\"abc\"]", "operators"},
      {"operators = [\"" + std::string(64, 'f') + "\"]", "no public key"},
      {"operators = [\"" + std::string(kKey) + "\", \"" + kKey + "\"]", "twice"},
      {"default = \"sign\"", "none of refuse, ask"},
      {"[[requesters]]\nblind = \"refuse\"", "idx is missing"},
      {"[[requesters]]\nidx = 1\n[[requesters]]\nidx = 1", "idx 1 twice"},
      {"[kinds.70000]\nverdict = \"sign\"", "is not a kind"},
      {"[kinds.one]\nverdict = \"sign\"", "is not a kind"},
      {"[kinds.4]\nverdict = \"sign\"", "never signs kind 4"},
      {"[kinds.1059]\nmax_per_hour = 5", "never signs kind 1059"},
      {"level = \"supervised\"\n[kinds.1]\nverdict = \"sign\"", "level is supervised"},
      {"[relays]\nauth = [\"http://x\"]", "ws:// or wss://"},
      {"quorum = = 1", "line 1"},
  };
  for (const auto& [toml, detail] : cases) {
    const auto policy = parse_policy(toml);
    ASSERT_FALSE(policy) << toml;
    EXPECT_NE(policy.error().detail.find(detail), std::string::npos) << policy.error().detail;
  }
}

}  // namespace
}  // namespace frostr
