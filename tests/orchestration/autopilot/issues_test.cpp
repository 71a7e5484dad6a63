// Issues: claims under a lease, who may finish what, and the order of the queue.
#include <gtest/gtest.h>

#include "nostr/base/loop.h"
#include "orchestration/autopilot/issue_tools.h"
#include "storage/schema.h"
#include "tests/orchestration/support/program_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using storage::IssuePriority;
using storage::IssueRow;
using storage::IssueStatus;

class IssuesTest : public ::testing::Test {
 protected:
  std::int64_t add(const std::string& title, IssuePriority priority = IssuePriority::kMedium, std::vector<std::int64_t> needs = {}, const std::string& agent = "") {
    IssueRow issue = new_issue(title, "", now(), rng_).value();
    issue.priority = priority;
    issue.agent = agent;
    return issues_.add(issue, needs, "operator").value();
  }
  base::UnixTime now() const { return clock_.now(); }
  std::vector<std::int64_t> ready(const std::string& agent = "sisyphus") {
    std::vector<std::int64_t> out;
    for (const IssueRow& issue : issues_.ready(agent, 100, now()).value()) out.push_back(issue.number);
    return out;
  }
  std::optional<std::int64_t> claim_next(const std::string& run, Runner* chooser = nullptr) {
    IssueQueue queue(issues_, clock_, chooser);
    const auto claimed = loop_.run_until_complete(queue.claim_next("sisyphus", run, "")).value();
    return claimed ? std::optional(claimed->number) : std::nullopt;
  }
  std::vector<std::string> history(std::int64_t number) {
    std::vector<std::string> out;
    for (const auto& event : issues_.events(number).value()) out.push_back(event.what + (event.detail.empty() ? "" : ": " + event.detail));
    return out;
  }
  IssueRow row(std::int64_t number) { return issues_.find(number).value().value(); }

  std::unique_ptr<storage::Db> db_ = storage::open_database(":memory:").value();
  storage::Issues issues_{*db_};
  base::ManualClock clock_{base::unix_time(1'000'000)};
  base::SeededRng rng_{1};
  base::Loop loop_;
};

// Checklist 81.
TEST_F(IssuesTest, OfTwoRunsOneWins) {
  const auto one = add("one");
  EXPECT_TRUE(issues_.claim(one, "a", now()).value());
  EXPECT_FALSE(issues_.claim(one, "b", now()).value());
  EXPECT_EQ(row(one).claimed_by, "a");
  EXPECT_TRUE(ready().empty());
}

// Checklist 81.
TEST_F(IssuesTest, ALeaseRunsOutUnlessItIsKept) {
  const auto one = add("one");
  ASSERT_TRUE(issues_.claim(one, "a", now()).value());
  clock_.advance(std::chrono::minutes{14});
  EXPECT_FALSE(issues_.claim(one, "b", now()).value());
  EXPECT_EQ(issues_.keep("a", now()).value(), 1);
  clock_.advance(std::chrono::minutes{14});
  EXPECT_FALSE(issues_.claim(one, "b", now()).value());
  clock_.advance(std::chrono::minutes{1});
  EXPECT_TRUE(issues_.claim(one, "b", now()).value());
  EXPECT_EQ(row(one).claimed_by, "b");
  EXPECT_EQ(issues_.complete(one, "a", now()).error().code, base::Errc::kDenied);
  EXPECT_EQ(history(one), (std::vector<std::string>{"created", "claimed", "expired", "claimed"}));
}

// Checklist 81.
TEST_F(IssuesTest, OnlyTheOwnerFinishesAndABlockKeepsItsReason) {
  const auto one = add("one");
  EXPECT_EQ(issues_.complete(one, "a", now()).error().code, base::Errc::kDenied);
  ASSERT_TRUE(issues_.claim(one, "a", now()).value());
  EXPECT_EQ(issues_.block(one, "b", "no", now()).error().code, base::Errc::kDenied);
  ASSERT_TRUE(issues_.block(one, "a", "needs a key", now()).has_value());
  EXPECT_EQ(row(one).blocked_reason, "needs a key");
  EXPECT_TRUE(ready().empty());
  ASSERT_TRUE(issues_.unblock(one, now()).has_value());
  EXPECT_EQ(ready(), (std::vector<std::int64_t>{one}));
  ASSERT_TRUE(issues_.complete(one, "", now()).has_value()) << "the operator may";
  EXPECT_EQ(issues_.complete(one, "", now()).error().code, base::Errc::kConflict);
  EXPECT_EQ(issues_.complete(99, "", now()).error().code, base::Errc::kNotFound);
}

