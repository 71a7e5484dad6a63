// Who answers: order, ability, health; and what a turn does when some do not.
#include "orchestration/llm/router.h"

#include <gtest/gtest.h>

#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/llm/caller.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using std::chrono::milliseconds;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

/// A backend with a name of its own.
class Named final : public Backend {
 public:
  Named(std::string id, std::vector<ScriptedBackend::Outcome> script, Rates rates = {}, std::string model = "m")
      : id_(std::move(id)), model_(std::move(model)), inner_(std::move(script), rates) {}
  const std::string& id() const override { return id_; }
  const std::string& model() const override { return model_; }
  const Rates& rates() const override { return inner_.rates(); }
  base::Task<ScriptedBackend::Outcome> complete(Request request) override { return inner_.complete(std::move(request)); }
  std::size_t asked() const { return inner_.requests.size(); }

 private:
  std::string id_, model_;
  ScriptedBackend inner_;
};

constexpr RouterTime kNow{std::chrono::hours{1}};

std::optional<Rejection> nothing(const std::string&) { return std::nullopt; }

std::string chosen(Router& router, const Needs& needs = {}, const std::string& agent = "main", RouterTime now = kNow) {
  auto choice = router.choose(agent, needs, now, nothing);
  if (choice.lease) return choice.lease->backend().id();
  std::string why;
  for (const Rejection& one : choice.rejected) why += one.backend + ": " + one.why + "\n";
  return why;
}

void fail_once(Router& router, ModelFailure failure, RouterTime now = kNow) {
  auto choice = router.choose("main", {}, now, nothing);
  ASSERT_TRUE(choice.lease);
  choice.lease->failed(failure, {}, now);
}

