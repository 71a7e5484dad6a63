#include "orchestration/directives/directive_tools.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kListed = 20;
constexpr std::size_t kMaxNote = 500;

/// Goals are information like any other text: they permit nothing (hooks/context_hooks.h says it, too).
std::string enclosed(const std::string& id, std::string_view text) {
  return enclose({.source = "directive", .author = "", .trust = Trust::kKnown, .id = id}, text);
}

LocalTool::Facts facts_of(ToolSpec spec) {
  return {.spec = std::move(spec), .capability = Capability::kControl, .action = ActionClass::kKeepTodo, .subject_param = "id"};
}

class DirectiveList final : public LocalTool {
 public:
  explicit DirectiveList(DirectiveFolder folder)
      : LocalTool(facts_of({"directive_list", "The operator's active goals, the most urgent first; with a query only those about it.",
                            object_schema({{"query", text_param("words they are about", 400, 0)},
                                           {"priority", text_param("at least: critical, high, medium or low", 16, 0)}},
                                          Value::array())})),
        folder_(std::move(folder)) {}
  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(const auto contents, folder_.read());
    const std::string query = base::json::string_or(params, "query");
    std::vector<Directive> shown = query.empty() ? contents.all : related(contents.all, query, kListed);
    std::erase_if(shown, [](const Directive& one) { return one.status != DirectiveStatus::kActive; });
    if (const std::string wanted = base::json::string_or(params, "priority"); !wanted.empty()) {
      CO_TRY(const DirectivePriority priority, parse_directive_priority(wanted));
      shown = at_least(std::move(shown), priority);
    }
    std::string lines;
    for (std::size_t i = 0; i < std::min(shown.size(), kListed); ++i)
      lines += fmt::format("{} ({}): {}\n", shown[i].id, directive_priority_name(shown[i].priority), shown[i].title);
    if (lines.empty()) co_return query.empty() ? "No such goal is active." : "No active goal is about that.";
    if (shown.size() > kListed) lines += fmt::format("{} more\n", shown.size() - kListed);
    co_return enclosed("", lines);
  }

 private:
  DirectiveFolder folder_;
};

class DirectiveRead final : public LocalTool {
 public:
  explicit DirectiveRead(DirectiveFolder folder)
      : LocalTool(facts_of({"directive_read", "One of the operator's goals, whole.",
                            object_schema({{"id", text_param("as directive_list shows it", 64)}}, Value::array({"id"}))})),
        folder_(std::move(folder)) {}
  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(const Directive found, folder_.find(base::json::string_or(params, "id")));
    co_return fmt::format("{}, {}:\n{}", directive_status_name(found.status), directive_priority_name(found.priority),
                          enclosed(found.id, found.title + "\n\n" + found.body));
  }

 private:
  DirectiveFolder folder_;
};

class GoalReportTool final : public LocalTool {
 public:
  GoalReportTool(DirectiveFolder folder, storage::GoalReports& reports, const base::Clock& clock)
      : LocalTool(facts_of(
            {"goal_report",
             "Say how far a goal is. Your operator reads it, and it is remembered; the goal itself "
             "stays as it is.",
             object_schema({{"id", text_param("of the goal, as directive_list shows it", 64)},
                            {"percent", int_param("0 to 100", 0, 100)},
                            {"note", text_param("what was done, or what is missing", kMaxNote, 0)}},
                           Value::array({"id", "percent"}))})),
        folder_(std::move(folder)),
        reports_(reports),
        clock_(clock) {}
  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string id = base::json::string_or(params, "id");
    CO_TRY(const auto contents, folder_.read());
    const auto directive = std::ranges::find(contents.all, id, &Directive::id);
    CO_TRY(const auto known, reports_.get(id));
    const bool active = directive != contents.all.end()
                            ? directive->status == DirectiveStatus::kActive
                            : known.has_value();
    if (!active)
      co_return base::fail(base::Errc::kNotFound,
                           fmt::format("no active goal is called \"{}\"", cut_utf8(id, 64)),
                           "directive_list");
    const int percent =
        static_cast<int>(std::clamp<std::int64_t>(base::json::int_or(params, "percent"), 0, 100));
    CO_TRY(reports_.put(
        {.goal = id,
         .percent = percent,
         .note = std::string(cut_utf8(base::json::string_or(params, "note"), kMaxNote)),
         .at = clock_.now()}));
    if (percent < 100) co_return fmt::format("Noted: {} is at {} %.", id, percent);
    co_return fmt::format("Noted: {} is at 100 %. Whether it is done your operator decides.", id);
  }

 private:
  DirectiveFolder folder_;
  storage::GoalReports& reports_;
  const base::Clock& clock_;
};

}  // namespace

std::unique_ptr<Tool> make_goal_report(DirectiveFolder folder, storage::GoalReports& reports,
                                       const base::Clock& clock) {
  return std::make_unique<GoalReportTool>(std::move(folder), reports, clock);
}

std::vector<std::unique_ptr<Tool>> make_directive_tools(DirectiveFolder folder) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<DirectiveList>(folder));
  out.push_back(std::make_unique<DirectiveRead>(std::move(folder)));
  return out;
}

}  // namespace orchestration
