// The loop's promises: owned coroutines, losers awaited, exceptions seen, cancellation honoured.
#include "nostr/base/loop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>
#include <thread>

namespace base {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 1h;

struct Trace {
  int started = 0;
  int finished = 0;
  int unwound = 0;
};

struct OnUnwind {
  explicit OnUnwind(Trace& t) : trace(t) {}
  ~OnUnwind() { ++trace.unwound; }
  OnUnwind(const OnUnwind&) = delete;
  OnUnwind& operator=(const OnUnwind&) = delete;
  Trace& trace;
};

Task<void> wait_long(Trace& trace) {
  const OnUnwind guard(trace);
  ++trace.started;
  co_await sleep_for(kLong);
  ++trace.finished;
}

Task<Result<int>> answer_after(std::chrono::milliseconds wait, int value) {
  co_await sleep_for(wait);
  co_return value;
}

Task<Result<int>> never(Trace& trace) {
  co_await wait_long(trace);
  co_return 0;
}

Task<Result<int>> throws_after_turn() {
  co_await next_turn();
  throw std::runtime_error("broken");
}

Task<int> forty_two() {
  co_await next_turn();
  co_return 42;
}

TEST(Loop, RunUntilCompleteReturnsValueAndRethrows) {
  Loop loop;
  EXPECT_EQ(loop.run_until_complete(forty_two()), 42);
  EXPECT_THROW((void)loop.run_until_complete(throws_after_turn()), std::runtime_error);
}

TEST(Loop, PostFromAnotherThreadRunsOnLoopThread) {
  Loop loop;
  std::thread::id ran_on;
  std::thread other([&] {
    loop.post([&] {
      loop.check();
      ran_on = std::this_thread::get_id();
      loop.stop();
    });
  });
  EXPECT_EQ(loop.run(), 0U);
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(Loop, ExceptionOfPostedFunctionIsCountedAndLoopGoesOn) {
  Loop loop;
  loop.post([] { throw std::runtime_error("posted"); });
  loop.post([&] { loop.stop(); });
  EXPECT_EQ(loop.run(), 1U);
}

TEST(Loop, SignalsReachTheCallback) {
  Loop loop;
  int seen = 0;
  loop.on_signal([&](int number) {
    seen = number;
    loop.stop();
  });
  loop.post([] { ASSERT_EQ(std::raise(SIGTERM), 0); });
  loop.run();
  EXPECT_EQ(seen, SIGTERM);
}

TEST(WithTimeout, ValueInTime) {
  Loop loop;
  const auto got = loop.run_until_complete(with_timeout(kLong, "answer", answer_after(1ms, 7)));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(*got, 7);
}

TEST(WithTimeout, LoserIsCancelledAndAwaited) {
  Loop loop;
  Trace trace;
  const auto got = loop.run_until_complete(with_timeout(1ms, "the answer", never(trace)));
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, Errc::kTimeout);
  EXPECT_NE(got.error().detail.find("the answer"), std::string::npos);
  EXPECT_EQ(trace.started, 1);
  EXPECT_EQ(trace.unwound, 1);
  EXPECT_EQ(trace.finished, 0);
}

TEST(WithTimeout, ExceptionPropagatesAtOnce) {
  Loop loop;
  EXPECT_THROW((void)loop.run_until_complete(with_timeout(kLong, "x", throws_after_turn())),
               std::runtime_error);
}

TEST(WithTimeout, NestedDeadlinesBothHold) {
  Loop loop;
  Trace trace;
  auto inner = with_timeout(kLong, "inner", never(trace));
  const auto got = loop.run_until_complete(with_timeout(1ms, "outer", std::move(inner)));
  ASSERT_FALSE(got.has_value());
  EXPECT_NE(got.error().detail.find("outer"), std::string::npos);
  EXPECT_EQ(trace.unwound, 1);
}

Task<void> timed_wait(Trace& trace) {
  const OnUnwind guard(trace);
  ++trace.started;
  const auto got = co_await with_timeout(kLong, "wait", answer_after(kLong, 1));
  ++trace.finished;  // an outer cancellation must not arrive here as a value
  EXPECT_FALSE(got.has_value());
}

Task<void> stop_after_turns(Scope& scope, int turns) {
  for (int i = 0; i < turns; ++i) co_await next_turn();
  co_await scope.stop();
}

TEST(WithTimeout, OuterCancellationIsNotASuccess) {
  Loop loop;
  Trace trace;
  Scope scope(loop);
  scope.spawn("timed", timed_wait(trace));
  loop.run_until_complete(stop_after_turns(scope, 5));
  EXPECT_EQ(trace.started, 1);
  EXPECT_EQ(trace.unwound, 1);
  EXPECT_EQ(trace.finished, 0);
}

TEST(Scope, StopCancelsAllAndWaits) {
  Loop loop;
  Trace trace;
  Scope scope(loop);
  for (int i = 0; i < 50; ++i) scope.spawn("waiter", wait_long(trace));
  EXPECT_EQ(scope.running(), 50U);
  loop.run_until_complete(stop_after_turns(scope, 3));
  EXPECT_EQ(scope.running(), 0U);
  EXPECT_EQ(trace.started, 50);
  EXPECT_EQ(trace.unwound, 50);
  EXPECT_EQ(trace.finished, 0);
  scope.spawn("late", wait_long(trace));
  EXPECT_EQ(scope.running(), 0U);
}

TEST(Scope, StopBeforeTheFirstTurnNeverStartsATask) {
  Loop loop;
  Trace trace;
  Scope scope(loop);
  scope.spawn("waiter", wait_long(trace));
  loop.run_until_complete(scope.stop());
  EXPECT_EQ(trace.started, 0);
  EXPECT_EQ(scope.running(), 0U);
}

Task<void> wait_signal(Signal& signal, Trace& trace) {
  ++trace.started;
  if (co_await signal.wait_for(kLong)) ++trace.finished;
}

struct NotifyOnUnwind {
  explicit NotifyOnUnwind(Signal& s) : signal(s) {}
  ~NotifyOnUnwind() { signal.notify(); }
  NotifyOnUnwind(const NotifyOnUnwind&) = delete;
  NotifyOnUnwind& operator=(const NotifyOnUnwind&) = delete;
  Signal& signal;
};

Task<void> notify_when_cancelled(Signal& signal) {
  const NotifyOnUnwind guard(signal);
  co_await sleep_for(kLong);
}

TEST(Scope, TaskThatFinishesInsideStopIsFine) {
  Loop loop;
  Trace trace;
  Signal signal(loop);
  Scope scope(loop);
  scope.spawn("notifier", notify_when_cancelled(signal));
  scope.spawn("waiter", wait_signal(signal, trace));
  loop.run_until_complete(stop_after_turns(scope, 3));
  EXPECT_EQ(scope.running(), 0U);
}

Task<void> fail_with_exception() {
  co_await next_turn();
  throw std::logic_error("bug");
}

Task<void> stop_loop_after(Loop& loop, Scope& scope, int turns) {
  for (int i = 0; i < turns; ++i) co_await next_turn();
  (void)scope;
  loop.stop();
}

TEST(Scope, ExceptionIsCountedNotSwallowed) {
  Loop loop;
  Scope scope(loop);
  scope.spawn("failing", fail_with_exception());
  scope.spawn("stopper", stop_loop_after(loop, scope, 10));
  EXPECT_EQ(loop.run(), 1U);
  loop.run_until_complete(scope.stop());
}

TEST(Signal, NotifyWakesEveryWaiter) {
  Loop loop;
  Trace trace;
  Signal signal(loop);
  Scope scope(loop);
  for (int i = 0; i < 3; ++i) scope.spawn("waiter", wait_signal(signal, trace));
  for (int i = 0; i < 3; ++i) loop.run_until_complete(next_turn());
  signal.notify();
  while (scope.running() > 0) loop.run_until_complete(next_turn());
  EXPECT_EQ(trace.finished, 3);
  loop.run_until_complete(scope.stop());
}

TEST(Signal, LimitPassesWithoutNotify) {
  Loop loop;
  Signal signal(loop);
  EXPECT_FALSE(loop.run_until_complete(signal.wait_for(1ms)));
}

Task<Result<void>> stop_scope(Scope& scope) {
  co_await scope.stop();
  co_return Result<void>{};
}

Task<void> linger(Trace& trace) {
  const OnUnwind guard(trace);
  try {
    co_await sleep_for(kLong);
  } catch (const std::exception&) {
    ++trace.finished;
  }
}

TEST(Scope, StopUnderATimeoutStillWaits) {
  Loop loop;
  Trace trace;
  Scope scope(loop);
  scope.spawn("linger", linger(trace));
  loop.run_until_complete(next_turn());
  (void)loop.run_until_complete(with_timeout(kLong, "stop", stop_scope(scope)));
  EXPECT_EQ(scope.running(), 0U);
  EXPECT_EQ(trace.unwound, trace.finished);
}

}  // namespace
}  // namespace base
