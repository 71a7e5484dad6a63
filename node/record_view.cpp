// Rows into a story.
#include "node/record_view.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "nipsa/trajectory.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "orchestration/envelope.h"
#include "storage/approvals.h"
#include "storage/audit.h"
#include "storage/ticks.h"

namespace node {
namespace {

using base::Result;
using base::UnixTime;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;

constexpr std::size_t kTicks = 200;      // newest rows looked at
constexpr std::size_t kSessions = 50;
constexpr std::size_t kQuestions = 200;
constexpr std::size_t kVerdicts = 1'000;
constexpr std::int64_t kMostEntries = 10'000;
constexpr std::size_t kLine = 200;       // bytes of a text in a line

struct Entry {
  UnixTime at;
  std::size_t order;  ///< among those of one second
  std::string what;
  std::string id;
  std::string text;
};

/// A text as part of one line.
std::string one_line(std::string_view text) {
  std::string line(orchestration::cut_utf8(text, kLine));
  const bool cut = line.size() < text.size();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return cut ? line + "…" : line;
}

class Record {
 public:
  Record(UnixTime since, const StepReader& reader) : since_(since), reader_(reader) {}

  Result<void> add_ticks(storage::Db& db) {
    storage::Ticks ticks(db);
    TRY(const auto rows, ticks.history(kTicks));
    for (const storage::TickRow& row : rows) {
      add(row.started, "tick", "start:" + row.slot, fmt::format("{} wakes the agent", row.trigger_kind));
      if (row.finished)
        add(*row.finished, "tick", "end:" + row.slot,
            row.phase == storage::TickPhase::kDone || row.note.empty()
                ? std::string(storage::name_of(row.phase))
                : fmt::format("{}: {}", storage::name_of(row.phase), one_line(row.note)));
    }
    return {};
  }

  Result<void> add_steps(storage::Db& db) {
    storage::Trajectories trajectories(db);
    TRY(const auto rows, trajectories.history(kSessions));
    for (const storage::TrajectoryRow& row : rows) {
      if (row.ended && *row.ended < since_) continue;
      TRY(const auto steps, trajectories.steps(row.d));
      for (const storage::StepRow& step : steps) {
        const Value body = step_body(step, reader_);
        add(base::unix_time(int_or(body, "ts", base::to_unix(row.started))), "step",
            step.event_id.hex(), fmt::format("{}  {}", step.seq, step_text(body)));
      }
    }
    return {};
  }

  Result<void> add_questions(storage::Db& db) {
    storage::Approvals approvals(db);
    TRY(const auto rows, approvals.history(kQuestions));
    for (const storage::Question& row : rows) {
      if (row.created_at < since_ && row.changed_at < since_) continue;
      add(row.created_at, "question", row.id.hex(),
          fmt::format("{}  {}  {}", row.code, row.action_class, one_line(row.summary)));
      TRY(const auto decisions, approvals.decisions(row.id));
      for (const storage::Decision& decision : decisions)
        add(decision.decided_at, "decision", decision.id.hex(),
            fmt::format("{}  {} by {}", row.code, decision.approved ? "approved" : "denied",
                        decision.decided_by.hex().substr(0, 8)));
      if (row.state != storage::QuestionState::kOpen && row.state != storage::QuestionState::kApproved &&
          row.state != storage::QuestionState::kDenied)
        add(row.changed_at, "question", row.id.hex() + ":" + std::string(storage::name_of(row.state)),
            fmt::format("{}  {}", row.code, storage::name_of(row.state)));
    }
    return {};
  }

  Result<void> add_verdicts(storage::Db& db) {
    storage::AuditLog log(db);
    TRY(const auto rows, log.tail(kVerdicts));
    for (const storage::AuditRow& row : rows)
      add(row.entry.time, "verdict", fmt::format("audit:{}", row.seq),
          fmt::format("{}  {}  {}", row.entry.kind, row.entry.verdict, one_line(row.entry.reason)));
    return {};
  }

  Value newest(std::size_t limit) {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.at, a.order) < std::tie(b.at, b.order);
    });
    Value out = Value::array();
    const std::size_t first = entries_.size() > limit ? entries_.size() - limit : 0;
    for (std::size_t i = first; i < entries_.size(); ++i)
      out.push_back({{"at", base::to_unix(entries_[i].at)},
                     {"what", entries_[i].what},
                     {"id", entries_[i].id},
                     {"text", entries_[i].text}});
    return out;
  }

 private:
  void add(UnixTime at, std::string what, std::string id, std::string text) {
    if (at >= since_)
      entries_.push_back({at, entries_.size(), std::move(what), std::move(id), std::move(text)});
  }

  const UnixTime since_;
  const StepReader& reader_;
  std::vector<Entry> entries_;
};

