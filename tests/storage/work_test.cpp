// Ticks, actions, sessions and trajectories: legal moves, once each, across restarts.
#include "nostr/event/event_json.h"
#include "storage/actions.h"
#include "storage/outputs.h"
#include "storage/schema.h"
#include "storage/sessions.h"
#include "storage/ticks.h"
#include "storage/trajectories.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using nostr::Sha256;
using testing::errc_of;
using testing::make_event;
using testing::must;
using testing::named;
using testing::StorageTest;
using testing::unix_time;

constexpr UnixTime kNow = unix_time(1'000'000);

// --- ticks
// -------------------------------------------------------------------------------------------

using TicksTest = StorageTest;

TEST_F(TicksTest, ATriggerIsConsumedOnce) {
  Ticks ticks(*db_);
  EXPECT_TRUE(must(ticks.add("e:1", "mention", named<EventId>("note"), kNow)));
  EXPECT_FALSE(must(ticks.add("e:1", "mention", named<EventId>("note"), kNow)));
  reopen();
  EXPECT_FALSE(must(Ticks(*db_).add("e:1", "mention", named<EventId>("note"), kNow)));
}

TEST_F(TicksTest, ATickLivesFromPlanToResult) {
  Ticks ticks(*db_);
  const Event claim = make_event("node", 39210, 100);
  must(ticks.add("h:7", "heartbeat", std::nullopt, kNow));
  must(ticks.set_claim("h:7", claim));
  EXPECT_EQ(errc_of(ticks.set_claim("h:7", claim)), Errc::kConflict);
  must(ticks.set_phase("h:7", TickPhase::kClaimed, TickPhase::kRunning, "state opened", kNow));
  must(ticks.set_state_json("h:7", "{\"tick_count\":1}"));
  EXPECT_EQ(must(ticks.list_unfinished()).size(), 1u);
  must(ticks.set_phase("h:7", TickPhase::kRunning, TickPhase::kReporting, "", kNow));
  must(ticks.set_result("h:7", named<EventId>("result")));
  EXPECT_EQ(errc_of(ticks.set_result("h:7", named<EventId>("second"))), Errc::kConflict);
  must(ticks.set_phase("h:7", TickPhase::kReporting, TickPhase::kDone, "", kNow));
  EXPECT_TRUE(must(ticks.list_unfinished()).empty());
  const TickRow row = *must(ticks.by_claim(claim.id));
  EXPECT_EQ(row.note, "state opened") << "an empty note keeps the last one";
  EXPECT_EQ(row.finished, kNow);
  EXPECT_EQ(row.claim_json, nostr::to_json(claim));
  EXPECT_EQ(row.result_id, named<EventId>("result"));
  EXPECT_EQ(row.state_json, "{\"tick_count\":1}");
}

template <class State>
std::vector<State> all_states() {
  std::vector<State> out;
  for (std::size_t i = 0; i < EnumText<State>::kNames.size(); ++i)
    out.push_back(static_cast<State>(i));
  return out;
}

TEST_F(TicksTest, ExactlyTheLegalMovesAreMade) {
  const Tx all = must(Tx::begin(*db_, Durability::kNormal));  // one commit instead of hundreds
  int number = 0;
  for (const TickPhase from : all_states<TickPhase>())
    for (const TickPhase to : all_states<TickPhase>()) {
      const std::string slot = std::to_string(number++);
      must(Ticks(*db_).add(slot, "manual", std::nullopt, kNow));
      must(db_->run("UPDATE ticks SET phase = ? WHERE slot = ?", from, slot));
      EXPECT_EQ(Ticks(*db_).set_phase(slot, from, to, "", kNow).has_value(), may_move(from, to));
      EXPECT_EQ(must(Ticks(*db_).get(slot))->phase, may_move(from, to) ? to : from);
    }
}

// --- actions
// -----------------------------------------------------------------------------------------

class ActionsTest : public StorageTest {
 protected:
  ActionRow row(std::string_view call, std::string_view digest = "d") {
    return {.tick = "e:1",
            .call_id = std::string(call),
            .digest = named<Sha256>(digest),
            .action_class = "kind:1",
            .draft_json = "{}",
            .created = kNow,
            .changed = kNow};
  }
  ActionRow get(std::string_view call) { return *must(Actions(*db_).get("e:1", call)); }
};

TEST_F(ActionsTest, ACallIsProposedOnceAndNotAsSomethingElse) {
  Actions actions(*db_);
  must(actions.add(row("c1")));
  must(actions.set_state("e:1", "c1", ActionState::kProposed, ActionState::kAsked, "", kNow));
  EXPECT_EQ(must(actions.add(row("c1"))).state, ActionState::kAsked)
      << "the standing row comes back";
  EXPECT_EQ(errc_of(actions.add(row("c1", "other"))), Errc::kConflict);
}

