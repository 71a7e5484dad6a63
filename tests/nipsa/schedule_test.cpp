// 39202: when the agent wakes.
#include "nipsa/schedule.h"

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using nipsa::Trigger;
using std::chrono::seconds;

nostr::Event head(nostr::Tags tags, std::string d = "schedule", std::string content = "") {
  tags.insert(tags.begin(), {"d", std::move(d)});
  return sign({nipsa::kinds::kSchedule, kNow, std::move(tags), std::move(content)}, agent());
}

TEST(Schedule, RoundTripOfBothHeads) {
  nipsa::Schedule s;
  s.heartbeat = seconds(900);
  s.next_tick = kNow + seconds(900);
  s.triggers = {
      {Trigger::Type::kMention, 0}, {Trigger::Type::kDm, 0}, {Trigger::Type::kKind, 1111}};
  s.business_hours =
      nipsa::BusinessHours{{true, true, false, false, true, false, false}, 540, 1020};
  const auto schedule =
      nipsa::parse_schedule(sign(nipsa::build_schedule(s, kNow).value(), agent())).value();
  const auto triggers =
      nipsa::parse_schedule(sign(nipsa::build_triggers(s.triggers, kNow).value(), agent())).value();
  const auto both = nipsa::merge_heads(schedule, triggers);
  EXPECT_TRUE(both.active);
  EXPECT_EQ(both.heartbeat, s.heartbeat);
  EXPECT_EQ(both.next_tick, s.next_tick);
  EXPECT_EQ(both.triggers, s.triggers);
  EXPECT_EQ(both.business_hours, s.business_hours);
  EXPECT_EQ(schedule.triggers.size(), 2u);  // the kind form stands only under d=triggers
}

TEST(Schedule, Heartbeats) {
  EXPECT_EQ(outcome(nipsa::parse_schedule(head({{"heartbeat", "0"}}))), "E_NUM");
  EXPECT_EQ(outcome(nipsa::parse_schedule(head({{"heartbeat", "1000000000000"}}))), "E_NUM");
  const auto clamped = nipsa::parse_schedule(head({{"heartbeat", "1"}})).value();
  EXPECT_EQ(clamped.heartbeat, seconds(10));
  EXPECT_EQ(clamped.warnings.size(), 1u);
}

TEST(Schedule, ActiveUnlessItSaysOtherwise) {
  EXPECT_TRUE(nipsa::parse_schedule(head({})).value().active);
  EXPECT_FALSE(nipsa::parse_schedule(head({{"active", "false"}})).value().active);
  const auto odd = nipsa::parse_schedule(head({{"active", "TRUE"}})).value();
  EXPECT_FALSE(odd.active);
  EXPECT_TRUE(odd.warnings.at(0).starts_with("E_ENUM"));
}

TEST(Schedule, TriggersInEitherForm) {
  const auto s = nipsa::parse_schedule(head({{"trigger", "custom:1111"},
                                             {"trigger", "kind", "1111"},
                                             {"trigger", "custom:abc"},
                                             {"trigger", "kind"},
                                             {"trigger", "moon"},
                                             {"trigger", "kind", "70000"}}));
  EXPECT_EQ(s.value().triggers, (std::vector<Trigger>{{Trigger::Type::kKind, 1111}}));
}

TEST(Schedule, BusinessHoursEndExclusive) {
  const auto s =
      nipsa::parse_schedule(head({{"business_hours", "mon,tue,wed,thu,fri,sat 09:00-17:00"}}))
          .value();
  ASSERT_TRUE(s.business_hours);
  const auto sunday = std::chrono::sys_days{std::chrono::year{2025} / 10 / 12};
  const auto monday = std::chrono::sys_days{std::chrono::year{2025} / 10 / 13};
  using std::chrono::hours;
  EXPECT_FALSE(nipsa::within(*s.business_hours, sunday + hours(12)));
  EXPECT_FALSE(nipsa::within(*s.business_hours, monday + hours(9) - seconds(1)));
  EXPECT_TRUE(nipsa::within(*s.business_hours, monday + hours(9)));
  EXPECT_TRUE(nipsa::within(*s.business_hours, monday + hours(17) - seconds(1)));
  EXPECT_FALSE(nipsa::within(*s.business_hours, monday + hours(17)));
  for (const char* bad : {"mon 17:00-09:00", "mon 9:00-17:00", " 09:00-17:00", "noday 09:00-17:00",
                          "mon", "mon 09:00-25:00"}) {
    const auto odd = nipsa::parse_schedule(head({{"business_hours", bad}})).value();
    EXPECT_FALSE(odd.business_hours) << bad;
    EXPECT_FALSE(odd.warnings.empty()) << bad;
  }
}

TEST(Schedule, ContentSpeaksOnlyWhenNoTagDoes) {
  const std::string json = R"({"heartbeat_seconds":60,"triggers":["mention"]})";
  EXPECT_EQ(nipsa::parse_schedule(head({}, "schedule", json)).value().heartbeat, seconds(60));
  EXPECT_EQ(nipsa::parse_schedule(head({{"heartbeat", "900"}}, "schedule", json)).value().heartbeat,
            seconds(900));
  EXPECT_EQ(outcome(nipsa::parse_schedule(head({}, "other"))), "E_TAG_BAD");
}

}  // namespace
