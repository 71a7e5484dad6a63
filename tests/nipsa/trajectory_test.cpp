// 39230, 39231 and the chain over them.
#include "nipsa/trajectory.h"

#include <algorithm>

#include "nipsa/chain.h"
#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using nipsa::ChainVerdict;
using std::chrono::seconds;

nipsa::TrajectorySession session() {
  nipsa::TrajectorySession s;
  s.d = "sess-0001";
  s.model = "playbook/builtin";
  s.started_at = kNow;
  s.tick = id('a');
  s.writer = pub('2');
  return s;
}
nostr::Event head() {
  return sign(nipsa::build_trajectory_session(session(), kNow).value(), agent());
}

/// Step `seq` after `previous`; `text` makes it distinct.
nostr::Event step(std::uint32_t seq, std::optional<nostr::EventId> previous,
                  const std::string& text, const nostr::SecretKey& by = runner()) {
  base::SeededRng rng(seq);
  nipsa::TrajectoryStep s;
  s.session = {nipsa::kinds::kTrajectory, pub('1'), "sess-0001"};
  s.first_head = head().id;
  s.seq = seq;
  s.previous = previous;
  s.type = nipsa::step_type::kToolStart;
  s.content = nipsa::encode_step_body(s.type, seq, kNow, {{"name", text}}).value();
  return sign(nipsa::build_trajectory_step(s, kNow + seconds(seq), rng).value(), by);
}

struct Recorded {
  std::vector<nostr::Event> events;
  nipsa::ChainClaim claim;
};
Recorded recorded(std::uint32_t count) {
  Recorded out;
  auto link = nipsa::chain_start(pub('1'), "sess-0001");
  std::optional<nostr::EventId> last;
  for (std::uint32_t seq = 1; seq <= count; ++seq) {
    out.events.push_back(step(seq, last, "step"));
    last = out.events.back().id;
    link = nipsa::chain_extend(link, *last);
  }
  out.claim = {pub('1'), "sess-0001", pub('2'), link, "chain-v1", count};
  return out;
}

TEST(Chain, ReferenceVectors) {
  const auto agent_key = nostr::PublicKey::from_hex(std::string(64, 'a')).value();
  auto link = nipsa::chain_start(agent_key, "sess-0001");
  EXPECT_EQ(link.hex(), "1b81a430735ceb7044bf58035f5ac869ed13f7c5d98e691c51cd1a7a0d148b42");
  const char* expected[] = {"c8bb0e7bcab1f6bdba6f94529b4a9f050473bae7da9ba69a8030807c10830e8c",
                            "54f49ab77b115d751f6d873403937616801f755c9df1f1cb0743197bd5b7c356",
                            "ded670d428130bf2fcd613ede8f99db1e88c77985dd86095c94e4704b190f253"};
  for (int i = 0; i < 3; ++i) {
    link = nipsa::chain_extend(link, id(static_cast<char>('1' + i)));
    EXPECT_EQ(link.hex(), expected[i]);
  }
  EXPECT_EQ(nipsa::content_join(
                {R"({"type":"ToolUse","tool":"Read"})", R"({"type":"ToolResult","success":true})"})
                .value()
                .hex(),
            "cc3c5a008a224128a7e8c0c60299a2925cd368eae1c2cc5fed254f4096deae16");
  EXPECT_EQ(outcome(nipsa::content_join({})), "E_CHAIN");
}

TEST(Chain, ValidInAnyOrderWithCopiesAndStrangers) {
  auto r = recorded(5);
  EXPECT_EQ(nipsa::verify_chain(r.claim, r.events).verdict, ChainVerdict::kValid);
  std::ranges::reverse(r.events);
  r.events.push_back(r.events[2]);
  r.events.push_back(step(3, r.events[3].id, "forged", stranger()));
  const auto out = nipsa::verify_chain(r.claim, r.events);
  EXPECT_EQ(out.verdict, ChainVerdict::kValid);
  EXPECT_EQ(out.count, 5u);
}

