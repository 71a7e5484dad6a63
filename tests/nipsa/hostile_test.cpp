// Any parser meets any event: odd tags and random content give an error or a value, never a crash.
#include "nipsa/approval.h"
#include "nipsa/chain.h"
#include "nipsa/delivery.h"
#include "nipsa/profile.h"
#include "nipsa/schedule.h"
#include "nipsa/skill_label.h"
#include "nipsa/state.h"
#include "nipsa/tick.h"
#include "nipsa/trajectory.h"
#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;

constexpr std::string_view kNames[] = {"d",
                                       "p",
                                       "e",
                                       "a",
                                       "threshold",
                                       "signer",
                                       "operator",
                                       "guardian",
                                       "heartbeat",
                                       "active",
                                       "trigger",
                                       "business_hours",
                                       "next_tick",
                                       "state_version",
                                       "encrypted",
                                       "prev",
                                       "budget",
                                       "budget_requested",
                                       "approval_threshold",
                                       "max_steps",
                                       "status",
                                       "cost",
                                       "duration",
                                       "guardian_approved",
                                       "trajectory",
                                       "trajectory_hash",
                                       "exp",
                                       "decision",
                                       "action_hash",
                                       "scope",
                                       "evidence",
                                       "started_at",
                                       "ended_at",
                                       "writer",
                                       "first",
                                       "seq",
                                       "session",
                                       "step",
                                       "request",
                                       "runner",
                                       "reason",
                                       "model",
                                       "name",
                                       "version",
                                       "description",
                                       "manifest_hash",
                                       "expiry",
                                       "capability",
                                       "change_type",
                                       "manifest_event",
                                       "agent",
                                       "skill",
                                       "max_uses",
                                       "license_type",
                                       "payment_rail",
                                       "L",
                                       "l"};
constexpr std::string_view kValues[] = {
    "",
    "0",
    "1",
    "-1",
    "99999999999999999999",
    "state",
    "schedule",
    "profile",
    "success",
    "approved",
    "mention",
    "true",
    "chain-v1",
    "mon 09:00-17:00",
    ":",
    "39230::",
    "33400:1111111111111111111111111111111111111111111111111111111111111111:echo",
    "1.0.0",
    "metered",
    "skill-security",
    "\xff\xfe",
    "1111111111111111111111111111111111111111111111111111111111111111"};
constexpr std::string_view kContents[] = {"",
                                          "{",
                                          "{}",
                                          "[]",
                                          "null",
                                          "\"x\"",
                                          "{\"name\":5}",
                                          "{\"goals\":[[]]}",
                                          "\xff",
                                          "{\"heartbeat\":-5}",
                                          "{\"type\":5}",
                                          "{\"skill_id\":\"x\",\"content\":\"y\",\"blob\":[]}",
                                          "{\"expires_at\":-1,\"capabilities\":[\"none\",7]}"};

template <std::size_t N>
std::string_view pick(const std::string_view (&list)[N], base::Rng& rng) {
  return list[rng.below(N)];
}

TEST(Hostile, RandomEventsNeverCrashAParser) {
  base::SeededRng rng(42);
  const nostr::Kind all[] = {39200, 39201, 39202, 39210, 39211, 39212, 39213, 39230, 39231,
                             33400, 33401, 39220, 39221, 1985};
  for (int round = 0; round < 5000; ++round) {
    nostr::Event e;
    e.kind = all[rng.below(std::size(all))];
    e.created_at = kNow;
    e.content = pick(kContents, rng);
    for (auto tags = rng.below(12); tags > 0; --tags) {
      nostr::Tag tag{std::string(pick(kNames, rng))};
      for (auto values = rng.below(5); values > 0; --values) tag.emplace_back(pick(kValues, rng));
      e.tags.push_back(std::move(tag));
    }
    static_cast<void>(nipsa::parse_profile(e));
    static_cast<void>(nipsa::parse_state(e));
    static_cast<void>(nipsa::parse_schedule(e));
    static_cast<void>(nipsa::parse_tick_request(e));
    static_cast<void>(nipsa::parse_tick_result(e));
    static_cast<void>(nipsa::parse_approval_request(e));
    static_cast<void>(nipsa::parse_approval_decision(e));
    static_cast<void>(nipsa::parse_trajectory_session(e));
    static_cast<void>(nipsa::parse_trajectory_step(e));
    static_cast<void>(nipsa::parse_manifest(e));
    static_cast<void>(nipsa::parse_version_entry(e));
    static_cast<void>(nipsa::parse_licence(e));
    static_cast<void>(nipsa::parse_delivery(nostr::unsigned_part(e)));
    static_cast<void>(nipsa::parse_skill_label(e));
    static_cast<void>(nipsa::decode_state(e.content));
    static_cast<void>(nipsa::decode_report(e.content));
    static_cast<void>(nipsa::verify_chain(
        {.agent = {}, .session_d = "", .writer = {}, .hash = {}, .alg = "", .count = 3}, {e}));
  }
}

TEST(Hostile, EmptyTagsAreIgnored) {
  auto event = sign(nipsa::build_state("AgAB", std::nullopt, kNow).value(), agent());
  event.tags.push_back({""});
  event.tags.push_back({"prev"});
  EXPECT_EQ(outcome(nipsa::parse_state(event)), "ok");
}

}  // namespace
