// Transcript rows are appended, call rows move proposed → started → finished.
#include "storage/sessions.h"

#include "nostr/base/failpoint.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO sessions (id, tick, agent, model, state, note, started) VALUES (?,?,?,?,?,?,?) "
    "ON CONFLICT (id) DO NOTHING";
constexpr const char* kFinish =
    "UPDATE sessions SET state = ?, note = ?, ended = ? WHERE id = ? AND state = 'running'";
constexpr const char* kGet =
    "SELECT id, tick, agent, model, state, note, started, ended FROM sessions WHERE id = ?";
constexpr const char* kRunning =
    "SELECT id, tick, agent, model, state, note, started, ended FROM sessions "
    "WHERE state = 'running' ORDER BY started";
constexpr const char* kOfTick =
    "SELECT id, tick, agent, model, state, note, started, ended FROM sessions "
    "WHERE tick = ? ORDER BY started";
constexpr const char* kLastSeq =
    "SELECT seq FROM session_messages WHERE session = ? ORDER BY seq DESC LIMIT 1";
constexpr const char* kAppend =
    "INSERT INTO session_messages (session, seq, role, json, time) VALUES (?,?,?,?,?)";
constexpr const char* kTranscript =
    "SELECT seq, role, json, time FROM session_messages WHERE session = ? ORDER BY seq";
constexpr const char* kAddCall =
    "INSERT INTO session_calls (session, call_id, name, args, state, created, changed) "
    "VALUES (?,?,?,?,'proposed',?,?) ON CONFLICT (session, call_id) DO NOTHING";
constexpr const char* kStartCall =
    "UPDATE session_calls SET state = 'started', changed = ? "
    "WHERE session = ? AND call_id = ? AND state = 'proposed'";
constexpr const char* kFinishCall =
    "UPDATE session_calls SET state = 'finished', result = ?, changed = ? "
    "WHERE session = ? AND call_id = ? AND state IN ('proposed','started')";
constexpr const char* kCall =
    "SELECT session, call_id, name, args, state, result, created, changed FROM session_calls "
    "WHERE session = ? AND call_id = ?";
constexpr const char* kCalls =
    "SELECT session, call_id, name, args, state, result, created, changed FROM session_calls "
    "WHERE session = ? ORDER BY seq";

SessionRow read_session(Row& r) {
  return {.id = r.take<std::string>(),
          .tick = r.take<std::string>(),
          .agent = r.take<std::string>(),
          .model = r.take<std::string>(),
          .state = r.take<SessionState>(),
          .note = r.take<std::string>(),
          .started = r.take<UnixTime>(),
          .ended = r.take<std::optional<UnixTime>>()};
}

MessageRow read_message(Row& r) {
  return {.seq = r.take<std::int64_t>(),
          .role = r.take<std::string>(),
          .json = r.take<std::string>(),
          .time = r.take<UnixTime>()};
}

CallRow read_call(Row& r) {
  return {.session = r.take<std::string>(),
          .call_id = r.take<std::string>(),
          .name = r.take<std::string>(),
          .args_json = r.take<std::string>(),
          .state = r.take<CallState>(),
          .result_json = r.take<std::string>(),
          .created = r.take<UnixTime>(),
          .changed = r.take<UnixTime>()};
}

}  // namespace

Result<bool> Sessions::add(const SessionRow& s) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kAdd, s.id, s.tick, s.agent, s.model, s.state, s.note, s.started));
  TRY(tx.commit());
  return added == 1;
}

Result<void> Sessions::finish(std::string_view id, SessionState to, std::string_view note,
                              UnixTime now) {
  if (to == SessionState::kRunning)
    return fail(Errc::kConflict, "a session does not finish as running");
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kFinish, to, note, now, id));
  TRY(expect_one(changed, "session"));
  return tx.commit();
}

Result<std::optional<SessionRow>> Sessions::get(std::string_view id) {
  return db_.one(kGet, read_session, id);
}

Result<std::vector<SessionRow>> Sessions::list_running() {
  return db_.all(kRunning, read_session);
}

Result<std::vector<SessionRow>> Sessions::of_tick(std::string_view tick) {
  return db_.all(kOfTick, read_session, tick);
}

Result<std::int64_t> Sessions::append(std::string_view id, std::string_view role,
                                      std::string_view json, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto last, db_.one(kLastSeq, [](Row& row) { return row.take<std::int64_t>(); }, id));
  const std::int64_t seq = last.value_or(0) + 1;
  TRY(db_.run(kAppend, id, seq, role, json, now));
  TRY(tx.commit());
  FAILPOINT("session-appended");
  return seq;
}

Result<std::vector<MessageRow>> Sessions::transcript(std::string_view id) {
  return db_.all(kTranscript, read_message, id);
}

Result<bool> Sessions::add_call(std::string_view session, std::string_view call_id,
                                std::string_view name, std::string_view args_json, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kAddCall, session, call_id, name, args_json, now, now));
  TRY(tx.commit());
  return added == 1;
}

Result<void> Sessions::start_call(std::string_view session, std::string_view call_id,
                                  UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kStartCall, now, session, call_id));
  TRY(expect_one(changed, "tool call"));
  TRY(tx.commit());
  FAILPOINT("call-started");
  return {};
}

Result<void> Sessions::finish_call(std::string_view session, std::string_view call_id,
                                   std::string_view result_json, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kFinishCall, result_json, now, session, call_id));
  TRY(expect_one(changed, "tool call"));
  TRY(tx.commit());
  FAILPOINT("call-finished");
  return {};
}

Result<std::optional<CallRow>> Sessions::call(std::string_view session, std::string_view call_id) {
  return db_.one(kCall, read_call, session, call_id);
}

Result<std::vector<CallRow>> Sessions::calls(std::string_view session) {
  return db_.all(kCalls, read_call, session);
}

}  // namespace storage
