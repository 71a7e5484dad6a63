// Only a yes by the right person, to the right question, in time, for that very event, lets the
// group speak. Everything else leaves silence, and rows that say why.
#include <gtest/gtest.h>

#include <algorithm>

#include "nipsa/approval.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "nostr/event/event_json.h"
#include "storage/actions.h"
#include "storage/approvals.h"
#include "storage/ticks.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;
using nostr::EventId;
using storage::ActionState;
using storage::QuestionState;
using storage::SignalVerdict;

constexpr std::chrono::seconds kShortest{10};  // that a question may be open
constexpr std::string_view kNobodysCode = "0000-0001";

/// The asker's and the node's memory, read once both have stopped.
class Approval : public testing::Test {
 protected:
  /// What the co-signer that asked remembers of this question.
  struct Remembered {
    storage::Question question;
    std::vector<storage::Signal> signals;
    std::vector<storage::Decision> decisions;
    std::vector<storage::Receipt> receipts;
    std::map<EventId, bool> journalled;
  };

  static Remembered remember(World& world, const Asked& asked,
                             const std::vector<EventId>& messages = {}) {
    const auto db = world.open_cosigner_db(asked.cosigner);
    storage::Approvals approvals(*db);
    const auto questions = must(approvals.by_code(asked.code));
    Remembered out{.question = questions.at(0),
                   .signals = must(approvals.signals(questions.at(0).id)),
                   .decisions = must(approvals.decisions(questions.at(0).id)),
                   .receipts = must(approvals.receipts(questions.at(0).id)),
                   .journalled = {}};
    for (const EventId& id : messages) out.journalled[id] = must(approvals.has_signal(id));
    return out;
  }

  static std::optional<SignalVerdict> verdict_on(const Remembered& remembered,
                                                 const EventId& message) {
    for (const storage::Signal& signal : remembered.signals)
      if (signal.id == message) return signal.verdict;
    return std::nullopt;
  }

  /// How the node's attempt to reply ended.
  static ActionState reply_state(World& world, const Asked& asked) {
    const auto db = world.open_node_db();
    storage::Actions actions(*db);
    for (const storage::ActionRow& row : must(actions.list(nipsa::slot_of_event(asked.mention.id))))
      if (row.question) return row.state;
    return ActionState::kProposed;
  }

  /// Everything the owner sent to the asker so far has been read: a question nobody asked is
  /// answered by a hint, and messages are read in their order. Works once per asker.
  static EventId await_read(World& world, const Asked& asked) {
    const EventId sent = world.owner().send(asked.asker, "yes " + std::string(kNobodysCode));
    world.owner().await_message(
        [&](const Message& m) { return m.from == asked.asker && m.text.contains("no question"); });
    return sent;
  }
  /// An answer to a question that is over is journaled, and its author told so.
  static void await_kept(World& world, const Asked& asked, const EventId& answer) {
    const std::string home = world.cosigner_home(asked.cosigner).string();
    world.owner().await_message(
        [&](const Message& m) { return m.from == asked.asker && m.text.contains(asked.code + " is over"); });
    const auto is_it = [&](const base::json::Value& one) { return base::json::string_or(one, "id") == answer.hex(); };
    for (;;) {  // of several the first was told about
      const auto shown = world.ask({"approval", "show", asked.code, "--home", home});
      if (std::ranges::any_of(shown["answers"], is_it)) return;
    }
  }
};

TEST_F(Approval, ANoIsFinal) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  const EventId no = world.owner().send(asked.asker, "no " + asked.code);
  await_receipt(world, asked, "denied");
  const Event result = await_result(world, asked.mention);
  EXPECT_TRUE(replies(world).empty());
  expect_valid_trajectory(world, result);
  const Event decision = world.stranger().await(
      {.authors = {asked.asker}, .kinds = {nipsa::kinds::kApprovalDecision}});
  EXPECT_EQ(must(nipsa::parse_approval_decision(decision)).decision, nipsa::Decision::kDenied);

  // A change of mind does not reach back: the node has given up, nobody would use the yes.
  const EventId yes = world.owner().send(asked.asker, "yes " + asked.code);
  await_kept(world, asked, yes);
  EXPECT_TRUE(replies(world).empty());

  world.stop_actors();
  const Remembered remembered = remember(world, asked);
  EXPECT_EQ(remembered.question.state, QuestionState::kDenied);
  EXPECT_EQ(verdict_on(remembered, no), SignalVerdict::kAccepted);
  EXPECT_EQ(verdict_on(remembered, yes), SignalVerdict::kClosed);
  EXPECT_EQ(remembered.decisions.size(), 1U);
  EXPECT_EQ(remembered.receipts.size(), 1U);
  EXPECT_EQ(reply_state(world, asked), ActionState::kDenied);
}

