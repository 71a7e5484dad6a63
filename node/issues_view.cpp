#include "node/issues_view.h"

#include <fmt/format.h>

#include "orchestration/autopilot/queue.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using storage::Issues;

constexpr std::int64_t kMostListed = 10'000;

template <class E>
Result<E> named(const Value& params, const char* key, E fallback) {
  const std::string word = base::json::string_or(params, key);
  if (word.empty()) return fallback;
  if (const auto value = storage::enum_from<E>(word)) return *value;
  std::string known;
  for (const std::string_view name : storage::EnumText<E>::kNames) known += fmt::format("{}{}", known.empty() ? "use " : ", ", name);
  return fail(Errc::kInvalid, fmt::format("{} \"{}\" is unknown", key, word.substr(0, 64)), known);
}

Result<Value> shown(Issues& issues, std::int64_t number) {
  TRY(const auto issue, issues.find(number));
  if (!issue) return fail(Errc::kNotFound, fmt::format("there is no issue {}", number), "sovereign issue list");
  Value out = orchestration::issue_json(*issue);
  TRY(const auto needs, issues.needs(number));
  out["needs"] = needs;
  TRY(const auto events, issues.events(number));
  out["events"] = Value::array();
  for (const storage::IssueEvent& event : events)
    out["events"].push_back({{"what", event.what}, {"by", event.by}, {"detail", event.detail}, {"at", base::to_unix(event.at)}});
  return out;
}

Result<Value> listed(Issues& issues, const Value& params) {
  std::optional<storage::IssueStatus> status;
  if (!base::json::string_or(params, "status").empty()) {
    TRY(status, named(params, "status", storage::IssueStatus::kOpen));
  }
  TRY(const auto rows, issues.list(status, base::json::int_or(params, "limit", kMostListed)));
  Value out = Value::array();
  for (const storage::IssueRow& row : rows) out.push_back(orchestration::issue_json(row));
  return out;
}

Result<Value> added(Issues& issues, const Value& params, base::UnixTime now, base::Rng& rng) {
  TRY(auto issue, orchestration::new_issue(base::json::string_or(params, "title"), base::json::string_or(params, "description"), now, rng));
  TRY(issue.priority, named(params, "priority", storage::IssuePriority::kMedium));
  TRY(issue.type, named(params, "type", storage::IssueType::kTask));
  issue.agent = base::json::string_or(params, "agent");
  std::vector<std::int64_t> needs;
  for (const Value& one : params.value("needs", Value::array()))
    if (one.is_number_integer()) needs.push_back(one.get<std::int64_t>());
  TRY(const std::int64_t number, issues.add(issue, needs, "operator"));
  return shown(issues, number);
}

/// What is there already stays as it is.
Result<Value> imported(Issues& issues, const Value& params, base::UnixTime now) {
  TRY(const std::string text, base::json::get_string(params, "text"));
  TRY(const auto rows, orchestration::parse_issues(text, now));
  std::int64_t taken = 0, known = 0;
  for (const storage::IssueRow& row : rows) {
    TRY(const auto twin, issues.find_id(row.id));
    if (twin) {
      ++known;
      continue;
    }
    TRY(issues.add(row, {}, "import"));
    ++taken;
  }
  return Value{{"imported", taken}, {"known", known}};
}

}  // namespace

Result<Value> answer_issues(Issues& issues, const std::string& method, const Value& params, base::UnixTime now, base::Rng& rng) {
  if (method == "issue-list" || method == "issue-export") return listed(issues, params);
  if (method == "issue-add") return added(issues, params, now, rng);
  if (method == "issue-import") return imported(issues, params, now);
  TRY(const std::int64_t number, base::json::get_int(params, "number"));
  const std::string reason = base::json::string_or(params, "reason");
  if (method == "issue-done") {
    TRY(issues.complete(number, "", now));
  } else if (method == "issue-block") {
    TRY(issues.block(number, "", reason, now));
  } else if (method == "issue-unblock") {
    TRY(issues.unblock(number, now));
  } else if (method == "issue-release") {
    TRY(issues.release(number, "", reason, now));
  } else if (method == "issue-priority") {
    TRY(const auto priority, named(params, "priority", storage::IssuePriority::kMedium));
    TRY(issues.prioritise(number, priority, now));
  } else if (method != "issue-show") {
    return fail(Errc::kNotFound, "no method is called " + method);
  }
  return shown(issues, number);
}

}  // namespace node
