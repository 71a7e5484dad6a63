// What the co-signer hears from the desk's rows, what a 39212 carries, and what a session is told.
#include "node/approval_book.h"

#include <gtest/gtest.h>

#include "nipsa/digest.h"
#include "node/group_voice.h"
#include "orchestration/approvals/render.h"
#include "storage/schema.h"

namespace node {
namespace {

using base::unix_time;
using base::json::Value;
using frostr::OperatorWord;
using orchestration::ActionStatus;
using storage::ActionState;
using storage::QuestionState;

constexpr std::int64_t kNow = 1'760'000'000;

template <class Fixed>
Fixed named(std::string_view word) {
  return Fixed(nostr::sha256(word).array());
}

class DeskBookTest : public ::testing::Test {
 protected:
  DeskBookTest()
      : db_(*storage::open_database(":memory:")),
        approvals_(*db_),
        book_(*db_, [this] { ++consumed_; }) {}

  nostr::EventId add(std::string_view id, std::int64_t at = kNow) {
    storage::Question question{.id = named<nostr::EventId>(id),
                               .digest = digest_,
                               .code = "K7QF-2M9X",
                               .asker = "cosigner",
                               .action_class = "kind:1",
                               .summary = "s",
                               .action_json = "{}",
                               .request_json = "{}",
                               .operators = {named<nostr::PublicKey>("ann")},
                               .created_at = unix_time(at),
                               .expires_at = unix_time(at + 900)};
    question.agent = named<nostr::PublicKey>("agent");
    question.requester = named<nostr::PublicKey>("runner");
    EXPECT_TRUE(approvals_.add(question).has_value());
    return question.id;
  }
  void move(const nostr::EventId& id, QuestionState from, QuestionState to,
            std::int64_t at = kNow) {
    EXPECT_TRUE(approvals_.set_state(id, from, to, unix_time(at)).has_value());
  }
  void decide(const nostr::EventId& id, bool approved, std::int64_t at = kNow) {
    EXPECT_TRUE(approvals_
                    .add_decision({.id = named<nostr::EventId>("decision" + std::to_string(at)),
                                   .question = id,
                                   .digest = digest_,
                                   .approved = approved,
                                   .decided_by = named<nostr::PublicKey>("ann"),
                                   .event_json = "{}",
                                   .decided_at = unix_time(at)})
                    .has_value());
  }
  OperatorWord word(std::int64_t at = kNow) { return book_.word_on(digest_, unix_time(at))->word; }