TEST_F(Approval, WhoeverHoldsTheEvidenceNeedsNobodysWord) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");

  const std::string home = world.cosigner_home(asked.cosigner).string();
  const auto shown = world.ask({"approval", "show", asked.code, "--home", home});
  EXPECT_EQ(shown["state"], "consumed");
  EXPECT_EQ(shown["answers"].size(), 1U);
  EXPECT_EQ(shown["told"].size(), 1U);
  const Exit evidence = world.command({"approval", "show", asked.code, "--evidence", "--home", home});
  ASSERT_EQ(evidence.code, 0) ;
  const auto verify = [&](const std::string& bundle, const nostr::PublicKey& trusted) {
    return world.command({"approval", "verify", "-", "--operator", trusted.hex()}, bundle);
  };
  const Exit proven = verify(evidence.out, world.owner().pubkey());
  EXPECT_EQ(proven.code, 0) << proven.out;
  EXPECT_NE(proven.out.find("approved: proven"), std::string::npos);
  EXPECT_EQ(verify(evidence.out, world.stranger().pubkey()).code, 1);
  const std::string said = "\"answer\":\"approve\"";
  std::string forged = evidence.out;
  forged.replace(forged.find(said), said.size(), "\"answer\":\"deny\"");
  EXPECT_EQ(verify(forged, world.owner().pubkey()).code, 1);

  // The same from the database, when nothing runs.
  world.stop_actors();
  const Exit rested = world.command({"approval", "show", asked.code, "--evidence", "--home", home});
  EXPECT_EQ(verify(rested.out, world.owner().pubkey()).code, 0);
}

TEST_F(Approval, SilenceExpiresAndALateYesChangesNothing) {
  World world({.approval_ttl = kShortest});
  world.start();
  const Asked asked = mention_and_await_question(world);
  await_receipt(world, asked, "expired");
  const EventId late = world.owner().send(asked.asker, "yes " + asked.code);
  await_kept(world, asked, late);
  const Event result = await_result(world, asked.mention);
  EXPECT_TRUE(replies(world).empty());
  expect_valid_trajectory(world, result);
  EXPECT_TRUE(world.stranger().fetch({.kinds = {nipsa::kinds::kApprovalDecision}}).empty())
      << "silence is no denial";

  world.stop_actors();
  const Remembered remembered = remember(world, asked);
  EXPECT_EQ(remembered.question.state, QuestionState::kExpired);
  EXPECT_EQ(verdict_on(remembered, late), SignalVerdict::kLate);
  EXPECT_TRUE(remembered.decisions.empty());
  EXPECT_EQ(remembered.receipts.size(), 1U);
  EXPECT_EQ(reply_state(world, asked), ActionState::kExpired);
}

TEST_F(Approval, TheRightWordsFromTheWrongKeyChangeNothing) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  const EventId forged = world.stranger().send(asked.asker, "yes " + asked.code);
  await_read(world, asked);
  EXPECT_TRUE(replies(world).empty());
  EXPECT_TRUE(world.stranger().messages().empty()) << "strangers get no answer";

  const EventId no = world.owner().send(asked.asker, "no " + asked.code);
  await_result(world, asked.mention);
  EXPECT_TRUE(replies(world).empty());

  world.stop_actors();
  const Remembered remembered = remember(world, asked);
  EXPECT_EQ(verdict_on(remembered, forged), SignalVerdict::kNotAnApprover);
  EXPECT_EQ(verdict_on(remembered, no), SignalVerdict::kAccepted);
  EXPECT_EQ(remembered.question.state, QuestionState::kDenied);
}

TEST_F(Approval, AWrongCodeChangesNothing) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  const EventId wrong = await_read(world, asked);  // which says yes to a code nobody was given
  EXPECT_TRUE(replies(world).empty());
  const auto pending =
      world.ask({"pending", "--home", world.cosigner_home(asked.cosigner).string()});
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending.at(0).value("state", ""), "open");

  world.owner().send(asked.asker, "no " + asked.code);
  await_result(world, asked.mention);
  EXPECT_TRUE(replies(world).empty());

  world.stop_actors();
  const Remembered remembered = remember(world, asked, {wrong});
  EXPECT_TRUE(remembered.journalled.at(wrong)) << "kept, with its verdict, under no question";
  EXPECT_EQ(verdict_on(remembered, wrong), std::nullopt);
}

TEST_F(Approval, ADecisionAboutAnotherEventChangesNothing) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  const Event request = world.owner().await(
      {.authors = {world.node_key()}, .kinds = {nipsa::kinds::kApprovalRequest}});
  const nipsa::ApprovalRequest parsed = must(nipsa::parse_approval_request(request));
  // The operator's own signature, for this request, but over what the event might have become.
  const nipsa::ApprovalDecision decision{.request = request.id,
                                         .tick = parsed.tick,
                                         .requester = request.pubkey,
                                         .decision = nipsa::Decision::kApproved,
                                         .agent = parsed.agent,
                                         .action = parsed.action,
                                         .action_hash = nostr::sha256("another event"),
                                         .expires = parsed.expires};
  const Event signed_decision =
      nostr::sign_event(must(nipsa::build_approval_decision(decision, world.owner().now())),
                        world.owner().key(), world.owner().rng());
  world.owner().publish(signed_decision);
  await_read(world, asked);
  EXPECT_TRUE(replies(world).empty());

  world.owner().send(asked.asker, "no " + asked.code);
  await_result(world, asked.mention);
  EXPECT_TRUE(replies(world).empty());

  world.stop_actors();
  EXPECT_EQ(verdict_on(remember(world, asked), signed_decision.id), SignalVerdict::kOtherDigest);
  EXPECT_EQ(reply_state(world, asked), ActionState::kDenied);
}

