// Workers: everything submitted runs once, off the loop thread, and results come home.
#include "nostr/base/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace base {
namespace {

using namespace std::chrono_literals;

TEST(Workers, DestructorFinishesQueuedWork) {
  std::atomic<int> ran{0};
  {
    Workers workers(3);
    EXPECT_EQ(workers.size(), 3U);
    for (int i = 0; i < 1000; ++i) workers.submit([&] { ++ran; });
  }
  EXPECT_EQ(ran.load(), 1000);
}

TEST(Offload, RunsElsewhereAndReturnsHere) {
  Loop loop;
  Workers workers(2);
  std::thread::id ran_on;
  std::function<int()> fn = [&] {
    ran_on = std::this_thread::get_id();
    return 5;
  };
  EXPECT_EQ(loop.run_until_complete(offload<int>(loop, workers, fn)), 5);
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_NE(ran_on, std::thread::id{});
}

TEST(Offload, VoidWorks) {
  Loop loop;
  Workers workers(1);
  std::atomic<bool> ran{false};
  loop.run_until_complete(offload<void>(loop, workers, [&] { ran = true; }));
  EXPECT_TRUE(ran.load());
}

Task<void> offload_and_count(Loop& loop, Workers& workers, std::function<int()> fn, int& resumed) {
  (void)co_await offload<int>(loop, workers, std::move(fn));
  ++resumed;
}

Task<void> cancel_while_running(Scope& scope, std::latch& entered, std::latch& release) {
  co_await next_turn();
  co_await next_turn();
  entered.wait();
  std::thread releaser([&release] { release.count_down(); });
  co_await scope.stop();
  releaser.join();
}

TEST(Offload, CancelledTaskWaitsForItsFunctionAndDropsTheResult) {
  Loop loop;
  Workers workers(1);
  Scope scope(loop);
  std::latch entered(1);
  std::latch release(1);
  std::atomic<bool> returned{false};
  int resumed = 0;
  scope.spawn("offload", offload_and_count(
                             loop, workers,
                             [&] {
                               entered.count_down();
                               release.wait();
                               returned = true;
                               return 1;
                             },
                             resumed));
  loop.run_until_complete(cancel_while_running(scope, entered, release));
  EXPECT_TRUE(returned.load());
  EXPECT_EQ(resumed, 0);
  EXPECT_EQ(scope.running(), 0U);
}

}  // namespace
}  // namespace base
