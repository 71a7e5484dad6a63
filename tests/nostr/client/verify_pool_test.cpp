// nostr/client/verify_pool.h: what each kind of frame is judged to be, and what it costs.
#include "nostr/client/verify_pool.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

using testing::kind_filter;
using testing::make_event;
using testing::with_wrong_content;
using testing::with_wrong_signature;

Frame padded(const std::string& text) {
  auto out = std::make_shared<std::string>();
  out->reserve(text.size() + 64);
  *out = text;
  return out;
}

TargetPtr target_for(Filters filters) {
  return std::make_shared<const Target>(
      Target{1, std::move(filters), std::make_shared<DeliveredIds>(1'000)});
}

SubTable table_with(const TargetPtr& target) {
  SubTable table;
  table.live.emplace("s1", target);
  table.retired.push_back("s0");
  return table;
}

Checked check_frame(VerifyPool& pool, const std::string& frame, const SubTable& table) {
  auto results = pool.check({padded(frame)}, table);
  return std::move(results.at(0));
}

TEST(VerifyPool, AnEventThatOnlyItsTagsMakeWrongIsNoneThatNobodyAskedFor) {
  const Event event = make_event(1, "to somebody else");
  Filters filters = kind_filter(1);
  filters[0].tags['p'] = {std::string(64, 'a')};
  VerifyPool pool(1'000, EventLimits{});
  const SubTable table = table_with(target_for(filters));
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", event), table).verdict, Verdict::kOtherTags);
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", make_event(1, "x", 7)), table).verdict, Verdict::kUnmatched);
  EXPECT_EQ(pool.verifications(), 0U) << "neither is worth a signature check";
}

TEST(VerifyPool, JudgesEveryFrame) {
  const Event event = make_event(1, "hello");
  const Event other = make_event(1, "of another kind", 7);
  std::string truncated = relay_event_frame("s1", event);
  truncated.resize(truncated.size() / 2);
  std::string two_ids = relay_event_frame("s1", event);
  two_ids.insert(two_ids.size() - 2, ",\"id\":\"" + other.id.hex() + "\"");
  struct Case {
    const char* name;
    std::string frame;
    Verdict verdict;
  };
  const Case cases[] = {
      {"good event", relay_event_frame("s1", event), Verdict::kEvent},
      {"wrong content", relay_event_frame("s1", with_wrong_content(event)), Verdict::kForged},
      {"wrong signature", relay_event_frame("s1", with_wrong_signature(event)), Verdict::kForged},
      {"nobody asked", relay_event_frame("s1", other), Verdict::kUnmatched},
      {"unknown subscription", relay_event_frame("nope", event), Verdict::kUnmatched},
      {"closed subscription", relay_event_frame("s0", event), Verdict::kLate},
      {"truncated", truncated, Verdict::kMalformed},
      {"not json", "hello", Verdict::kMalformed},
      {"empty", "", Verdict::kMalformed},
      {"unknown message", "[\"HELLO\",1]", Verdict::kMalformed},
      {"eose", eose_frame("s1"), Verdict::kMessage},
      {"notice", notice_frame("hi"), Verdict::kMessage},
  };
  for (const Case& c : cases) {
    VerifyPool pool(1'000, {});
    const SubTable table = table_with(target_for(kind_filter(1)));
    EXPECT_EQ(check_frame(pool, c.frame, table).verdict, c.verdict) << c.name;
  }
  VerifyPool pool(1'000, {});
  const auto twice = check_frame(pool, two_ids, table_with(target_for(kind_filter(1))));
  EXPECT_TRUE(twice.verdict == Verdict::kMalformed || twice.event->id == event.id);
}

TEST(VerifyPool, AnEventInUnusualSpellingIsStillVerified) {
  VerifyPool pool(1'000, {});
  const SubTable table = table_with(target_for(kind_filter(1)));
  const Event event = make_event(1, "hello");
  const std::string spaced = " [ \"EVENT\" , \"s1\" , " + to_json(event) + " ] ";
  EXPECT_EQ(check_frame(pool, spaced, table).verdict, Verdict::kEvent);
  const std::string forged =
      " [ \"EVENT\" , \"s1\" , " + to_json(with_wrong_content(make_event(2, "x"))) + " ] ";
  EXPECT_EQ(check_frame(pool, forged, table).verdict, Verdict::kForged);
}

TEST(VerifyPool, AForgedTwinCannotShadowTheRealEvent) {
  VerifyPool pool(1'000, {});
  const SubTable table = table_with(target_for(kind_filter(1)));
  const Event event = make_event(1, "hello");
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", with_wrong_content(event)), table).verdict,
            Verdict::kForged);
  const auto real = check_frame(pool, relay_event_frame("s1", event), table);
  ASSERT_EQ(real.verdict, Verdict::kEvent);
  EXPECT_EQ(*real.event, event);
}

TEST(VerifyPool, ATwinOfAKnownEventNeverReplacesIt) {
  VerifyPool pool(1'000, {});
  const Event event = make_event(1, "hello");
  const SubTable table = table_with(target_for(kind_filter(1)));
  ASSERT_EQ(check_frame(pool, relay_event_frame("s1", event), table).verdict, Verdict::kEvent);
  const auto twin = check_frame(pool, relay_event_frame("s1", with_wrong_content(event)), table);
  ASSERT_EQ(twin.verdict, Verdict::kEvent);
  EXPECT_EQ(*twin.event, event) << "the verified event is handed on, not the copy";
}

TEST(VerifyPool, ACopyCostsNoVerificationAndReachesItsSubscription) {
  VerifyPool pool(100'000, {});
  const TargetPtr target = target_for(kind_filter(1));
  const SubTable table = table_with(target);
  const Event first = make_event(1, "the first");
  const std::string frame = relay_event_frame("s1", first);
  ASSERT_EQ(check_frame(pool, frame, table).verdict, Verdict::kEvent);
  EXPECT_EQ(pool.verifications(), 1u);

  // Not delivered yet: the copy brings the event again.
  EXPECT_EQ(check_frame(pool, frame, table).verdict, Verdict::kEvent);
  target->delivered->insert(first.id);
  EXPECT_EQ(check_frame(pool, frame, table).verdict, Verdict::kDuplicate);
  // Another subscription wants it still, also when the event itself was forgotten.
  SubTable other = table_with(target_for(kind_filter(1)));
  EXPECT_EQ(check_frame(pool, frame, other).verdict, Verdict::kEvent);
  EXPECT_EQ(pool.verifications(), 1u);
}

TEST(VerifyPool, AForgottenEventIsRecognisedByItsHashAndSignature) {
  VerifyPool pool(100'000, {});
  const TargetPtr target = target_for(kind_filter(1));
  const SubTable table = table_with(target);
  Event large = make_event(1, std::string(10'000, 'x'));  // too large to be kept
  ASSERT_EQ(check_frame(pool, relay_event_frame("s1", large), table).verdict, Verdict::kEvent);
  const auto copy = check_frame(pool, relay_event_frame("s1", large), table);
  ASSERT_EQ(copy.verdict, Verdict::kEvent);
  EXPECT_EQ(*copy.event, large);
  EXPECT_EQ(pool.verifications(), 1u);
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", with_wrong_content(large)), table).verdict,
            Verdict::kForged);
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", with_wrong_signature(large)), table).verdict,
            Verdict::kForged);
}

TEST(VerifyPool, CopiesInFlightOnOtherThreadsAreVerifiedOnce) {
  constexpr std::size_t kEvents = 200;
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < kEvents; ++i)
    frames.push_back(
        padded(relay_event_frame("s1", make_event(i % 5, "number " + std::to_string(i)))));
  VerifyPool pool(100'000, {});
  const SubTable table = table_with(target_for(kind_filter(1)));
  std::vector<std::thread> threads;
  std::atomic<std::size_t> good = 0;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (const Checked& checked : pool.check(frames, table))
        good += checked.verdict == Verdict::kEvent;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 3 * kEvents);
  EXPECT_EQ(pool.verifications(), kEvents);
}

TEST(VerifyPool, EventsOverTheLimitsAreMalformed) {
  EventLimits limits;
  limits.max_bytes = 2'000;
  limits.max_tags = 3;
  VerifyPool pool(1'000, limits);
  const SubTable table = table_with(target_for(kind_filter(1)));
  const Event long_content = make_event(1, std::string(3'000, 'x'));
  const Event many_tags = make_event(1, "x", 1, Tags(4, Tag{"t", "x"}));
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", long_content), table).verdict,
            Verdict::kMalformed);
  EXPECT_EQ(check_frame(pool, relay_event_frame("s1", many_tags), table).verdict,
            Verdict::kMalformed);
}

}  // namespace
}  // namespace nostr