TEST(Chain, AGapIsNamed) {
  auto r = recorded(5);
  r.events.erase(r.events.begin() + 2);
  const auto out = nipsa::verify_chain(r.claim, r.events);
  EXPECT_EQ(out.verdict, ChainVerdict::kIncomplete);
  EXPECT_EQ(out.missing, std::vector<std::uint32_t>{3});
  auto huge = r.claim;
  huge.count = 0xffff'ffff;
  EXPECT_EQ(nipsa::verify_chain(huge, r.events).missing.size(), 100u);
}

TEST(Chain, ARewrittenStepIsAForkThatOnlyOneBranchResolves) {
  auto r = recorded(3);
  auto events = r.events;
  events.push_back(step(3, r.events[1].id, "rewritten"));
  auto out = nipsa::verify_chain(r.claim, events);
  EXPECT_EQ(out.verdict, ChainVerdict::kValid);
  EXPECT_EQ(out.forked_at, 3u);
  auto wrong = r.claim;
  wrong.hash = hash('0');
  out = nipsa::verify_chain(wrong, events);
  EXPECT_EQ(out.verdict, ChainVerdict::kForked);
  EXPECT_EQ(out.forked_at, 3u);
}

TEST(Chain, AnythingChangedIsAMismatch) {
  auto r = recorded(3);
  r.events[1] = step(2, r.events[0].id, "changed");  // the third still answers the old second
  EXPECT_EQ(nipsa::verify_chain(r.claim, r.events).verdict, ChainVerdict::kMismatch);
  r = recorded(3);
  r.events[1].content = "{}";  // no longer what was signed
  EXPECT_EQ(nipsa::verify_chain(r.claim, r.events).verdict, ChainVerdict::kIncomplete);
  r = recorded(3);
  r.claim.alg = "chain-v9";
  EXPECT_EQ(nipsa::verify_chain(r.claim, r.events).verdict, ChainVerdict::kUnknownAlg);
}

TEST(Chain, AnEmptySessionHashesToItsStart) {
  const auto r = recorded(0);
  EXPECT_EQ(nipsa::verify_chain(r.claim, {}).verdict, ChainVerdict::kValid);
}

TEST(Chain, ContentJoinIsTriedWhenNoAlgorithmIsNamed) {
  auto r = recorded(2);
  r.claim.alg = "";
  r.claim.count = 0;
  EXPECT_EQ(nipsa::verify_chain(r.claim, r.events).alg, "chain-v1");
  r.claim.hash = nipsa::content_join({r.events[0].content, r.events[1].content}).value();
  const auto out = nipsa::verify_chain(r.claim, r.events);
  EXPECT_EQ(out.verdict, ChainVerdict::kValid);
  EXPECT_EQ(out.alg, "content-join");
}

TEST(TrajectorySession, RoundTripOfBothHeads) {
  EXPECT_EQ(nipsa::parse_trajectory_session(head()).value(), session());
  auto s = session();
  s.is_public = false;
  s.end = nipsa::TrajectoryEnd{kNow + seconds(5), head().id, hash('c'), "chain-v1", 17};
  const auto event = sign(nipsa::build_trajectory_session(s, kNow + seconds(5)).value(), agent());
  EXPECT_EQ(event.tags[0], (nostr::Tag{"d", "sess-0001"}));
  EXPECT_EQ(nipsa::parse_trajectory_session(event).value(), s);
  EXPECT_EQ(outcome(nipsa::parse_trajectory_session(with(
                event, "ended_at", {nipsa::time_tag("ended_at", kNow - seconds(1))}, agent()))),
            "E_NUM");
}