// Checklist 81: issue 2 comes before issue 10.
TEST_F(IssuesTest, TheOrderIsUrgencyThenAgeThenNumber) {
  for (int i = 0; i < 10; ++i) add("of one second");
  EXPECT_EQ(ready(), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  clock_.advance(std::chrono::seconds{1});
  const auto urgent = add("now", IssuePriority::kUrgent);
  const auto waits = add("after it", IssuePriority::kUrgent, {urgent});
  add("for another", IssuePriority::kUrgent, {}, "oracle");
  EXPECT_EQ(ready().front(), urgent);
  EXPECT_EQ(ready().size(), 11u);
  ASSERT_TRUE(issues_.complete(urgent, "", now()).has_value());
  EXPECT_EQ(ready().front(), waits);
  EXPECT_EQ(issues_.add(new_issue("x", "", now(), rng_).value(), {99}, "operator").error().code, base::Errc::kNotFound);
}

// Checklist 82.
TEST_F(IssuesTest, AModelChoosesOnlyWhatIsOnTheList) {
  add("one");
  const auto two = add("two");
  const auto chosen = [](const char* id) -> Value { return {{"selected_issue_id", id}, {"reasoning", "r"}, {"estimated_complexity", "low"}}; };
  testing::ProgramWorld world({testing::says(chosen("2")), testing::says(chosen("77"))});
  const auto claim = [&](const std::string& run) {
    IssueQueue queue(issues_, clock_, world.runner.get());
    return world.loop.run_until_complete(queue.claim_next("sisyphus", run, "")).value();
  };
  EXPECT_EQ(claim("a")->number, two);
  add("three");
  EXPECT_EQ(claim("b")->number, 1) << "77 is not on the list";
  EXPECT_EQ(claim("c")->number, 3) << "the only one: nobody is asked";
  EXPECT_EQ(world.calls(), 2u);
  EXPECT_FALSE(claim("d").has_value());
}

/// Answers with the first issue's number, but only after `rival` has claimed it.
class Rival final : public Backend {
 public:
  Rival(storage::Issues& issues, const base::Clock& clock) : issues_(issues), clock_(clock) {}
  const std::string& id() const override { return id_; }
  const std::string& model() const override { return id_; }
  const Rates& rates() const override { return rates_; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request) override {
    // A transaction left open over the model call would make this fail.
    const auto first = issues_.ready("sisyphus", 1, clock_.now()).value().front().number;
    if (calls_++ == 0) EXPECT_TRUE(issues_.claim(first, "rival", clock_.now()).value());
    Reply reply;
    reply.message = {.role = Role::kAssistant, .content = base::json::dump({{"selected_issue_id", std::to_string(first)}, {"reasoning", "r"}, {"estimated_complexity", "low"}})};
    co_return reply;
  }

 private:
  storage::Issues& issues_;
  const base::Clock& clock_;
  int calls_ = 0;
  std::string id_ = "rival";
  Rates rates_;
};

// Checklist 82.
TEST_F(IssuesTest, ALostRaceIsRunAgain) {
  for (int i = 0; i < 3; ++i) add("work");
  testing::ProgramWorld world(Value::array());
  Rival backend(issues_, clock_);
  Router router(backend);
  Runner runner({.caller = {.router = router, .hooks = world.hooks, .rng = world.rng}, .answers = nullptr, .clock = world.clock, .rng = world.rng}, {.session = "race", .tick = ""});
  IssueQueue queue(issues_, clock_, &runner);
  const auto mine = world.loop.run_until_complete(queue.claim_next("sisyphus", "me", "")).value();
  ASSERT_TRUE(mine.has_value());
  EXPECT_EQ(mine->number, 2);
  EXPECT_EQ(row(1).claimed_by, "rival");
}

TEST_F(IssuesTest, ASessionThatEndsGivesItsClaimsBackWithTheReason) {
  HookChain hooks;
  ASSERT_TRUE(hooks.add(issue_keeper(issues_, clock_)).has_value());
  const auto one = add("one");
  ASSERT_EQ(claim_next("s"), one);
  clock_.advance(std::chrono::minutes{10});
  ToolOutput output;
  hooks.after(ToolInvocation{.session = "s"}, output);
  clock_.advance(std::chrono::minutes{10});
  EXPECT_FALSE(issues_.claim(one, "b", now()).value()) << "work keeps the claim";
  hooks.notify({.session = "s", .agent = "sisyphus", .phase = SessionPhase::kEnded, .detail = "limit-turns"});
  EXPECT_EQ(row(one).status, IssueStatus::kOpen);
  EXPECT_EQ(history(one).back(), "released: limit-turns");
}

TEST_F(IssuesTest, ToolsWorkTheQueueOff) {
  add("one");
  const auto tools = make_issue_tools({issues_, clock_, rng_});
  const auto call = [&](const std::string& name, Value params, const std::string& session = "s") {
    for (const auto& tool : tools)
      if (tool->spec().name == name) return loop_.run_until_complete(tool->run({.trigger = {}, .session = session, .agent = "sisyphus", .call_id = "c"}, std::move(params)));
    return base::Result<std::string>(base::fail(base::Errc::kNotFound, name));
  };
  EXPECT_NE(call("issue_list", Value::object())->find("#1 [open] medium task: one"), std::string::npos);
  EXPECT_NE(call("issue_next", Value::object())->find("It is yours"), std::string::npos);
  EXPECT_NE(call("issue_next", Value::object())->find("already"), std::string::npos);
  EXPECT_EQ(call("issue_done", {{"number", 1}}, "other").error().code, base::Errc::kDenied);
  EXPECT_TRUE(call("issue_done", {{"number", 1}}).has_value());
  EXPECT_EQ(row(1).status, IssueStatus::kDone);
  EXPECT_TRUE(call("issue_add", {{"title", "more"}}).has_value());
  EXPECT_EQ(row(2).title, "more");
}

// Checklist 82.
TEST_F(IssuesTest, TheToolAsksWhoeverChoosesAndHoldsNothingMeanwhile) {
  for (int i = 0; i < 3; ++i) add("work");
  testing::ProgramWorld world(Value::array());
  Rival backend(issues_, clock_);
  Router router(backend);
  std::string asked_by;
  const auto tools = make_issue_tools({issues_, clock_, rng_, [&](const ToolContext& context) {
    asked_by = context.agent;
    return IssueChooser{.runner = std::make_unique<Runner>(
                            RunnerDeps{.caller = {.router = router, .hooks = world.hooks, .rng = world.rng}, .answers = nullptr, .clock = world.clock, .rng = world.rng},
                            Runner::Origin{.session = context.session, .tick = ""}),
                        .capabilities = "mends things"};
  }});
  const auto next = std::ranges::find(tools, "issue_next", [](const auto& tool) { return tool->spec().name; });
  const auto said = world.loop.run_until_complete((*next)->run({.trigger = {}, .session = "s", .agent = "sisyphus", .call_id = "c"}, Value::object()));
  EXPECT_NE(said->find("#2"), std::string::npos) << "a rival took the first one while the model thought";
  EXPECT_EQ(asked_by, "sisyphus");
}

TEST_F(IssuesTest, AFileOfIssuesComesBackWithoutItsClaims) {
  const auto one = add("one", IssuePriority::kHigh);
  ASSERT_TRUE(issues_.claim(one, "a", now()).value());
  const Value file = Value::array({issue_json(row(one))});
  const auto read = parse_issues(base::json::dump(file), now()).value();
  EXPECT_EQ(read.at(0).status, IssueStatus::kOpen);
  EXPECT_EQ(read.at(0).priority, IssuePriority::kHigh);
  EXPECT_EQ(read.at(0).id, row(one).id);
  EXPECT_NE(parse_issues(R"([{"id":"x","title":"t"},{"id":"y","title":"t","status":"odd"}])", now()).error().detail.find("issue 2"), std::string::npos);
}

}  // namespace
}  // namespace orchestration
