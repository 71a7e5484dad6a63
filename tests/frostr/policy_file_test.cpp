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
  seed.requesters = {{.idx = 1, .runner = a_key()}, {.idx = 3, .blind = true}};
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
    [kinds.7]
    verdict = "proof"
    max_per_day = 9
    max_chars = 2
    tags = ["e", "p"]
    forbidden_tags = ["t"]
    content_needs = ["^[+-]$"]
    content_never = ["x", "y"]
    licence = "33400:7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e:digest"
    [content]
    never = ["nsec1"]
    [spending]
    event_msat = 1000
    hour_msat = 2000
    day_msat = 3000
    ask_above_msat = 500
    [quiet]
    from = "22:00"
    to = "07:30"
    zone = "Europe/Berlin"
    days = ["sat", "sun"]
    verdict = "ask"
    [ecdh]
    self = false
    messages = true
    max_per_hour = 0
    max_messages_per_hour = 5
    [audit]
    publish = false
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
  EXPECT_EQ(policy->ecdh.max_messages_per_hour, 5u);
  const KindRule& reaction = policy->kinds.at(7);
  EXPECT_EQ(reaction.verdict, Rule::kProof);
  EXPECT_EQ(reaction.max_per_day, 9u);
  EXPECT_EQ(reaction.max_chars, 2u);
  EXPECT_EQ(reaction.tags, (std::vector<std::string>{"e", "p"}));
  EXPECT_EQ(reaction.forbidden_tags, std::vector<std::string>{"t"});
  EXPECT_EQ(reaction.content_needs.size(), 1u);
  EXPECT_EQ(reaction.content_never.size(), 2u);
  EXPECT_TRUE(reaction.licence.starts_with("33400:"));
  EXPECT_EQ(policy->content_never.size(), 1u);
  EXPECT_EQ(policy->spending.per_event, Msat{1'000});
  EXPECT_EQ(policy->spending.per_hour, Msat{2'000});
  EXPECT_EQ(policy->spending.per_day, Msat{3'000});
  EXPECT_EQ(policy->spending.ask_above, Msat{500});
  ASSERT_TRUE(policy->quiet.has_value());
  EXPECT_EQ(policy->quiet->verdict, Rule::kAsk);
  EXPECT_EQ(policy->quiet->hours.from, 22 * 60);
  EXPECT_EQ(policy->quiet->hours.to, 7 * 60 + 30);
  EXPECT_EQ(policy->quiet->hours.zone, "Europe/Berlin");
  EXPECT_EQ(policy->quiet->hours.days,
            (std::array{false, false, false, false, false, true, true}));
  EXPECT_FALSE(policy->publish_anchors);
}

TEST(PolicyFile, ARequesterIsReadWhole) {
  const auto policy = parse_policy("[[requesters]]\nidx = 2\nrunner = \"" + std::string(kKey) +
                                   "\"\nblind = \"allow\"\nlease = \"required\"\nkinds = [1, 7]\n"
                                   "max_per_hour = 8");
  ASSERT_TRUE(policy) << policy.error().detail;
  const Requester& requester = policy->requesters.front();
  EXPECT_TRUE(requester.blind);
  EXPECT_TRUE(requester.needs_lease);
  EXPECT_EQ(requester.kinds, (std::vector<nostr::Kind>{1, 7}));
  EXPECT_EQ(requester.max_per_hour, 8u);
}

TEST(PolicyFile, HowOperatorsAreAskedIsRead) {
  const auto policy = parse_policy(
      "[approvals]\nreaction_max = 21\nhold = 0\npublic_mentions = true\nsigners = [\"app.txt\"]");
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_EQ(policy->asking.reaction_max, 21);
  EXPECT_EQ(policy->asking.hold, base::seconds(0));
  EXPECT_TRUE(policy->asking.public_mentions);
  EXPECT_EQ(policy->asking.signers, std::vector<std::string>{"app.txt"});
  EXPECT_FALSE(parse_policy("[approvals]\nreaction_max = -1"));
  EXPECT_FALSE(parse_policy("[approvals]\nhold = 601"));
}

TEST(PolicyFile, TheTemplateNamesEveryKey) {
  const std::string text = write_policy({});
  for (const char* key :
       {"operators", "quorum", "approval_ttl", "decisions_from", "level", "default", "max_per_hour",
        "lease_ttl", "lease =", "kinds = [", "verdict", "max_per_day", "max_bytes", "max_chars",
        "tags", "forbidden_tags", "content_needs", "content_never", "licence", "[content]", "never",
        "event_msat", "hour_msat", "day_msat", "ask_above_msat", "[quiet]", "from", "to", "zone",
        "days", "self", "messages", "max_messages_per_hour", "issuers", "targets", "follow", "auth",
        "publish", "[approvals]", "reaction_max", "hold", "public_mentions", "signers"})
    EXPECT_NE(text.find(key), std::string::npos) << key;
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
      {"[kinds.9734]\nverdict = \"sign\"", "money has no limits"},
      {"[kinds.39243]\nverdict = \"sign\"", "money has no limits"},
      {"[spending]\nevent_msat = -1", "event_msat is -1"},
      {"[kinds.1]\ncontent_never = [\"(\"]", "no pattern"},
      {"[kinds.1]\nlicence = \"digest\"", "is no address"},
      {"[[requesters]]\nidx = 1\nlease = \"required\"", "no runner is named"},
      {"[[requesters]]\nidx = 1\nkinds = [70000]", "not a kind"},
      {"[quiet]\nfrom = \"22:00\"", "quiet.to is missing"},
      {"[quiet]\nfrom = \"25:00\"\nto = \"07:00\"", "quiet.from is no time of day"},
      {"[quiet]\nfrom = \"22:00\"\nto = \"07:00\"\nzone = \"Mars/Olympus\"", "no time zone"},
      {"[quiet]\nfrom = \"22:00\"\nto = \"07:00\"\ndays = [\"monday\"]", "no day"},
      {"lease_ttl = 5", "lease_ttl is 5"},
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
