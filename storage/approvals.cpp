// Questions and their moves; everything that hangs on them is in approval_records.cpp.
#include "storage/approvals.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"

namespace storage {

namespace {

#define QUESTION_COLUMNS                                                                      \
  "id, digest, code, asker, agent, tick, requester, action_class, summary, action, request, " \
  "sats, "                                                                                    \
  "required, created_at, expires_at, state, changed_at, needs_proof"

constexpr const char* kAdd =
    "INSERT INTO questions (" QUESTION_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'open',?,?)";
constexpr const char* kAddOperator =
    "INSERT INTO question_operators (operator, question, place, created_at) VALUES (?,?,?,?)";
constexpr const char* kOperators =
    "SELECT operator FROM question_operators WHERE question = ? ORDER BY place";
constexpr const char* kMove =
    "UPDATE questions SET state = ?, changed_at = ? WHERE id = ? AND state = ?";
constexpr const char* kConsume =
    "UPDATE questions SET state = 'consumed', changed_at = ? "
    "WHERE id = ? AND state = 'approved' AND expires_at >= ?";
constexpr const char* kAddDenial =
    "INSERT OR IGNORE INTO denials (digest, at, question) SELECT digest, ?, id FROM questions "
    "WHERE id = ?";
constexpr const char* kTally =
    "SELECT newest.state, coalesce(s.channel, ''), count(*) FROM "
    "(SELECT id, state FROM questions ORDER BY created_at DESC LIMIT ?) newest "
    "LEFT JOIN decisions d ON d.id = (SELECT id FROM decisions WHERE question = newest.id ORDER BY decided_at DESC LIMIT 1) "
    "LEFT JOIN signals s ON s.id = d.signal WHERE newest.state <> 'open' GROUP BY 1, 2 ORDER BY 1, 2";
constexpr const char* kAnswerTimes =
    "SELECT max(d.decided_at - newest.created_at, 0) FROM "
    "(SELECT id, created_at FROM questions ORDER BY created_at DESC LIMIT ?) newest "
    "JOIN decisions d ON d.question = newest.id WHERE d.signal IS NOT NULL";
constexpr const char* kDenied =
    "SELECT at FROM denials WHERE digest = ? AND at >= ? ORDER BY at DESC LIMIT 1";
constexpr const char* kBind =
    "INSERT INTO bound_events (digest, event_id, at) VALUES (?,?,?) ON CONFLICT (digest) DO "
    "NOTHING";
constexpr const char* kBound = "SELECT event_id FROM bound_events WHERE digest = ?";
constexpr const char* kOverdue =
    "SELECT " QUESTION_COLUMNS
    " FROM questions "
    "WHERE state IN ('open','approved') AND expires_at < ? ORDER BY expires_at";
constexpr const char* kGet = "SELECT " QUESTION_COLUMNS " FROM questions WHERE id = ?";
constexpr const char* kLatest =
    "SELECT " QUESTION_COLUMNS " FROM questions WHERE digest = ? ORDER BY created_at DESC LIMIT 1";
constexpr const char* kByCode =
    "SELECT " QUESTION_COLUMNS " FROM questions WHERE code = ? ORDER BY created_at DESC LIMIT 100";
constexpr const char* kList =
    "SELECT " QUESTION_COLUMNS " FROM questions WHERE state = ? ORDER BY created_at LIMIT ?";
constexpr const char* kHistory =
    "SELECT " QUESTION_COLUMNS " FROM questions ORDER BY created_at DESC LIMIT ?";
constexpr const char* kCodes = "SELECT code FROM questions ORDER BY created_at DESC LIMIT ?";
constexpr const char* kOpenFor =
    // CROSS fixes the order: few questions are open, an operator has many old ones.
    "SELECT count(DISTINCT q.id) FROM questions q CROSS JOIN question_operators o ON o.question = "
    "q.id "
    "WHERE q.state = 'open' AND o.operator = ?";
constexpr const char* kAskedSince =
    "SELECT count(DISTINCT question) FROM question_operators WHERE operator = ? AND created_at >= "
    "?";

#undef QUESTION_COLUMNS

Question read_question(Row& r) {
  return {.id = r.take<EventId>(),
          .digest = r.take<nostr::Sha256>(),
          .code = r.take<std::string>(),
          .asker = r.take<std::string>(),
          .agent = r.take<PublicKey>(),
          .tick = r.take<std::string>(),
          .requester = r.take<PublicKey>(),
          .action_class = r.take<std::string>(),
          .summary = r.take<std::string>(),
          .action_json = r.take<std::string>(),
          .request_json = r.take<std::string>(),
          .sats = r.take<std::int64_t>(),
          .required = r.take<int>(),
          .operators = {},
          .created_at = r.take<UnixTime>(),
          .expires_at = r.take<UnixTime>(),
          .state = r.take<QuestionState>(),
          .changed_at = r.take<UnixTime>(),
          .needs_proof = r.take<bool>()};
}

std::int64_t read_count(Row& r) {
  return r.take<std::int64_t>();
}

}  // namespace

bool may_move(QuestionState from, QuestionState to) {
  using enum QuestionState;
  switch (from) {
    case kOpen:
      return to == kApproved || to == kDenied || to == kExpired || to == kWithdrawn ||
             to == kCancelled || to == kUndeliverable;
    case kApproved:
      return to == kOpen || to == kDenied || to == kExpired || to == kWithdrawn || to == kCancelled;
    case kDenied:
      return to == kApproved || to == kOpen;
    case kConsumed:
    case kExpired:
    case kWithdrawn:
    case kCancelled:
    case kUndeliverable:
      return false;
  }
  return false;
}

