// Filters against a naive model, inclusive bounds, and a strict reading of filter JSON.
#include "nostr/event/filter.h"

#include <gtest/gtest.h>

#include "tests/nostr/event/samples.h"

namespace nostr {
namespace {

/// NIP-01's words turned into sets and loops, with no thought of speed.
bool naive_match(const Filter& filter, const Event& event) {
  const auto listed = [](const auto& list, const auto& value) {
    for (const auto& item : list)
      if (item == value) return true;
    return list.empty();
  };
  bool ok = listed(filter.ids, event.id) && listed(filter.authors, event.pubkey) &&
            listed(filter.kinds, event.kind);
  ok = ok && (!filter.since || *filter.since <= event.created_at) &&
       (!filter.until || event.created_at <= *filter.until);
  for (const auto& [letter, values] : filter.tags) {
    bool any = values.empty();
    for (const Tag& tag : event.tags)
      for (const std::string& value : values)
        any = any || (tag.size() > 1 && tag[0] == std::string(1, letter) && tag[1] == value);
    ok = ok && any;
  }
  return ok;
}

/// Draws from few values, so that matches are as common as misses.
Event small_event(base::Rng& rng) {
  Event event;
  event.id.data()[0] = static_cast<std::uint8_t>(rng.below(3));
  event.pubkey.data()[31] = static_cast<std::uint8_t>(rng.below(3));
  event.kind = static_cast<Kind>(rng.below(3));
  event.created_at = base::unix_time(static_cast<std::int64_t>(rng.below(5)));
  for (auto tags = rng.below(4); tags > 0; --tags) {
    Tag& tag = event.tags.emplace_back(Tag{std::string(rng.below(4) == 0   ? "tt"
                                                       : rng.below(2) == 0 ? "t"
                                                                           : "e")});
    for (auto values = rng.below(3); values > 0; --values)
      tag.push_back(std::to_string(rng.below(3)));
  }
  return event;
}

Filter small_filter(base::Rng& rng) {
  Filter filter;
  const auto half = [&] { return rng.below(2) == 0; };
  if (half()) filter.kinds.assign(1 + rng.below(2), static_cast<Kind>(rng.below(3)));
  if (half()) filter.authors.push_back(small_event(rng).pubkey);
  if (rng.below(4) == 0) filter.ids = {small_event(rng).id, small_event(rng).id};
  if (half()) filter.since = base::unix_time(static_cast<std::int64_t>(rng.below(5)));
  if (half()) filter.until = base::unix_time(static_cast<std::int64_t>(rng.below(5)));
  for (const char letter : {'t', 'e'})
    if (rng.below(3) == 0)
      filter.tags[letter] = {std::to_string(rng.below(3)), std::to_string(rng.below(3))};
  if (half()) filter.limit = static_cast<std::uint32_t>(rng.below(10));
  return filter;
}

TEST(FilterMatch, agrees_with_the_naive_model) {
  base::SeededRng rng(17);
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Event event = small_event(rng);
    const Filters filters = {small_filter(rng), small_filter(rng)};
    ASSERT_EQ(matches(filters[0], event), naive_match(filters[0], event)) << to_json(filters[0]);
    ASSERT_EQ(matches_any(filters, event),
              naive_match(filters[0], event) || naive_match(filters[1], event));
    hits += matches(filters[0], event);
  }
  EXPECT_GT(hits, 1000);
}

TEST(FilterMatch, no_filter_matches_nothing_and_an_empty_one_anything) {
  EXPECT_FALSE(matches_any({}, Event{}));
  EXPECT_TRUE(matches(Filter{}, Event{}));
}

TEST(FilterJson, round_trips_random_filters) {
  base::SeededRng rng(18);
  for (int i = 0; i < 500; ++i) {
    const Filter filter = small_filter(rng);
    const auto parsed = parse_filter(to_json(filter));
    ASSERT_TRUE(parsed) << to_json(filter);
    EXPECT_EQ(*parsed, filter);
  }
  EXPECT_EQ(to_json(Filter{}), "{}");
}

struct Refused {
  std::string json;
  const char* detail;
};

TEST(FilterJson, names_what_it_refuses) {
  const std::string hex(64, 'a');
  const Refused cases[] = {
      {"[]", "filter is not an object"},
      {"", "not JSON"},
      {R"({"search":1})", "filter member search is not a string"},
      {R"({"search":")" + std::string(1'025, 'x') + R"("})", "filter member search is over 1024 bytes"},
      {R"({"find":"x"})", "filter member find is not supported"},
      {R"({"#ab":["x"]})", "filter member #ab is not supported"},
      {R"({"#1":["x"]})", "filter member #1 is not supported"},
      {R"({"&t":["x"]})", "filter member &t is not supported"},
      {R"({"ids":["aa"]})", "filter member ids: expected 64 lower-case hex characters, got 2"},
      {R"({"ids":[")" + std::string(64, 'A') + R"("]})", "filter member ids: expected 64"},
      {R"({"ids":")" + hex + R"("})", "filter member ids is not an array"},
      {R"({"ids":[1]})", "filter member ids holds no string"},
      {R"({"authors":[]})", "filter member authors is empty"},
      {R"({"kinds":[65536]})", "filter member kinds holds"},
      {R"({"kinds":[-1]})", "filter member kinds holds"},
      {R"({"kinds":[1.0]})", "filter member kinds holds"},
      {R"({"kinds":["1"]})", "filter member kinds holds"},
      {R"({"#t":[1]})", "filter member #t holds no string"},
      {R"({"#t":null})", "filter member #t is not an array"},
      {R"({"since":-1})", "filter member since is not a time"},
      {R"({"until":1.5})", "filter member until is not a time"},
      {R"({"until":9223372036854775808})", "filter member until is not a time"},
      {R"({"limit":-1})", "filter member limit is not a count"},
      {R"({"limit":"1"})", "filter member limit is not a count"},
      {R"({"limit":1,"limit":2})", "an object names one member twice"},
      {R"({"#t":[{}]})", "nested deeper"},
  };
  for (const Refused& c : cases) {
    const auto parsed = parse_filter(c.json);
    ASSERT_FALSE(parsed) << c.json;
    EXPECT_EQ(parsed.error().code, base::Errc::kInvalid);
    EXPECT_TRUE(parsed.error().detail.starts_with(c.detail))
        << c.json << ": " << parsed.error().detail;
  }
}

TEST(FilterJson, bounds_its_values_and_caps_its_limit) {
  std::string kinds = "1";
  for (int i = 1; i < 10'000; ++i) kinds += ",1";
  EXPECT_TRUE(parse_filter(R"({"kinds":[)" + kinds + "]}"));
  EXPECT_EQ(parse_filter(R"({"kinds":[)" + kinds + R"(],"#t":["x"]})").error().detail,
            "filter holds over 10000 values");
  EXPECT_EQ(parse_filter(R"({"limit":99999999999})")->limit, 4'294'967'295U);
  EXPECT_EQ(parse_filter(R"({"until":9007199254740991})")->until,
            base::unix_time(9'007'199'254'740'991));
}

}  // namespace
}  // namespace nostr