TEST_F(ActionsTest, AnActionIsStampedOnce) {
  Actions actions(*db_);
  const Event event = make_event("agent", 1, 100, {}, "hello");
  must(actions.add(row("c1")));
  must(actions.set_stamped("e:1", "c1", event.id, "{\"unsigned\":1}", kNow));
  must(actions.set_stamped("e:1", "c1", event.id, "{\"unsigned\":1}", kNow));
  EXPECT_EQ(errc_of(actions.set_stamped("e:1", "c1", named<EventId>("other"), "{}", kNow)),
            Errc::kConflict);
  EXPECT_EQ(errc_of(actions.set_signed("e:1", "c1", make_event("agent", 1, 101), kNow)),
            Errc::kConflict);
  must(actions.set_question("e:1", "c1", named<EventId>("q"), kNow));
  must(actions.set_decision("e:1", "c1", named<EventId>("dec"), kNow));
  must(actions.set_signed("e:1", "c1", event, kNow));
  EXPECT_EQ(errc_of(actions.set_signed("e:1", "c1", event, kNow)), Errc::kConflict);
  EXPECT_EQ(get("c1").event_json, nostr::to_json(event));
  EXPECT_EQ(must(actions.by_question(named<EventId>("q")))->call_id, "c1");
  EXPECT_EQ(must(actions.by_event(event.id))->decision, named<EventId>("dec"));
}

TEST_F(ActionsTest, UnfinishedActionsAreFoundAtRestart) {
  for (const char* call : {"c1", "c2", "c3"}) must(Actions(*db_).add(row(call)));
  must(Actions(*db_).set_state("e:1", "c2", ActionState::kProposed, ActionState::kDone, "fine",
                               kNow));
  reopen();
  const auto open = must(Actions(*db_).list_unfinished());
  ASSERT_EQ(open.size(), 2u);
  EXPECT_EQ(open[0].call_id, "c1");
  EXPECT_EQ(must(Actions(*db_).list("e:1")).size(), 3u);
  EXPECT_EQ(get("c2").result, "fine");
}

TEST_F(ActionsTest, ATickThatWaitsForAnAnswerIsListedOnce) {
  Actions actions(*db_);
  for (const char* call : {"c1", "c2", "c3"}) must(actions.add(row(call)));
  ActionRow other = row("c1");
  other.tick = "e:2";
  must(actions.add(other));
  EXPECT_TRUE(must(actions.list_asking()).empty()) << "proposed is not asked";
  for (const char* call : {"c1", "c2"})
    must(actions.set_state("e:1", call, ActionState::kProposed, ActionState::kAsked, "", kNow));
  EXPECT_EQ(must(actions.list_asking()), std::vector<std::string>{"e:1"});
  for (const char* call : {"c1", "c2"})
    must(actions.set_state("e:1", call, ActionState::kAsked, ActionState::kApproved, "", kNow));
  EXPECT_TRUE(must(actions.list_asking()).empty()) << "answered";
}

TEST_F(ActionsTest, ExactlyTheLegalMovesAreMade) {
  const Tx all = must(Tx::begin(*db_, Durability::kNormal));  // one commit instead of hundreds
  int number = 0;
  for (const ActionState from : all_states<ActionState>())
    for (const ActionState to : all_states<ActionState>()) {
      const std::string call = std::to_string(number++);
      must(Actions(*db_).add(row(call)));
      must(db_->run("UPDATE actions SET state = ? WHERE call_id = ?", from, call));
      const auto moved = Actions(*db_).set_state("e:1", call, from, to, "", kNow);
      EXPECT_EQ(moved.has_value(), may_move(from, to)) << name_of(from) << " to " << name_of(to);
      EXPECT_EQ(get(call).state, may_move(from, to) ? to : from);
    }
}

// --- sessions
// ----------------------------------------------------------------------------------------

class SessionsTest : public StorageTest {
 protected:
  SessionsTest() {
    must(Sessions(*db_).add(
        {.id = "s", .tick = "e:1", .agent = "main", .model = "playbook", .started = kNow}));
  }
};

TEST_F(SessionsTest, TheTranscriptComesBackInOrder) {
  EXPECT_EQ(must(Sessions(*db_).append("s", "user", "\"hi\"", kNow)), 1);
  EXPECT_EQ(must(Sessions(*db_).append("s", "assistant", "\"ho\"", kNow)), 2);
  reopen();
  const auto transcript = must(Sessions(*db_).transcript("s"));
  ASSERT_EQ(transcript.size(), 2u);
  EXPECT_EQ(transcript[1].role, "assistant");
  EXPECT_EQ(must(Sessions(*db_).append("s", "user", "\"!\"", kNow)), 3);
  EXPECT_FALSE(Sessions(*db_).append("none", "user", "", kNow).has_value());
}