Result<void> Approvals::add(const Question& q) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  if (auto added = db_.run(kAdd, q.id, q.digest, q.code, q.asker, q.agent, q.tick, q.requester,
                           q.action_class, q.summary, q.action_json, q.request_json, q.sats,
                           q.required, q.created_at, q.expires_at, q.created_at, q.needs_proof);
      !added) {
    if (added.error().code != Errc::kConflict) return std::unexpected(std::move(added).error());
    return fail(Errc::kConflict, "a question about this action is open already");
  }
  std::int64_t place = 0;
  for (const PublicKey& key : q.operators)
    TRY(db_.run(kAddOperator, key, q.id, place++, q.created_at));
  TRY(tx.commit());
  FAILPOINT("question-added");
  return {};
}

Result<void> Approvals::set_state(const EventId& id, QuestionState from, QuestionState to,
                                  UnixTime now) {
  if (!may_move(from, to))
    return fail(Errc::kConflict,
                fmt::format("a question cannot go from {} to {}", name_of(from), name_of(to)));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kMove, to, now, id, from));
  TRY(expect_one(changed, "question"));
  if (to == QuestionState::kDenied) TRY(db_.run(kAddDenial, now, id));
  TRY(tx.commit());
  FAILPOINT("question-moved");
  return {};
}

Result<void> Approvals::consume(const EventId& id, const EventId& event, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto question, get(id));
  if (!question) return fail(Errc::kNotFound, "no such question");
  TRY(const auto changed, db_.run(kConsume, now, id, now));
  TRY(expect_one(changed,
                 fmt::format("question is {}, not approved and live", name_of(question->state))));
  TRY(const EventId bound, bind_event(question->digest, event, now));
  if (bound != event)
    return fail(Errc::kConflict, "this approval was used for another event: " + bound.hex());
  FAILPOINT("question-before-consumed");
  TRY(tx.commit());
  FAILPOINT("question-consumed");
  return {};
}

Result<EventId> Approvals::bind_event(const nostr::Sha256& digest, const EventId& event,
                                      UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kBind, digest, event, now));
  TRY(const auto bound, bound_event(digest));
  CHECK(bound.has_value());
  TRY(tx.commit());
  return *bound;
}

Result<std::optional<EventId>> Approvals::bound_event(const nostr::Sha256& digest) {
  return db_.one(kBound, [](Row& row) { return row.take<EventId>(); }, digest);
}

Result<std::vector<Question>> Approvals::expire(UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(auto overdue, db_.all(kOverdue, read_question, now));
  for (Question& question : overdue) {
    TRY(set_state(question.id, question.state, QuestionState::kExpired, now));
    question.state = QuestionState::kExpired;
    question.changed_at = now;
  }
  TRY(auto out, with_operators(std::move(overdue)));
  TRY(tx.commit());
  return out;
}

Result<std::vector<Question>> Approvals::with_operators(std::vector<Question> questions) {
  for (Question& question : questions) {
    TRY(question.operators,
        db_.all(kOperators, [](Row& row) { return row.take<PublicKey>(); }, question.id));
  }
  return questions;
}

Result<std::optional<Question>> Approvals::with_operators(std::optional<Question> question) {
  if (!question) return std::nullopt;
  TRY(auto one, with_operators(std::vector<Question>{*std::move(question)}));
  return std::move(one.front());
}

Result<std::optional<Question>> Approvals::get(const EventId& id) {
  TRY(auto question, db_.one(kGet, read_question, id));
  return with_operators(std::move(question));
}

Result<std::optional<Question>> Approvals::latest(const nostr::Sha256& digest) {
  TRY(auto question, db_.one(kLatest, read_question, digest));
  return with_operators(std::move(question));
}

Result<std::vector<Question>> Approvals::by_code(std::string_view code) {
  TRY(auto questions, db_.all(kByCode, read_question, code));
  return with_operators(std::move(questions));
}

Result<std::vector<Question>> Approvals::list(QuestionState state, std::size_t limit) {
  TRY(auto questions, db_.all(kList, read_question, state, limit));
  return with_operators(std::move(questions));
}

Result<std::vector<std::string>> Approvals::codes(std::size_t limit) {
  return db_.all(kCodes, [](Row& row) { return row.take<std::string>(); }, limit);
}

Result<std::vector<Question>> Approvals::history(std::size_t limit) {
  TRY(auto questions, db_.all(kHistory, read_question, limit));
  return with_operators(std::move(questions));
}

Result<std::vector<ApprovalTally>> Approvals::tally(std::size_t limit) {
  return db_.all(kTally, [](Row& row) {
    ApprovalTally out;
    out.state = row.take<QuestionState>();
    out.channel = row.take<std::string>();
    out.count = row.take<std::int64_t>();
    return out;
  }, limit);
}

Result<std::vector<std::chrono::seconds>> Approvals::answer_times(std::size_t limit) {
  return db_.all(kAnswerTimes, [](Row& row) { return std::chrono::seconds(row.take<std::int64_t>()); }, limit);
}

Result<std::optional<UnixTime>> Approvals::denied_since(const nostr::Sha256& digest,
                                                        UnixTime since) {
  return db_.one(kDenied, [](Row& row) { return row.take<UnixTime>(); }, digest, since);
}

Result<std::int64_t> Approvals::open_for(const PublicKey& operator_key) {
  TRY(const auto count, db_.one(kOpenFor, read_count, operator_key));
  return count.value_or(0);
}

Result<std::int64_t> Approvals::asked_since(const PublicKey& operator_key, UnixTime since) {
  TRY(const auto count, db_.one(kAskedSince, read_count, operator_key, since));
  return count.value_or(0);
}

}  // namespace storage
