// Fault files: what each word becomes, what a misspelt one is told, and that the manual's examples work.
#include "nostr/server/fault_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

namespace nostr {
namespace {

RelayOptions parsed(std::string_view toml) {
  RelayOptions out;
  const auto done = parse_fault_file(toml, "f.toml", out);
  EXPECT_TRUE(done) << done.error().detail << "\n" << toml;
  return out;
}

std::string error_of(std::string_view toml) {
  RelayOptions out;
  const auto done = parse_fault_file(toml, "f.toml", out);
  return done ? "accepted" : done.error().detail + " | " + done.error().hint;
}

TEST(FaultFile, an_empty_file_changes_nothing) {
  const RelayOptions options = parsed("");
  EXPECT_TRUE(options.faults.empty());
  EXPECT_EQ(options.rules.max_subscriptions, RelayOptions{}.rules.max_subscriptions);
}

TEST(FaultFile, a_rule_says_which_frames_it_is_about) {
  const RelayOptions options = parsed(R"(
seed = 9
[[rule]]
fault = "delay"
verb = "EVENT"
direction = "in"
sub = "s"
kinds = [1, 1059]
connection = 2
from_connection = 2
after_ms = 10
for_ms = 20
per = "subscription"
nth = 1
every = 3
times = 4
probability = 0.5
by_ms = 250
jitter_ms = 7
)");
  EXPECT_EQ(options.fault_seed, 9U);
  ASSERT_EQ(options.faults.size(), 1U);
  const FaultMatch& match = options.faults[0].match;
  EXPECT_EQ(match.direction, Direction::kIn);
  EXPECT_EQ(match.verb, "EVENT");
  EXPECT_EQ(match.sub, "s");
  EXPECT_EQ(match.kinds, (std::vector<Kind>{1, 1059}));
  EXPECT_EQ(match.connection, 2U);
  EXPECT_EQ(match.from_connection, 2U);
  EXPECT_EQ(match.after.count(), 10);
  EXPECT_EQ(match.lasting->count(), 20);
  EXPECT_EQ(match.per, FaultMatch::Scope::kSubscription);
  EXPECT_EQ(match.nth, 1U);
  EXPECT_EQ(match.every, 3U);
  EXPECT_EQ(match.times, 4U);
  EXPECT_EQ(match.probability, 0.5);
  const auto& delay = std::get<fault::Delay>(options.faults[0].fault);
  EXPECT_EQ(delay.by.count(), 250);
  EXPECT_EQ(delay.jitter.count(), 7);
}

TEST(FaultFile, direction_and_verb_follow_from_the_fault_where_only_one_makes_sense) {
  const auto match_of = [](const std::string& words) {
    return parsed("[[rule]]\n" + words).faults.at(0).match;
  };
  EXPECT_EQ(match_of("fault = 'reject'").direction, Direction::kIn);
  EXPECT_EQ(match_of("fault = 'reject'").verb, "EVENT");
  EXPECT_EQ(match_of("fault = 'closed'").direction, Direction::kIn) << "a REQ";
  EXPECT_EQ(match_of("fault = 'closed'\nverb = 'EOSE'").direction, Direction::kOut);
  EXPECT_EQ(match_of("fault = 'drop'\nverb = 'NEG-OPEN'").direction, Direction::kIn);
  EXPECT_EQ(match_of("fault = 'drop'\nverb = 'EVENT'").direction, Direction::kOut);
  EXPECT_EQ(match_of("fault = 'demand-auth'\nverb = 'REQ'").direction, Direction::kIn);
}

TEST(FaultFile, limits_are_figures) {
  const SessionRules rules = parsed(R"(
profile = "strfry"
[limits]
max_subscriptions = 20
max_past = 60
rejected_kinds = [4]
auth_for_private = false
)").rules;
  EXPECT_EQ(rules.max_subscriptions, 20U);
  EXPECT_EQ(rules.max_past, std::chrono::seconds(60));
  EXPECT_EQ(rules.rejected_kinds, (std::vector<Kind>{4}));
  EXPECT_FALSE(rules.auth_for_private);
  EXPECT_EQ(rules.max_results, 500U) << "of the profile";
  EXPECT_EQ(rules.max_ephemeral_age, std::chrono::seconds(60));
  EXPECT_EQ(rules.max_message_bytes, 131'072U);
}

TEST(FaultFile, what_is_wrong_is_named_with_a_way_out) {
  const struct {
    const char* toml;
    const char* says;
  } cases[] = {
      {"sead = 1", "f.toml: sead: unknown key, line 1 | did you mean \"seed\""},
      {"profile = 'strfy'", "did you mean \"strfry\""},
      {"seed = ", "line 1"},
      {"rule = 3", "rule is not a list of tables"},
      {"limits = 3", "limits is not a table"},
      {"[limits]\nmax_subs = 3", "limits: max_subs: unknown key"},
      {"[limits]\nmax_filters = -1", "allowed are 0 to"},
      {"[[rule]]\nverb = 'EOSE'", "rule 1: fault is missing"},
      {"[[rule]]\nfault = 'dorp'", "did you mean \"drop\""},
      {"[[rule]]\nfault = 'drop'\nby_ms = 3", "by_ms: unknown key, line 3"},
      {"[[rule]]\nfault = 'drop'\nverb = 'ESOE'", "did you mean \"EOSE\""},
      {"[[rule]]\nfault = 'drop'\nverb = 'EOSE'\ndirection = 'in'", "never go in, to the relay"},
      {"[[rule]]\nfault = 'drop'\nverb = 'REQ'\ndirection = 'out'", "never go out, to the client"},
      {"[[rule]]\nfault = 'reject'\ndirection = 'out'", "only possible with direction = \"in\""},
      {"[[rule]]\nfault = 'drop'\nverb = 'CONNECT'", "needs a frame, CONNECT is none"},
      {"[[rule]]\nfault = 'drop'\nprobability = 1.5", "no number from 0 to 1"},
      {"[[rule]]\nfault = 'drop'\nkinds = [70000]", "no kind from 0 to 65535"},
      {"[[rule]]\nfault = 'drop'\nper = 'sub'", "per is none of relay, connection, subscription"},
      {"[[rule]]\nfault = 'say'", "frame is missing"},
      {"[[rule]]\nfault = 'drop'\n[[rule]]\nfault = 'delay'\nby_ms = 'x'", "rule 2: by_ms is not an integer"},
  };
  for (const auto& c : cases) EXPECT_NE(error_of(c.toml).find(c.says), std::string::npos) << error_of(c.toml);
}

/// Every ```toml block of the manual is a whole file.
TEST(FaultFile, the_manuals_examples_are_accepted_and_show_every_fault) {
  std::ifstream file(SOVEREIGN_TEST_DATA "/../../nostr/server/README.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::set<std::size_t> shown;
  std::size_t blocks = 0;
  for (std::size_t at = 0; (at = text.find("```toml\n", at)) != text.npos; ++blocks) {
    at += 8;
    const std::size_t end = text.find("```", at);
    for (const FaultRule& rule : parsed(text.substr(at, end - at)).faults) shown.insert(rule.fault.index());
    at = end;
  }
  EXPECT_GT(blocks, 5U);
  EXPECT_EQ(shown.size(), std::variant_size_v<Fault>) << "a fault without an example";
}

}  // namespace
}  // namespace nostr
