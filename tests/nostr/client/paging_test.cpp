// The walk against a model of a relay: whatever its cap and however many events share a second,
// everything is seen, or the walk says that it may not be.
#include "nostr/client/paging.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace nostr {
namespace {

/// Unsigned: the walk looks at ids and times only.
EventPtr plain(std::uint64_t number, std::int64_t at, std::uint64_t author = 0, Kind kind = 1) {
  Event event;
  event.kind = kind;
  event.created_at = base::unix_time(at);
  event.id = EventId(sha256("id " + std::to_string(number)).array());
  event.pubkey = PublicKey(sha256("author " + std::to_string(author)).array());
  return std::make_shared<const Event>(std::move(event));
}

struct Model {
  std::vector<EventPtr> events;
  std::size_t cap = 500;
  bool hints = false;

  /// Newest first, `limit` and cap obeyed.
  std::vector<EventPtr> answer(const Filter& filter) const {
    std::vector<EventPtr> out;
    for (const EventPtr& event : events)
      if (matches(filter, *event)) out.push_back(event);
    std::ranges::sort(out, [](const EventPtr& a, const EventPtr& b) {
      return a->created_at != b->created_at ? a->created_at > b->created_at : a->id < b->id;
    });
    out.resize(std::min<std::size_t>({out.size(), cap, filter.limit.value_or(UINT32_MAX)}));
    return out;
  }
  bool has_all(const Filter& filter) const {
    Filter unlimited = filter;
    unlimited.limit.reset();
    const auto wanted = [&](const EventPtr& event) { return matches(unlimited, *event); };
    return std::ssize(answer(filter)) == std::ranges::count_if(events, wanted);
  }
};

std::set<EventId> walk_through(const Model& model, PageWalk& walk) {
  std::set<EventId> seen;
  while (const auto filter = walk.next()) {
    const auto page = model.answer(*filter);
    for (const EventPtr& event : page) seen.insert(event->id);
    walk.take(page, model.hints && model.has_all(*filter));
    if (walk.pages() > 10'000) {
      ADD_FAILURE() << "the walk does not end";
      break;
    }
  }
  return seen;
}

constexpr PagingLimits kSmall{.first_page = 8, .largest_page = 64, .smallest_cap = 4};

TEST(PageWalk, SeesEverythingWhateverTheCapOfTheRelay) {
  for (const std::size_t cap : {4u, 7u, 8u, 9u, 30u, 1'000u})
    for (const std::size_t count : {0u, 1u, 4u, 8u, 64u, 333u}) {
      Model model{.events = {}, .cap = cap};
      for (std::size_t i = 0; i < count; ++i)
        model.events.push_back(plain(i, 1'000 + static_cast<std::int64_t>(i / 3)));
      PageWalk walk({}, kSmall);
      EXPECT_EQ(walk_through(model, walk).size(), count) << "cap " << cap;
      EXPECT_EQ(walk.events(), count) << "cap " << cap;
      EXPECT_FALSE(walk.cut());
      EXPECT_EQ(walk.doubtful_seconds(), 0u) << "cap " << cap << " count " << count;
    }
}

TEST(PageWalk, TakesASecondThatFillsAPageApartByTheFilter) {
  Model model{.events = {}, .cap = 13};  // an author has at most 12 in that second
  Filter filter{.kinds = {1, 6, 7}};
  for (std::uint64_t author = 0; author < 9; ++author)
    filter.authors.push_back(plain(0, 0, author)->pubkey);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Kind kind = i % 3 == 0 ? 1 : i % 3 == 1 ? 6 : 7;
    model.events.push_back(plain(i, 2'000, i % 9, kind));
  }
  for (std::uint64_t i = 100; i < 130; ++i) model.events.push_back(plain(i, 1'000, i % 9, 1));
  PageWalk walk(filter, kSmall);
  EXPECT_EQ(walk_through(model, walk).size(), 130u);
  EXPECT_EQ(walk.doubtful_seconds(), 0u);
}

TEST(PageWalk, SaysWhenASecondMayHoldMoreThanTheRelaySends) {
  Model model{.events = {}, .cap = 10};
  for (std::uint64_t i = 0; i < 25; ++i) model.events.push_back(plain(i, 2'000));
  for (std::uint64_t i = 25; i < 50; ++i)
    model.events.push_back(plain(i, 1'000 + static_cast<std::int64_t>(i)));
  PageWalk walk({}, kSmall);
  EXPECT_EQ(walk_through(model, walk).size(), 10u + 25u);  // and goes on below that second
  EXPECT_EQ(walk.doubtful_seconds(), 1u);
}

TEST(PageWalk, AsksForLongerPagesWhereOnlyItsOwnLimitCutASecond) {
  Model model{.events = {}, .cap = 1'000};
  for (std::uint64_t i = 0; i < 50; ++i) model.events.push_back(plain(i, 2'000));
  PageWalk walk({}, kSmall);
  EXPECT_EQ(walk_through(model, walk).size(), 50u);
  EXPECT_EQ(walk.doubtful_seconds(), 1u);  // a cap of exactly 50 would look the same
}

TEST(PageWalk, ALiveEventFromThePastDoesNotShortenIt) {
  Model model{.events = {}, .cap = 10};
  for (std::uint64_t i = 0; i < 40; ++i)
    model.events.push_back(plain(i, 1'000 + static_cast<std::int64_t>(i)));
  PageWalk walk({}, kSmall);
  const EventPtr live = plain(99, 1'005);
  std::set<EventId> seen;
  for (bool first = true; const auto filter = walk.next(); first = false) {
    auto page = model.answer(*filter);
    if (first) page.push_back(live);
    for (const EventPtr& event : page) seen.insert(event->id);
    if (first)
      walk.take(page, false, {live->id});
    else
      walk.take(page, false);
  }
  EXPECT_EQ(seen.size(), 41u);
}

TEST(PageWalk, FinishEndsItAndMoreDoesNot) {
  Model model{.events = {}, .cap = 1'000, .hints = true};
  for (std::uint64_t i = 0; i < 5; ++i)
    model.events.push_back(plain(i, 1'000 + static_cast<std::int64_t>(i)));
  PageWalk walk({}, kSmall);
  EXPECT_EQ(walk_through(model, walk).size(), 5u);
  EXPECT_EQ(walk.pages(), 1u);
}

TEST(PageWalk, StopsAtSinceAndAtItsLimit) {
  Model model{.events = {}, .cap = 10};
  for (std::uint64_t i = 0; i < 60; ++i)
    model.events.push_back(plain(i, 1'000 + static_cast<std::int64_t>(i)));
  PageWalk since({.since = base::unix_time(1'030)}, kSmall);
  EXPECT_EQ(walk_through(model, since).size(), 30u);
  PageWalk limited({.limit = 12}, kSmall);
  EXPECT_GE(walk_through(model, limited).size(), 12u);
  EXPECT_LE(limited.pages(), 2u);
}

TEST(PageWalk, IsCutByEachOfItsBoundsAndNamesIt) {
  Model model{.events = {}, .cap = 5};
  for (std::uint64_t i = 0; i < 60; ++i)
    model.events.push_back(plain(i, 1'000 + static_cast<std::int64_t>(i)));
  const auto cut_by = [&](PagingLimits limits) {
    PageWalk walk({}, limits);
    walk_through(model, walk);
    return walk.cut() ? walk.cut()->detail : "";
  };
  PagingLimits pages = kSmall, events = kSmall, bytes = kSmall;
  pages.max_pages = 3;
  events.max_events = 20;
  bytes.max_bytes = 4'000;
  EXPECT_EQ(cut_by(pages), "the history was cut after 3 pages");
  EXPECT_EQ(cut_by(events), "the history was cut after 20 events");
  EXPECT_EQ(cut_by(bytes), "the history was cut after 4000 bytes");
  EXPECT_EQ(cut_by(kSmall), "");
}

}  // namespace
}  // namespace nostr
