// Coroutines side by side: all end before the one that waits goes on, whatever becomes of them.
#include "nostr/base/loop_together.h"

#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include "nostr/base/loop.h"

namespace base {
namespace {

using namespace std::chrono_literals;

struct Count {
  int at_work = 0;
  int most = 0;
  int ended = 0;
};

Task<void> works(Count* count, int turns, bool throws = false) {
  struct Leave {
    Count* count;
    ~Leave() {
      --count->at_work;
      ++count->ended;
    }
  } const leave{count};
  count->most = std::max(count->most, ++count->at_work);
  for (int i = 0; i < turns; ++i) co_await next_turn();
  if (throws) throw std::runtime_error("broken");
}

Task<void> waits(Count* count) {
  struct Leave {
    Count* count;
    ~Leave() { ++count->ended; }
  } const leave{count};
  ++count->at_work;
  co_await sleep_for(1h);
}

TEST(Together, RunSideBySideAndAllEnd) {
  Loop loop;
  Count count;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(works(&count, 3 + i));
  loop.run_until_complete(all_of(std::move(tasks)));
  EXPECT_EQ(count.most, 5);
  EXPECT_EQ(count.ended, 5);
  loop.run_until_complete(all_of({}));
}

TEST(Together, AnExceptionIsThrownWhenTheOthersHaveEnded) {
  Loop loop;
  Count count;
  std::vector<Task<void>> tasks;
  tasks.push_back(works(&count, 1, true));
  tasks.push_back(works(&count, 50));
  EXPECT_THROW(loop.run_until_complete(all_of(std::move(tasks))), std::runtime_error);
  EXPECT_EQ(count.ended, 2);
}

TEST(Together, WhoIsCancelledCancelsEach) {
  Loop loop;
  Count count;
  Scope scope(loop);
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(waits(&count));
  scope.spawn("all", all_of(std::move(tasks)));
  while (count.at_work < 3) loop.run_until_complete(sleep_for(1ms));
  loop.run_until_complete(scope.stop());
  EXPECT_EQ(count.ended, 3);
}

}  // namespace
}  // namespace base
