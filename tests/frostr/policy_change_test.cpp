// What a new policy changes: each key in its direction.
#include "frostr/policy_change.h"

#include <gtest/gtest.h>

#include <functional>

#include "frostr/policy_file.h"

namespace frostr {
namespace {

using enum Direction;

Policy base_policy() {
  Policy policy;
  policy.requesters = {{.idx = 1, .runner = nostr::PublicKey{}}};
  policy.kinds[1] = {.verdict = Rule::kAsk, .max_per_hour = 5, .max_chars = 100};
  policy.spending.per_day = Msat{1'000};
  policy.ecdh.max_per_hour = 10;
  return policy;
}

TEST(PolicyChange, EveryKeyHasADirection) {
  struct Case {
    const char* what;
    std::function<void(Policy&)> change;
    Direction direction;
  };
  for (const Case& c : std::vector<Case>{
           {"operators", [](Policy& p) { p.operators = {nostr::PublicKey{}}; }, kOther},
           {"quorum", [](Policy& p) { p.quorum = 2; }, kTighter},
           {"approvals.reaction_max", [](Policy& p) { p.asking.reaction_max = 6'000; }, kLooser},
           {"approvals.hold", [](Policy& p) { p.asking.hold = base::seconds(9); }, kTighter},
           {"approvals.public_mentions", [](Policy& p) { p.asking.public_mentions = true; }, kOther},
           {"approvals.signers", [](Policy& p) { p.asking.signers = {"app.txt"}; }, kOther},
           {"level", [](Policy& p) { p.level = Level::kAutonomous; }, kLooser},
           {"level", [](Policy& p) { p.level = Level::kSupervised; }, kTighter},
           {"default", [](Policy& p) { p.unlisted = Rule::kAsk; }, kLooser},
           {"max_per_hour", [](Policy& p) { p.max_per_hour = 9; }, kTighter},
           {"requesters 2 added", [](Policy& p) { p.requesters.push_back({.idx = 2}); }, kLooser},
           {"requesters 1 removed", [](Policy& p) { p.requesters.clear(); }, kTighter},
           {"requesters 1 blind", [](Policy& p) { p.requesters[0].blind = true; }, kLooser},
           {"requesters 1 lease", [](Policy& p) { p.requesters[0].needs_lease = true; }, kTighter},
           {"requesters 1 kinds",
            [](Policy& p) { p.requesters[0].kinds = std::vector<nostr::Kind>{1}; }, kTighter},
           {"kinds.1.verdict", [](Policy& p) { p.kinds[1].verdict = Rule::kSign; }, kLooser},
           {"kinds.1.verdict", [](Policy& p) { p.kinds[1].verdict = Rule::kProof; }, kTighter},
           {"kinds.7.verdict", [](Policy& p) { p.kinds[7].verdict = Rule::kRefuse; }, kTighter},
           {"kinds.1.max_per_hour", [](Policy& p) { p.kinds[1].max_per_hour = 0; }, kLooser},
           {"kinds.1.max_chars", [](Policy& p) { p.kinds[1].max_chars = 10; }, kTighter},
           {"kinds.1.tags", [](Policy& p) { p.kinds[1].tags = std::vector<std::string>{}; },
            kTighter},
           {"content.never",
            [](Policy& p) { p.content_never = {*Pattern::compile("x")}; }, kTighter},
           {"spending.day_msat", [](Policy& p) { p.spending.per_day.reset(); }, kLooser},
           {"spending.day_msat", [](Policy& p) { p.spending.per_day = Msat{999}; }, kTighter},
           {"quiet", [](Policy& p) { p.quiet = QuietRule{}; }, kTighter},
           {"ecdh.messages", [](Policy& p) { p.ecdh.messages = true; }, kLooser},
           {"ecdh.max_per_hour", [](Policy& p) { p.ecdh.max_per_hour = 11; }, kLooser},
           {"ecdh.targets", [](Policy& p) { p.ecdh.targets = {nostr::PublicKey{}}; }, kLooser},
           {"relays.auth", [](Policy& p) { p.auth_relays = {"wss://x"}; }, kLooser}}) {
    Policy after = base_policy();
    c.change(after);
    const auto changes = compare(base_policy(), after);
    ASSERT_FALSE(changes.empty()) << c.what;
    EXPECT_TRUE(changes.front().what.starts_with(c.what)) << changes.front().what;
    EXPECT_EQ(changes.front().direction, c.direction) << describe(changes);
    EXPECT_EQ(loosens(changes), c.direction != kTighter) << c.what;
  }
  EXPECT_TRUE(compare(base_policy(), base_policy()).empty());
}

TEST(PolicyChange, ARemovedRuleIsComparedWithWhatHoldsWithoutIt) {
  Policy before = base_policy();
  before.kinds[1].verdict = Rule::kRefuse;
  Policy after = before;
  after.kinds.erase(1);
  const auto changes = compare(before, after);
  EXPECT_TRUE(loosens(changes));
  EXPECT_TRUE(describe(changes).starts_with("kinds.1.verdict refuse → ask (looser)"));
}

}  // namespace
}  // namespace frostr