  nostr::Sha256 digest_ = nostr::sha256(std::string_view("the event"));
  std::unique_ptr<storage::Db> db_;
  storage::Approvals approvals_;
  int consumed_ = 0;
  DeskBook book_;
};

TEST_F(DeskBookTest, NothingAskedOrOpenIsNoWord) {
  EXPECT_EQ(word(), OperatorWord::kNone);
  add("q");
  EXPECT_EQ(word(), OperatorWord::kNone);
}

TEST_F(DeskBookTest, HeldYesIsNoWordYet) {
  const auto id = add("q");
  move(id, QuestionState::kOpen, QuestionState::kApproved);
  EXPECT_EQ(word(), OperatorWord::kNone);
  decide(id, true);
  EXPECT_EQ(word(), OperatorWord::kApproved);
  EXPECT_EQ(book_.word_on(digest_, unix_time(kNow))->approval, id);
}

TEST_F(DeskBookTest, YesThatWasOvertakenIsNoWord) {
  const auto id = add("q");
  move(id, QuestionState::kOpen, QuestionState::kApproved);
  decide(id, true);
  move(id, QuestionState::kApproved, QuestionState::kOpen, kNow + 1);  // taken back
  EXPECT_EQ(word(kNow + 1), OperatorWord::kNone);
  move(id, QuestionState::kOpen, QuestionState::kApproved, kNow + 2);  // said again, held
  EXPECT_EQ(word(kNow + 2), OperatorWord::kNone);
  decide(id, true, kNow + 7);
  EXPECT_EQ(word(kNow + 7), OperatorWord::kApproved);
}

TEST_F(DeskBookTest, ApprovalEndsWithItsTime) {
  const auto id = add("q");
  move(id, QuestionState::kOpen, QuestionState::kApproved);
  decide(id, true);
  EXPECT_EQ(word(kNow + 900), OperatorWord::kApproved);
  EXPECT_EQ(word(kNow + 901), OperatorWord::kNone);
}

TEST_F(DeskBookTest, DenialIsRememberedForAnHour) {
  const auto id = add("q");
  move(id, QuestionState::kOpen, QuestionState::kDenied);
  EXPECT_EQ(word(kNow + 3'600), OperatorWord::kDenied);
  EXPECT_EQ(word(kNow + 3'601), OperatorWord::kNone);
}

TEST_F(DeskBookTest, ConsumedApprovalStaysOneForItsEventOnly) {
  const auto id = add("q");
  move(id, QuestionState::kOpen, QuestionState::kApproved);
  decide(id, true);
  ASSERT_TRUE(book_.consume(id, named<nostr::EventId>("event"), unix_time(kNow)).has_value());
  EXPECT_EQ(consumed_, 1);
  EXPECT_EQ(word(kNow + 5'000), OperatorWord::kApproved);
  EXPECT_FALSE(
      book_.consume(id, named<nostr::EventId>("another event"), unix_time(kNow)).has_value());
  EXPECT_EQ(consumed_, 1);
  EXPECT_EQ(*approvals_.bound_event(digest_), named<nostr::EventId>("event"));
}

TEST_F(DeskBookTest, CountsWhatTheOperatorWouldRead) {
  nostr::UnsignedEvent event;
  event.kind = 1;
  event.content = "h\u00e9llo";
  EXPECT_EQ(book_.rendered_chars(event),
            orchestration::count_chars(orchestration::describe_event(event)));
}

TEST(QuestionBody, CarriesAnEventOrAnAction) {
  nostr::UnsignedEvent event;
  event.pubkey = named<nostr::PublicKey>("agent");
  event.kind = 1;
  event.created_at = unix_time(kNow);
  event.tags = {{"p", "x"}};
  event.content = "hello\n\u00e9";
  const auto read = decode_question_body(encode_question_body({.event = event, .action = {}}));
  ASSERT_TRUE(read.has_value() && read->event);
  EXPECT_EQ(nipsa::event_digest(*read->event), nipsa::event_digest(event));
  const Value action = {{"action", "read_file"}, {"params", {{"path", "x"}}}};
  const auto local = decode_question_body(encode_question_body({.event = {}, .action = action}));
  ASSERT_TRUE(local.has_value());
  EXPECT_EQ(local->action, action);
}

TEST(QuestionBody, AnythingElseIsRefused) {
  for (const char* text : {"", "null", "[]", "5", "{}", R"({"v":1})", R"({"event":5})",
                           R"({"event":"{}"})", R"({"event":"not json"})", R"({"action":"x"})",
                           R"({"action":[]})", R"({"event":null,"action":null})"})
    EXPECT_FALSE(decode_question_body(text).has_value()) << text;
  nostr::UnsignedEvent event;
  event.pubkey = named<nostr::PublicKey>("agent");
  event.kind = 1;
  EXPECT_FALSE(
      decode_question_body(encode_question_body({.event = event, .action = Value::object()}))
          .has_value());
}

TEST(ResultOf, TellsASessionHowEveryRowEnded) {
  const std::pair<ActionState, ActionStatus> table[] = {
      {ActionState::kPublished, ActionStatus::kPublished},
      {ActionState::kDone, ActionStatus::kPublished},
      {ActionState::kDenied, ActionStatus::kDenied},
      {ActionState::kExpired, ActionStatus::kExpired},
      {ActionState::kWithdrawn, ActionStatus::kWithdrawn},
      {ActionState::kUndeliverable, ActionStatus::kUndeliverable},
      {ActionState::kRefused, ActionStatus::kRefused},
      {ActionState::kFailed, ActionStatus::kFailed},
      {ActionState::kProposed, ActionStatus::kFailed},
      {ActionState::kAsked, ActionStatus::kFailed},
      {ActionState::kApproved, ActionStatus::kFailed},
      {ActionState::kSigned, ActionStatus::kFailed}};
  for (const auto& [state, want] : table) {
    storage::ActionRow row;
    row.state = state;
    row.event_id = named<nostr::EventId>("event");
    row.decision = named<nostr::EventId>("decision");
    row.result = "words";
    const auto result = result_of(row);
    EXPECT_EQ(result.status, want) << storage::name_of(state);
    EXPECT_EQ(result.event_id.has_value(), want == ActionStatus::kPublished)
        << storage::name_of(state);
    EXPECT_EQ(result.text, "words");
    EXPECT_EQ(result.decision, row.decision);
  }
}

}  // namespace
}  // namespace node
