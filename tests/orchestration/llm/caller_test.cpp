// Retries: which faults, how long to wait, and when to give up.
#include "orchestration/llm/caller.h"

#include <gtest/gtest.h>

#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using std::chrono::milliseconds;
using testing::ScriptedBackend;

TEST(RetryDelay, DoublesWithJitterUpToACeiling) {
  const RetryPolicy policy{
      .max_attempts = 20, .first_delay = milliseconds{1000}, .max_delay = milliseconds{30'000}};
  base::SeededRng rng(1);
  const ModelFailure failure{.fault = ModelFault::kServer};
  for (std::uint32_t attempt = 1; attempt < 20; ++attempt) {
    const milliseconds ceiling =
        std::min(milliseconds{1000} * (1 << std::min(attempt - 1, 10u)), milliseconds{30'000});
    for (int i = 0; i < 50; ++i) {
      const auto delay = retry_delay(policy, failure, attempt, milliseconds{600'000}, rng);
      ASSERT_TRUE(delay.has_value());
      EXPECT_LE(*delay, ceiling);
      EXPECT_GE(delay->count(), 0);
    }
  }
}

TEST(RetryDelay, GivesUpWhenItMakesNoSense) {
  base::SeededRng rng(1);
  const RetryPolicy policy;
  const milliseconds hour{3'600'000};
  const ModelFailure wait{.fault = ModelFault::kRateLimited, .retry_after = milliseconds{5000}};
  EXPECT_EQ(retry_delay(policy, wait, 1, hour, rng), milliseconds{5000});
  EXPECT_EQ(retry_delay(policy, wait, 1, milliseconds{5000}, rng), std::nullopt);
  EXPECT_EQ(retry_delay(policy, wait, policy.max_attempts, hour, rng), std::nullopt);
  for (const ModelFault fault : {ModelFault::kContextTooLong, ModelFault::kRefused})
    EXPECT_EQ(retry_delay(policy, {.fault = fault}, 1, hour, rng), std::nullopt);
  for (const ModelFault fault :
       {ModelFault::kTransport, ModelFault::kServer, ModelFault::kTruncated, ModelFault::kProtocol,
        ModelFault::kTimeout})
    EXPECT_TRUE(retry_delay(policy, {.fault = fault}, 1, hour, rng).has_value());
}

base::Result<Reply> call(ScriptedBackend& backend, const HookChain& hooks) {
  base::Loop loop;
  base::SeededRng rng(1);
  Router router(backend);
  ModelCallerDeps deps{.router = router,
                       .hooks = hooks,
                       .rng = rng,
                       .retry = {.first_delay = milliseconds{1}, .max_delay = milliseconds{1}}};
  return loop.run_until_complete(call_model(deps, {.session = "s", .agent = "a"}));
}

TEST(CallModel, TriesAgainAndStopsAfterTheLastAttempt) {
  HookChain hooks;
  ScriptedBackend recovers({ScriptedBackend::fails(ModelFault::kServer),
                            ScriptedBackend::fails(ModelFault::kTransport),
                            ScriptedBackend::says("there")});
  EXPECT_EQ(call(recovers, hooks)->message.content, "there");
  const auto down = [] { return ScriptedBackend::fails(ModelFault::kServer); };
  ScriptedBackend never({down(), down(), down(), down(), ScriptedBackend::says("too late")});
  EXPECT_EQ(call(never, hooks).error().code, base::Errc::kUnavailable);
  EXPECT_EQ(never.requests.size(), 4u);
}

TEST(CallModel, MapsWhatIsFinal) {
  HookChain hooks;
  ScriptedBackend refused({ScriptedBackend::fails(ModelFault::kRefused)});
  EXPECT_EQ(call(refused, hooks).error().code, base::Errc::kDenied);
  ScriptedBackend long_one({ScriptedBackend::fails(ModelFault::kContextTooLong)});
  EXPECT_EQ(call(long_one, hooks).error().code, base::Errc::kInvalid);
}

TEST(CallModel, AHookMayForbidTheCall) {
  HookChain hooks;
  Hook gate{.name = "gate"};
  gate.decide_model = [](const ModelCall&) {
    return Decision{Decision::Verdict::kBlock, "paused"};
  };
  ASSERT_TRUE(hooks.add(std::move(gate)).has_value());
  ScriptedBackend backend({ScriptedBackend::says("x")});
  const auto reply = call(backend, hooks);
  EXPECT_EQ(reply.error().code, base::Errc::kDenied);
  EXPECT_NE(reply.error().detail.find("paused"), std::string::npos);
  EXPECT_TRUE(backend.requests.empty());
}

}  // namespace
}  // namespace orchestration