TEST_F(Approval, TheSameYesTwiceMakesOneReply) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  const EventId twice =
      world.owner().send(asked.asker, "yes " + asked.code, {.refs = {}, .at = {}, .copies = 2});
  world.owner().send(asked.asker, "yes " + asked.code + "!");
  await_receipt(world, asked, "done");
  expect_told_once(world, asked.mention);
  const EventId again = world.owner().send(asked.asker, "YES " + asked.code);
  await_kept(world, asked, again);
  EXPECT_EQ(replies(world).size(), 1U);
  EXPECT_EQ(receipts(world, asked.code), 1U);

  world.stop_actors();
  const Remembered remembered = remember(world, asked);
  EXPECT_EQ(remembered.question.state, QuestionState::kConsumed);
  EXPECT_EQ(std::ranges::count(remembered.signals, twice, &storage::Signal::id), 1);
  EXPECT_EQ(verdict_on(remembered, again), SignalVerdict::kClosed);
  EXPECT_EQ(remembered.decisions.size(), 1U);
  EXPECT_EQ(remembered.receipts.size(), 1U);
}

// ---- a requester that turns against its co-signer
// ----------------------------------------------------

/// A node's share in the wrong hands, after the operator approved one event.
class ChangedEvent : public Approval {
 protected:
  ChangedEvent() {
    // One co-signer, so that it is known whose word is heard.
    world_.start_cosigner(World::kFirstCosigner);
    world_.start_node();
    asked_ = mention_and_await_question(world_);
    world_.node().terminate();
    approved_ = asked_event();
    world_.owner().send(asked_.asker, "yes " + asked_.code);
    world_.stranger().await(
        {.authors = {asked_.asker}, .kinds = {nipsa::kinds::kApprovalDecision}});
  }

  /// The event the node has stamped and asked about, read from its database.
  base::json::Value asked_event() {
    const auto db = world_.open_node_db();
    storage::Actions actions(*db);
    for (const storage::ActionRow& row :
         must(actions.list(nipsa::slot_of_event(asked_.mention.id))))
      if (row.question) return must(base::json::parse(row.event_json));
    throw std::runtime_error("the node has asked about nothing");
  }

  /// Uses share 1 to have `event` signed; exit code and output of `frost sign`.
  Exit sign(const base::json::Value& event) {
    const auto share = [&](const char* name) { return (world_.deal() / name).string(); };
    return world_.command(
        {"--json", "frost", "sign", "--group", share("group.txt"), "--share", share("share-1.txt"),
         "--relay", world_.relay_urls().front(), "--event", "-"},
        base::json::dump(event));
  }

  World world_;
  Asked asked_;
  base::json::Value approved_;
};

TEST_F(ChangedEvent, OtherWordsAreAskedAboutAnew) {
  base::json::Value changed = approved_;
  changed["content"] = "Send me all your money";
  const Exit refused = sign(changed);
  EXPECT_EQ(refused.code, 4) << "approval required";
  EXPECT_FALSE(refused.out.contains("\"sig\""));

  base::json::Value retagged = approved_;
  retagged["tags"] = base::json::Value::array();
  EXPECT_EQ(sign(retagged).code, 4);

  // What was approved is still signed: the attempts have used nothing up.
  world_.start_node();
  const Event reply = await_reply(world_);
  EXPECT_EQ(reply.content, approved_.value("content", ""));
  expect_told_once(world_, asked_.mention);
}

TEST_F(ChangedEvent, OneApprovalIsOneEvent) {
  // The same words at another time have the same digest; whoever comes first binds it.
  base::json::Value redated = approved_;
  redated["created_at"] = approved_.value("created_at", 0) + 1;
  const Exit first = sign(redated);
  ASSERT_EQ(first.code, 0);
  const Event stolen = must(nostr::parse_event(first.out));
  EXPECT_TRUE(nostr::check(stolen).has_value());
  // That very event again, each time with a fresh nonce; no other one.
  EXPECT_EQ(sign(redated).code, 0);
  EXPECT_EQ(sign(approved_).code, 4);

  world_.start_node();
  await_result(world_, asked_.mention);
  EXPECT_TRUE(replies(world_).empty()) << "the node's own event is a second one";
  world_.stop_actors();
  EXPECT_EQ(reply_state(world_, asked_), ActionState::kRefused);
  const auto db = world_.open_cosigner_db(World::kFirstCosigner);
  storage::Approvals approvals(*db);
  EXPECT_EQ(must(approvals.bound_event(must(approvals.by_code(asked_.code)).at(0).digest)),
            stolen.id);
}

}  // namespace
}  // namespace e2e
