// What our writers wrote, our parsers and writers reproduce exactly: a co-signer tells a strictly
// shaped event by building it anew from what it parsed.
#include "nipsa/approval.h"
#include "nipsa/profile.h"
#include "nipsa/schedule.h"
#include "nipsa/state.h"
#include "nipsa/tick.h"
#include "nipsa/trajectory.h"
#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

void expect_same(const nostr::Draft& first, const base::Result<nostr::Draft>& again) {
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->kind, first.kind);
  EXPECT_EQ(again->created_at, first.created_at);
  EXPECT_EQ(again->tags, first.tags);
  EXPECT_EQ(again->content, first.content);
}

TEST(Rewrite, SessionHeads) {
  nipsa::TrajectorySession s;
  s.d = "sess-0001";
  s.model = "playbook/builtin";
  s.started_at = kNow;
  s.tick = id('a');
  s.writer = pub('2');
  s.participants = {pub('4')};
  for (int ended = 0; ended < 2; ++ended) {
    if (ended == 1)
      s.end = nipsa::TrajectoryEnd{kNow + seconds(9), id('b'), hash('c'), "chain-v1", 3};
    const auto draft = nipsa::build_trajectory_session(s, kNow).value();
    expect_same(draft, nipsa::build_trajectory_session(
                           nipsa::parse_trajectory_session(sign(draft, agent())).value(), kNow));
  }
}

TEST(Rewrite, StatesAndTheirPlaintext) {
  const auto draft = nipsa::build_state("AgAB", id('a'), kNow).value();
  const auto head = nipsa::parse_state(sign(draft, agent())).value();
  expect_same(draft, nipsa::build_state(head.content, head.prev, kNow));
  const auto text = nipsa::encode_state({}).value();
  EXPECT_EQ(nipsa::encode_state(nipsa::decode_state(text).value()).value(), text);
}

TEST(Rewrite, ProfilesAndSchedules) {
  nipsa::Profile p;
  p.name = "Scout";
  p.version = "1";
  p.signers = {{pub('4'), "marketplace"}, {pub('3'), "guardian"}};
  p.operator_key = pub('5');
  p.guardians = {pub('5')};
  p.runners = {pub('2')};
  const auto profile = nipsa::build_profile(p, kNow).value();
  expect_same(profile,
              nipsa::build_profile(nipsa::parse_profile(sign(profile, agent())).value(), kNow));
  nipsa::Schedule s;
  s.heartbeat = seconds(900);
  s.triggers = {{nipsa::Trigger::Type::kMention, 0}, {nipsa::Trigger::Type::kDm, 0}};
  const auto schedule = nipsa::build_schedule(s, kNow).value();
  expect_same(schedule,
              nipsa::build_schedule(nipsa::parse_schedule(sign(schedule, agent())).value(), kNow));
}

TEST(Rewrite, TicksAndApprovals) {
  nipsa::TickRequest t;
  t.d = "tick-1";
  t.agent = pub('1');
  t.trigger = nipsa::TriggerName::kMention;
  t.trigger_event = nostr::EventRef{id('a'), "wss://r", std::nullopt};
  t.slot = nipsa::slot_of_event(id('a'));
  const auto tick = nipsa::build_tick_request(t, pub('2'), kNow).value();
  expect_same(tick, nipsa::build_tick_request(
                        nipsa::parse_tick_request(sign(tick, runner())).value(), pub('2'), kNow));

  nipsa::TickResult r;
  r.request = id('a');
  r.agent = pub('1');
  r.detail = "crashed";
  r.status = nipsa::TickStatus::kPartial;
  r.trajectory = nostr::EventRef{id('e'), "", std::nullopt};
  r.trajectory_hash = hash('f');
  r.trajectory_alg = "chain-v1";
  r.trajectory_count = 0;
  r.content = "AgAB";
  const auto result = nipsa::build_tick_result(r, pub('2'), kNow).value();
  expect_same(result,
              nipsa::build_tick_result(nipsa::parse_tick_result(sign(result, runner())).value(),
                                       pub('2'), kNow));

  nipsa::ApprovalRequest q;
  q.d = "apr-1";
  q.guardian = pub('3');
  q.operators = {pub('5')};
  q.tick = id('a');
  q.action = "publish";
  q.action_hash = hash('b');
  q.expires = kNow + seconds(900);
  const auto asked = nipsa::build_approval_request(q, kNow).value();
  expect_same(asked, nipsa::build_approval_request(
                         nipsa::parse_approval_request(sign(asked, runner())).value(), kNow));

  nipsa::ApprovalDecision d;
  d.request = id('c');
  d.tick = id('a');
  d.requester = pub('2');
  d.action_hash = hash('b');
  d.expires = kNow + seconds(900);
  d.evidence = {{id('d'), 14, ""}};
  const auto decided = nipsa::build_approval_decision(d, kNow).value();
  expect_same(decided,
              nipsa::build_approval_decision(
                  nipsa::parse_approval_decision(sign(decided, guardian())).value(), kNow));
}

}  // namespace