TEST(Pattern, StarsStandForAnyText) {
  EXPECT_TRUE(fits_pattern("*", ""));
  EXPECT_TRUE(fits_pattern("GPT-*", "gpt-4o-mini"));
  EXPECT_TRUE(fits_pattern("*mini*", "gpt-4o-mini"));
  EXPECT_TRUE(fits_pattern("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(fits_pattern("a*b*c", "a-b-b"));
  EXPECT_FALSE(fits_pattern("gpt", "gpt-4"));
  EXPECT_FALSE(fits_pattern("", "a"));
  EXPECT_FALSE(fits_pattern(std::string(60, '*') + "b", std::string(20'000, 'a')));
}

TEST(Router, CandidatesAreSkippedWithReasonsInRouteOrder) {
  Named blind("blind", {}), small("small", {}), off("off", {}), mute("mute", {}), able("able", {});
  Router router;
  ASSERT_TRUE(router.add({.backend = &off, .enabled = false}).has_value());
  ASSERT_TRUE(router.add({.backend = &mute, .supports = {.tools = false}}).has_value());
  ASSERT_TRUE(router.add({.backend = &blind, .supports = {.images = false}}).has_value());
  ASSERT_TRUE(router.add({.backend = &small, .supports = {.images = true, .context_tokens = 1'000}}).has_value());
  ASSERT_TRUE(router.add({.backend = &able, .supports = {.images = true}}).has_value());
  EXPECT_EQ(router.add({.backend = &able}).error().code, base::Errc::kConflict);
  ASSERT_TRUE(router.add_route({"*", {"off", "mute", "blind", "small", "able"}}).has_value());
  EXPECT_EQ(router.add_route({"*", {"nobody"}}).error().code, base::Errc::kNotFound);
  const Needs all{.tools = true, .images = true, .json = true, .context_tokens = 2'000};
  const auto choice = router.choose("main", all, kNow, nothing);
  ASSERT_TRUE(choice.lease);
  EXPECT_EQ(choice.lease->backend().id(), "able");
  ASSERT_EQ(choice.rejected.size(), 4u);
  EXPECT_EQ(choice.rejected[0].why, "disabled");
  EXPECT_EQ(choice.rejected[1].why, "takes no tools");
  EXPECT_EQ(choice.rejected[2].why, "takes no images");
  EXPECT_NE(choice.rejected[3].why.find("do not fit into 1000"), std::string::npos);
  EXPECT_EQ(chosen(router, {.tools = true, .context_tokens = 900}), "blind");
}

TEST(Router, RoutesFitAgentsAndModelsByPattern) {
  Named a("a", {}, {}, "gpt-4o"), b("b", {}, {}, "gpt-4o"), c("c", {}, {}, "llama3");
  Router router;
  for (Named* one : {&c, &b, &a}) ASSERT_TRUE(router.add({.backend = one}).has_value());
  ASSERT_TRUE(router.add_route({"*", {"c"}}).has_value());
  ASSERT_TRUE(router.add_route({"Research*", {"GPT-*", "c"}}).has_value());
  ASSERT_TRUE(router.add_route({"research-fast", {"b"}}).has_value());
  EXPECT_EQ(router.route_of("main"), (std::vector<std::string>{"c"}));
  EXPECT_EQ(router.route_of("researcher"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(router.route_of("Research-Fast"), (std::vector<std::string>{"b"}));
  EXPECT_EQ(router.first_model("researcher"), "gpt-4o");
}

// Two servers of one kind with one model behind one account: neither takes the other's place.
TEST(Router, TwoOfOneKindModelAndAccountBothServe) {
  Named a("a", {ScriptedBackend::says("from a")}, {}, "gpt-4o"), b("b", {ScriptedBackend::says("from b")}, {}, "gpt-4o");
  Router router;
  ASSERT_TRUE(router.add({.backend = &a, .account = "acme", .max_concurrency = 1}).has_value());
  ASSERT_TRUE(router.add({.backend = &b, .account = "acme", .max_concurrency = 1}).has_value());
  ASSERT_TRUE(router.add_route({"*", {"gpt-4o"}}).has_value());
  const auto first = router.choose("main", {}, kNow, nothing), second = router.choose("main", {}, kNow, nothing);
  ASSERT_TRUE(first.lease && second.lease);
  EXPECT_EQ(first.lease->backend().id(), "a");
  EXPECT_EQ(second.lease->backend().id(), "b");
  EXPECT_EQ(router.view(kNow).size(), 2u);
}

TEST(Router, ABreakerOpensAndLetsOneProbeThrough) {
  Named only("only", {});
  Router router(only);
  for (int i = 0; i < 4; ++i) fail_once(router, {.fault = ModelFault::kServer});
  EXPECT_EQ(chosen(router), "only");
  fail_once(router, {.fault = ModelFault::kTransport});
  EXPECT_NE(chosen(router).find("left alone for 30 s"), std::string::npos);
  const RouterTime later = kNow + std::chrono::seconds{31};
  {
    auto probe = router.choose("main", {}, later, nothing);
    ASSERT_TRUE(probe.lease);
    EXPECT_NE(chosen(router, {}, "main", later).find("being tried again"), std::string::npos);
    probe.lease->failed({.fault = ModelFault::kServer}, {}, later);
  }
  EXPECT_NE(chosen(router, {}, "main", later).find("left alone"), std::string::npos) << "one failed probe opens it";
  const RouterTime again = later + std::chrono::seconds{31};
  {
    auto probe = router.choose("main", {}, again, nothing);
    ASSERT_TRUE(probe.lease);
    probe.lease->succeeded({});
  }
  EXPECT_EQ(chosen(router, {}, "main", again), "only");
  EXPECT_EQ(router.view(again).front().state, "ready");
}

TEST(Router, AnAccountSharesItsRateLimitAndAProbeThatIsCancelledFreesTheBreaker) {
  Named a("a", {}), b("b", {}), c("c", {});
  Router router;
  ASSERT_TRUE(router.add({.backend = &a, .account = "acme"}).has_value());
  ASSERT_TRUE(router.add({.backend = &b, .account = "acme"}).has_value());
  ASSERT_TRUE(router.add({.backend = &c, .max_concurrency = 1}).has_value());
  ASSERT_TRUE(router.add_route({"*", {"a", "b", "c"}}).has_value());
  fail_once(router, {.fault = ModelFault::kRateLimited, .retry_after = milliseconds{7'000}});
  EXPECT_EQ(chosen(router), "c");
  {
    const auto held = router.choose("main", {}, kNow, nothing);
    EXPECT_NE(chosen(router).find("c: 1 calls are under way"), std::string::npos);
  }
  EXPECT_EQ(chosen(router), "c");
  EXPECT_EQ(chosen(router, {}, "main", kNow + std::chrono::seconds{8}), "a");
}

TEST(Router, NoMoreCallsInAMinuteThanTheProviderTakes) {
  Named a("a", {}), b("b", {});
  Router router;
  ASSERT_TRUE(router.add({.backend = &a, .account = "", .rpm = 2}).has_value());
  ASSERT_TRUE(router.add({.backend = &b, .account = ""}).has_value());
  ASSERT_TRUE(router.add_route({"*", {"a", "b"}}).has_value());
  using std::chrono::seconds;
  const auto ask = [&](RouterTime at) { return router.choose("main", {}, at, nothing).lease->backend().id(); };
  EXPECT_EQ(ask(kNow), "a");
  EXPECT_EQ(ask(kNow + seconds{20}), "a");
  const auto third = router.choose("main", {}, kNow + seconds{30}, nothing);
  EXPECT_EQ(third.lease->backend().id(), "b") << "the next on the route answers meanwhile";
  ASSERT_EQ(third.rejected.size(), 1u);
  EXPECT_EQ(third.rejected[0].until, kNow + seconds{60});
  EXPECT_EQ(router.view(kNow + seconds{30}).front().state, "paced");
  EXPECT_EQ(ask(kNow + seconds{60}), "a");
  EXPECT_EQ(ask(kNow + seconds{61}), "b") << "those of 20 s and 60 s still count";
  EXPECT_EQ(ask(kNow + seconds{80}), "a");
}

TEST(Router, TokensInAMinuteCountAsEstimatedUntilTheyAreKnown) {
  Named a("a", {});
  Router router;
  ASSERT_TRUE(router.add({.backend = &a, .account = "", .tpm = 1'000}).has_value());
  ASSERT_TRUE(router.add_route({"*", {"a"}}).has_value());
  using std::chrono::seconds;
  const Needs much{.context_tokens = 600};
  {
    auto first = router.choose("main", much, kNow, nothing);
    ASSERT_TRUE(first.lease);
    const auto second = router.choose("main", much, kNow + seconds{1}, nothing);
    ASSERT_FALSE(second.lease);
    EXPECT_NE(second.rejected[0].why.find("1000 tokens in a minute"), std::string::npos);
    EXPECT_EQ(second.rejected[0].until, kNow + seconds{60});
    first.lease->succeeded({.prompt_tokens = 100, .completion_tokens = 50});
  }
  EXPECT_TRUE(router.choose("main", much, kNow + seconds{2}, nothing).lease) << "it used less than feared";
  EXPECT_FALSE(router.choose("main", much, kNow + seconds{3}, nothing).lease);
  // One that is too much by itself waits until nothing else counts, and no longer.
  EXPECT_FALSE(router.choose("main", {.context_tokens = 5'000}, kNow + seconds{3}, nothing).lease);
  EXPECT_TRUE(router.choose("main", {.context_tokens = 5'000}, kNow + seconds{70}, nothing).lease);
}

TEST(Router, WhatAServerTurnsOutToLackIsRemembered) {
  Named only("only", {});
  Router router(only);
  auto choice = router.choose("main", {.tools = true}, kNow, nothing);
  choice.lease->failed({.fault = ModelFault::kUnsupported}, {.tools = true}, kNow);
  choice.lease.reset();
  EXPECT_EQ(chosen(router, {.tools = true}), "only: takes no tools\n");
  EXPECT_EQ(chosen(router), "only");
}

struct Turns {
  TempDir dir;
  World world{dir};
  Router router;

  void route(std::initializer_list<RouterEntry> entries) {
    Route route{.agent = "*", .targets = {}};
    for (const RouterEntry& entry : entries) {
      route.targets.push_back(entry.backend->id());
      ASSERT_TRUE(router.add(entry).has_value());
    }
    ASSERT_TRUE(router.add_route(std::move(route)).has_value());
  }
  base::Result<Reply> call(SpendLimits limits = {}, std::uint32_t output = 100, milliseconds budget = milliseconds{5'000}) {
    HookChain hooks;
    EXPECT_TRUE(hooks.add(budget_gate(*world.db, world.clock, limits)).has_value());
    ModelTurn turn{.session = "s", .tick = "t", .agent = "a", .turn = number_++, .request = {}, .budget = budget};
    turn.request.max_output_tokens = output;
    return world.loop.run_until_complete(call_model(
        {.router = router, .hooks = hooks, .rng = world.rng, .retry = {.first_delay = milliseconds{1}, .max_delay = milliseconds{1}}},
        std::move(turn)));
  }
  std::int64_t spent_at(const std::string& id) {
    return world.budgets.totals({.key = "backend:" + id, .limit = std::nullopt, .window = storage::Window::kDay}, world.clock.now())->spent.value;
  }
  std::uint32_t number_ = 0;
};

constexpr Rates kDear{.in_per_1k = {0}, .cached_in_per_1k = {0}, .out_per_1k = {1'000}};

ScriptedBackend::Outcome lost(ModelFault fault) {
  return std::unexpected(ModelFailure{.fault = fault, .error = {base::Errc::kIo, "lost", ""}, .cost_unknown = true});
}

TEST(Turn, AFailureMovesOnToTheNextAndEachPaysItsOwnRate) {
  Turns t;
  Named dear("dear", {ScriptedBackend::fails(ModelFault::kServer)}, kDear);
  Named cheap("cheap", {ScriptedBackend::says("here", {.prompt_tokens = 1, .completion_tokens = 50})},
              {.out_per_1k = {100}});
  t.route({{.backend = &dear}, {.backend = &cheap}});
  EXPECT_EQ(t.call()->message.content, "here");
  EXPECT_EQ(t.spent_at("dear"), 0);
  EXPECT_EQ(t.spent_at("cheap"), 5);
  EXPECT_TRUE(t.world.budgets.list_open()->empty());
}

TEST(Turn, AnUnknownOutcomeOfAPaidCallIsSettledAtItsReservation) {
  Turns t;
  Named dear("dear", {lost(ModelFault::kTimeout), ScriptedBackend::says("x", {.completion_tokens = 7})}, kDear);
  t.route({{.backend = &dear}});
  ASSERT_TRUE(t.call().has_value());
  EXPECT_EQ(t.spent_at("dear"), 100 + 7) << "the first may have cost all it could";
}

TEST(Turn, NothingFailsOpenWhenTheBudgetDoesNotReach) {
  Turns t;
  Named dear("dear", {lost(ModelFault::kTruncated), ScriptedBackend::says("x")}, kDear);
  t.route({{.backend = &dear}});
  const auto reply = t.call({.tick = base::Msat{150}});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, base::Errc::kLimit);
  EXPECT_EQ(dear.asked(), 1u) << "the second attempt does not fit any more";
}

TEST(Turn, ARefusalIsAskedOfNobodyElse) {
  Turns t;
  Named a("a", {ScriptedBackend::fails(ModelFault::kRefused)}), b("b", {ScriptedBackend::says("x")});
  t.route({{.backend = &a}, {.backend = &b}});
  EXPECT_EQ(t.call().error().code, base::Errc::kDenied);
  EXPECT_EQ(b.asked(), 0u);
}

TEST(Turn, AKeyThatIsRefusedLeavesTheOthers) {
  Turns t;
  Named a("a", {ScriptedBackend::fails(ModelFault::kUnauthorised)});
  Named b("b", {ScriptedBackend::says("one"), ScriptedBackend::says("two")});
  t.route({{.backend = &a}, {.backend = &b}});
  EXPECT_EQ(t.call()->message.content, "one");
  EXPECT_EQ(t.call()->message.content, "two");
  EXPECT_EQ(a.asked(), 1u);
}

// Nothing is left out of a conversation to make it fit: the wider window is the way out.
TEST(Turn, WhatIsTooLongGoesOnlyWhereTheWindowIsWider) {
  Turns t;
  Named small("small", {ScriptedBackend::fails(ModelFault::kContextTooLong)});
  Named same("same", {ScriptedBackend::says("never")}), wide("wide", {ScriptedBackend::says("fits")});
  t.route({{.backend = &small, .supports = {.context_tokens = 8'000}},
           {.backend = &same, .supports = {.context_tokens = 8'000}},
           {.backend = &wide, .supports = {.context_tokens = 32'000}}});
  EXPECT_EQ(t.call()->message.content, "fits");
  EXPECT_EQ(same.asked(), 0u);
  Turns alone;
  Named one("one", {ScriptedBackend::fails(ModelFault::kContextTooLong), ScriptedBackend::says("never")});
  alone.route({{.backend = &one}});
  EXPECT_EQ(alone.call().error().code, base::Errc::kInvalid);
}

TEST(Turn, OneDeadlineCoversAllAttemptsAndWaits) {
  Turns t;
  const auto later = [] {
    return ScriptedBackend::Outcome(std::unexpected(ModelFailure{
        .fault = ModelFault::kRateLimited, .error = {base::Errc::kPeer, "429", ""}, .retry_after = milliseconds{3'600'000}}));
  };
  Named a("a", {later()}), b("b", {later()});
  t.route({{.backend = &a}, {.backend = &b}});
  const auto reply = t.call();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, base::Errc::kUnavailable);
  EXPECT_EQ(a.asked() + b.asked(), 2u) << "an hour does not fit: nobody waits for it";
}

TEST(Turn, WhatIsTooLongForEveryWindowIsAskedOfNobody) {
  Turns t;
  Named a("a", {ScriptedBackend::says("x")});
  t.route({{.backend = &a, .supports = {.context_tokens = 50}}});
  const auto reply = t.call();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, base::Errc::kInvalid);
  EXPECT_NE(reply.error().detail.find("a: about"), std::string::npos) << reply.error().detail;
  EXPECT_EQ(a.asked(), 0u);
}

TEST(Turn, NobodyIsAskedWhenNobodyCan) {
  Turns t;
  Named a("a", {ScriptedBackend::says("x")});
  t.route({{.backend = &a, .enabled = false}});
  const auto reply = t.call();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, base::Errc::kUnavailable);
  EXPECT_NE(reply.error().detail.find("a: disabled"), std::string::npos) << reply.error().detail;
  EXPECT_EQ(a.asked(), 0u);
}

}  // namespace
}  // namespace orchestration