TEST_F(SessionsTest, ACallStartsOnceAndIsKnownAsStartedAfterAKill) {
  EXPECT_TRUE(must(Sessions(*db_).add_call("s", "c1", "post", "{}", kNow)));
  EXPECT_FALSE(must(Sessions(*db_).add_call("s", "c1", "post", "{}", kNow)));
  must(Sessions(*db_).start_call("s", "c1", kNow));
  reopen();
  Sessions sessions(*db_);
  EXPECT_EQ(must(sessions.call("s", "c1"))->state, CallState::kStarted);
  EXPECT_EQ(errc_of(sessions.start_call("s", "c1", kNow)), Errc::kConflict);
  must(sessions.finish_call("s", "c1", "\"ok\"", kNow));
  EXPECT_EQ(errc_of(sessions.finish_call("s", "c1", "\"twice\"", kNow)), Errc::kConflict);
  EXPECT_EQ(must(sessions.calls("s"))[0].result_json, "\"ok\"");
}

TEST_F(SessionsTest, ASessionEndsOnce) {
  Sessions sessions(*db_);
  EXPECT_FALSE(must(sessions.add({.id = "s", .started = kNow})));
  EXPECT_EQ(must(sessions.list_running()).size(), 1u);
  EXPECT_EQ(errc_of(sessions.finish("s", SessionState::kRunning, "", kNow)), Errc::kConflict);
  must(sessions.finish("s", SessionState::kEnded, "done", kNow));
  EXPECT_EQ(errc_of(sessions.finish("s", SessionState::kFailed, "", kNow)), Errc::kConflict);
  EXPECT_TRUE(must(sessions.list_running()).empty());
  EXPECT_EQ(must(sessions.of_tick("e:1"))[0].ended, kNow);
  EXPECT_EQ(must(sessions.get("s"))->note, "done");
}

// --- trajectories
// ------------------------------------------------------------------------------------

class TrajectoriesTest : public StorageTest {
 protected:
  TrajectoriesTest() {
    must(Trajectories(*db_).add({.d = "sess-1",
                                 .tick = "e:1",
                                 .writer = named<PublicKey>("node"),
                                 .agent = named<PublicKey>("agent"),
                                 .model = "playbook",
                                 .started = kNow}));
  }
  Event step(int i) { return make_event("node", 39231, 100 + i); }
};

TEST_F(TrajectoriesTest, StepsAreAppendedWithoutGapsAndOnlyBeforeTheEnd) {
  Trajectories record(*db_);
  must(record.set_first_head("sess-1", named<EventId>("head")));
  EXPECT_EQ(errc_of(record.set_first_head("sess-1", named<EventId>("other"))), Errc::kConflict);
  must(record.append("sess-1", 1, step(1)));
  must(record.append("sess-1", 1, step(1)));  // the same again is a retry
  EXPECT_EQ(errc_of(record.append("sess-1", 1, step(9))), Errc::kConflict);
  EXPECT_EQ(errc_of(record.append("sess-1", 3, step(3))), Errc::kConflict);
  must(record.append("sess-1", 2, step(2)));
  must(record.close("sess-1", named<Sha256>("hash"), named<EventId>("last"), kNow));
  must(record.close("sess-1", named<Sha256>("hash"), named<EventId>("last"), kNow));
  EXPECT_EQ(errc_of(record.close("sess-1", named<Sha256>("else"), named<EventId>("last"), kNow)),
            Errc::kConflict);
  EXPECT_EQ(errc_of(record.append("sess-1", 3, step(3))), Errc::kConflict);
  reopen();
  const auto row = must(Trajectories(*db_).get("sess-1"));
  EXPECT_EQ(row->steps, 2);
  EXPECT_EQ(row->hash, named<Sha256>("hash"));
  EXPECT_EQ(must(Trajectories(*db_).steps("sess-1"))[1].event_id, step(2).id);
  EXPECT_EQ(must(Trajectories(*db_).last_step("sess-1"))->seq, 2);
  EXPECT_TRUE(must(Trajectories(*db_).list_open()).empty());
  EXPECT_EQ(must(Trajectories(*db_).of_tick("e:1")).size(), 1u);
}

TEST(OutputsTest, TheNewestStayAndOneIsCutAtItsBound) {
  const auto db = *open_database(":memory:");
  Outputs outputs(*db, {.max_bytes = 10, .max_outputs = 3});
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(*outputs.put(i % 2 == 0 ? "even" : "odd", "bash", std::string(20, static_cast<char>('0' + i)), base::unix_time(i)), (i + 1) / 2);
  EXPECT_EQ(*outputs.get("odd", 1), std::nullopt);
  EXPECT_EQ(*outputs.get("even", 1), std::nullopt);
  EXPECT_EQ(*outputs.get("odd", 2), std::string(10, '3'));
  EXPECT_EQ(*outputs.get("odd", 3), std::string(10, '5'));
}

}  // namespace
}  // namespace storage