TEST(TrajectorySession, ContentFillsMissingTags) {
  auto event = with(with(head(), "model", {}, agent()), "started_at", {}, agent());
  const auto s = nipsa::parse_trajectory_session(event).value();
  EXPECT_EQ(s.model, "playbook/builtin");
  EXPECT_EQ(s.started_at, kNow);
  EXPECT_EQ(outcome(nipsa::parse_trajectory_session(with_content(event, "", agent()))),
            "E_TAG_MISSING");
  EXPECT_EQ(outcome(nipsa::parse_trajectory_session(
                with(head(), "d", {{"d", std::string(129, 'x')}}, agent()))),
            "E_TAG_BAD");
  EXPECT_FALSE(
      nipsa::parse_trajectory_session(with(head(), "visibility", {{"visibility", "odd"}}, agent()))
          .value()
          .is_public);
}

TEST(TrajectoryStep, RoundTripAndUniqueD) {
  const auto first = step(1, std::nullopt, "a");
  const auto second = step(2, first.id, "b");
  EXPECT_TRUE(second.tags[0][1].starts_with("sess-0001:2:"));
  EXPECT_EQ(second.tags[0][1].size(), std::string("sess-0001:2:").size() + 8);
  const auto read = nipsa::parse_trajectory_step(second).value();
  EXPECT_EQ(read.previous, first.id);
  EXPECT_EQ(read.seq, 2u);
  EXPECT_EQ(read.first_head, head().id);
  EXPECT_EQ(read.session.str(), "39230:" + pub('1').hex() + ":sess-0001");
  EXPECT_EQ(read.type, "tool_start");
  EXPECT_EQ(nostr::tag_value(second.tags, "step"), "ToolUse");
}

TEST(TrajectoryStep, TypedErrors) {
  const auto good = step(1, std::nullopt, "a");
  const auto parsed = [&](std::string_view name, const nostr::Tags& tags) {
    return outcome(nipsa::parse_trajectory_step(with(good, name, tags, runner())));
  };
  for (const char* bad : {"0", "-1", "4294967296", "x"})
    EXPECT_EQ(parsed("seq", {{"seq", bad}}), "E_NUM") << bad;
  EXPECT_EQ(parsed("seq", {{"seq", "4294967295"}}), "ok");
  EXPECT_EQ(parsed("session", {{"session", "other"}}), "E_REF");
  EXPECT_EQ(parsed("a", {{"a", "1:" + pub('1').hex() + ":sess-0001"}}), "E_REF");
  EXPECT_EQ(parsed("e", {}), "E_TAG_MISSING");
  EXPECT_EQ(outcome(nipsa::parse_trajectory_step(
                with(with(good, "a", {}, runner()), "session", {}, runner()))),
            "E_TAG_MISSING");
}

TEST(TrajectoryStep, NamesOfAnOlderWriter) {
  EXPECT_EQ(nipsa::read_step_type("ToolUse"), "tool_start");
  EXPECT_EQ(nipsa::read_step_type("ToolResult"), "tool");
  EXPECT_EQ(nipsa::read_step_type("Message"), "agent");
  EXPECT_EQ(nipsa::read_step_type("Thinking"), "thinking");
  EXPECT_EQ(nipsa::read_step_type("moonwalk"), "moonwalk");
  const auto sealed = with_content(step(1, std::nullopt, "a"), "AgAB", runner());
  EXPECT_EQ(nipsa::parse_trajectory_step(sealed).value().type, "tool_start");  // from the step tag
}

TEST(TrajectoryStep, TheWriterRefusesABrokenLink) {
  base::SeededRng rng(1);
  nipsa::TrajectoryStep s;
  s.session = {nipsa::kinds::kTrajectory, pub('1'), "sess-0001"};
  s.seq = 2;
  EXPECT_EQ(outcome(nipsa::build_trajectory_step(s, kNow, rng)), "E_REF");
  s.seq = 0;
  EXPECT_EQ(outcome(nipsa::build_trajectory_step(s, kNow, rng)), "E_NUM");
}

}  // namespace