Result<Value> open_body(const nostr::Event& event, const StepReader& reader) {
  if (reader.key == nullptr)
    return base::fail(base::Errc::kDenied, "no key to open steps with");
  TRY(const nostr::ConversationKey key,
      nostr::nip44_conversation_key(*reader.key, reader.reader.value_or(reader.key->public_key())));
  TRY(const std::string text, nostr::nip44_decrypt(key, event.content));
  return base::json::parse(text);
}

std::string first_question(const Value& status) {
  for (const Value& question : status.value("pending", Value::array()))
    if (string_or(question, "state") == "open")
      return fmt::format("{} ({})", string_or(question, "code"), string_or(question, "action"));
  return "";
}

}  // namespace

Value step_body(const storage::StepRow& step, const StepReader& reader) {
  const auto event = nostr::parse_event(step.event_json);
  if (!event) return {{"type", "damaged"}};
  const auto body = open_body(*event, reader);
  if (body && body->is_object()) return *body;
  const auto parsed = nipsa::parse_trajectory_step(*event);
  return {{"type", parsed ? parsed->type : ""},
          {"name", parsed ? parsed->tool : ""},
          {"ts", base::to_unix(event->created_at)},
          {"sealed", true}};
}

std::string step_text(const Value& body) {
  const std::string type = string_or(body, "type");
  if (body.value("sealed", false)) return type + " (sealed to the operator)";
  if (type == nipsa::step_type::kUser)
    return fmt::format("{} by {} ({}): {}", string_or(body, "trigger"),
                       string_or(body, "author").substr(0, 8), string_or(body, "trust"),
                       one_line(string_or(body, "content")));
  if (type == nipsa::step_type::kToolStart)
    return fmt::format("{} {}", string_or(body, "name"),
                       one_line(base::json::dump(body.value("args", Value::object()))));
  if (type == nipsa::step_type::kTool)
    return fmt::format("{} {}: {}", string_or(body, "name"), string_or(body, "outcome"),
                       one_line(string_or(body, "result")));
  if (type == nipsa::step_type::kSessionEnd) return "the session ends";
  std::string called;
  for (const Value& call : body.value("calls", Value::array()))
    called += " -> " + string_or(call, "name");
  return fmt::format("{}: {}{}", type, one_line(string_or(body, "content")), called);
}

Result<Value> record_view(storage::Db& db, const StepReader& reader, UnixTime since,
                          std::size_t limit) {
  Record record(since, reader);
  TRY(record.add_ticks(db));
  TRY(record.add_steps(db));
  TRY(record.add_questions(db));
  TRY(record.add_verdicts(db));
  return record.newest(limit);
}

Result<Value> answer_record(storage::Db& db, const StepReader& reader, const Value& params) {
  const auto limit =
      static_cast<std::size_t>(std::clamp<std::int64_t>(int_or(params, "limit", 50), 1, kMostEntries));
  return record_view(db, reader, base::unix_time(int_or(params, "since")), limit);
}

std::string doing_now(const Value& status) {
  if (const std::string why = string_or(status, "paused"); !why.empty()) return "paused: " + why;
  if (status.contains("lease_elsewhere_until")) return "blocked: another process acts for this share";
  if (const std::string open = first_question(status); !open.empty())
    return "waits for the operator: " + open;
  if (string_or(status, "role") == "cosigner") return "serves its share";
  for (const Value& tick : status.value("tasks", Value::array()))
    if (const std::string waits = string_or(tick, "waits_for"); !waits.empty())
      return fmt::format("waits for {} ({})", waits, string_or(tick, "trigger"));
  if (!status.value("ready", true)) return "blocked: " + string_or(status, "why_not");
  const Value tasks = status.value("tasks", Value::array());
  if (tasks.empty()) return "idle";
  const std::string note = string_or(tasks.front(), "note");
  return fmt::format("works on a {}: {}{}{}", string_or(tasks.front(), "trigger"),
                     string_or(tasks.front(), "phase"), note.empty() ? "" : ", ", note);
}

}  // namespace node
