// Paging against the one big answer it stands for.
#include "nostr/server/backlog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/nostr/server/support/memory_store.h"

namespace nostr {
namespace {

using test::MemoryStore;
constexpr UnixTime kNow = base::unix_time(2'000'000'000);

/// Events need no valid signature here; ids only have to differ.
Event plain_event(std::uint64_t number, Kind kind, std::int64_t at) {
  base::SeededRng rng(number + 1);
  Event out;
  out.id = EventId(rng.bytes<32>());
  out.kind = kind;
  out.created_at = base::unix_time(at);
  return out;
}

std::vector<EventId> walk(MemoryStore& store, Filters filters, std::size_t max = 500'000) {
  Backlog backlog(std::move(filters), max);
  std::vector<EventId> out;
  while (!backlog.done()) {
    const auto page = backlog.next(store, kNow);
    EXPECT_TRUE(page.has_value());
    for (const Event& event : *page) out.push_back(event.id);
  }
  return out;
}

class BacklogTest : public ::testing::Test {
 protected:
  BacklogTest() {
    base::SeededRng rng(42);
    // Few distinct seconds, so that pages end inside of one; one second alone exceeds a page.
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const Kind kind = i % 3 == 0 ? 1 : (i % 3 == 1 ? 4 : 7);
      const std::int64_t at = i % 4 == 0 ? 500 : static_cast<std::int64_t>(rng.below(1000));
      EXPECT_TRUE(store_.insert(plain_event(i, kind, at), kNow).has_value());
    }
  }
  std::vector<EventId> all(const Filters& filters) {
    std::vector<EventId> out;
    const std::vector<Event> found = store_.query(filters, 100'000, kNow).value();
    for (const Event& event : found) out.push_back(event.id);
    return out;
  }
  MemoryStore store_;
};

TEST_F(BacklogTest, OneFilterComesCompleteAndInOrder) {
  const Filters cases[] = {
      {Filter{}},
      {Filter{.kinds = {1}}},
      {Filter{.kinds = {1}, .limit = 5}},
      {Filter{.kinds = {1}, .limit = 250}},
      {Filter{.since = base::unix_time(100), .until = base::unix_time(500)}},
      {Filter{.until = base::unix_time(500), .limit = 700}},
      {Filter{.kinds = {9999}}},
      {Filter{.limit = 0}},
  };
  for (const Filters& filters : cases)
    EXPECT_EQ(walk(store_, filters), all(filters)) << to_json(filters[0]);
}

TEST_F(BacklogTest, PagesAreBounded) {
  store_.largest_answer = 0;
  EXPECT_EQ(walk(store_, {Filter{.kinds = {7}}}).size(), 666U);
  EXPECT_LE(store_.largest_answer.load(), 450U);
}

TEST_F(BacklogTest, SeveralSmallFiltersComeMergedInOrder) {
  const Filters filters{Filter{.kinds = {1}, .limit = 30}, Filter{.kinds = {7}, .limit = 30},
                        Filter{.limit = 10}};
  EXPECT_EQ(walk(store_, filters), all(filters));
}

TEST_F(BacklogTest, SeveralLargeFiltersBringEachEventOnce) {
  const Filters cases[] = {
      {Filter{.kinds = {1, 4}}, Filter{.kinds = {4, 7}}},
      {Filter{.kinds = {1}, .limit = 300}, Filter{}},
      {Filter{}, Filter{.kinds = {1}, .limit = 300}},
      {Filter{.limit = 250}, Filter{.limit = 600}, Filter{.kinds = {7}}},
  };
  for (const Filters& filters : cases) {
    const auto got = walk(store_, filters);
    const auto want = all(filters);
    EXPECT_EQ(std::set(got.begin(), got.end()), std::set(want.begin(), want.end()));
    EXPECT_EQ(got.size(), want.size());
  }
}

TEST_F(BacklogTest, ASecondThatFillsUpMeanwhileDoesNotHoldTheWalkUp) {
  const Filters filters{Filter{.kinds = {30}}};
  for (std::uint64_t i = 0; i < 600; ++i)
    ASSERT_TRUE(store_.insert(plain_event(10'000 + i, 30, 700), kNow).has_value());
  const std::vector<EventId> before = all(filters);
  Backlog backlog(filters, 500'000);
  std::vector<EventId> walked;
  for (std::uint64_t turn = 0; !backlog.done(); ++turn) {
    ASSERT_LT(turn, 100U) << "it asks the same again and again";
    const std::vector<Event> page = backlog.next(store_, kNow).value();
    for (const Event& event : page) walked.push_back(event.id);
    for (std::uint64_t i = 0; turn == 0 && i < 2'000; ++i)
      ASSERT_TRUE(store_.insert(plain_event(20'000 + i, 30, 700), kNow).has_value());
  }
  EXPECT_EQ(std::set(walked.begin(), walked.end()).size(), walked.size());
  for (const EventId& id : before) EXPECT_NE(std::ranges::find(walked, id), walked.end());
}

TEST_F(BacklogTest, MaximumBoundsAFilterWithoutLimit) {
  EXPECT_EQ(walk(store_, {Filter{}}, 321).size(), 321U);
  EXPECT_EQ(walk(store_, {Filter{.limit = 1000}}, 321).size(), 321U);
}

TEST_F(BacklogTest, KnowsWhetherALimitKeptSomethingBack) {
  using enum Backlog::Completeness;
  const auto completeness = [this](Filters filters, std::size_t max = 500'000) {
    Backlog backlog(std::move(filters), max);
    while (!backlog.done()) EXPECT_TRUE(backlog.next(store_, kNow).has_value());
    return backlog.completeness();
  };
  EXPECT_EQ(completeness({Filter{}}), kFinished);
  EXPECT_EQ(completeness({Filter{.kinds = {9999}}}), kFinished);
  EXPECT_EQ(completeness({Filter{.kinds = {7}, .limit = 665}}), kMore);
  EXPECT_EQ(completeness({Filter{.kinds = {7}, .limit = 666}}), kFinished) << "exactly all";
  EXPECT_EQ(completeness({Filter{.kinds = {7}, .limit = 200}}), kMore) << "a whole page";
  EXPECT_EQ(completeness({Filter{}}, 1999), kMore);
  EXPECT_EQ(completeness({Filter{}, Filter{.kinds = {7}, .limit = 300}}), kMore);
  EXPECT_EQ(completeness({Filter{.limit = 0}}), kUnknown) << "nobody looked";
  EXPECT_EQ(completeness({Filter{.kinds = {9999}}, Filter{.kinds = {7}, .limit = 5}}), kUnknown);
}

TEST_F(BacklogTest, BrokenStoreEndsTheWalk) {
  Backlog backlog({Filter{}}, 100);
  store_.broken = true;
  EXPECT_FALSE(backlog.next(store_, kNow).has_value());
  EXPECT_TRUE(backlog.done());
}

}  // namespace
}  // namespace nostr
