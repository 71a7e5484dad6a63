// Arguments in, rows out. What another agent said comes in an envelope like any foreign text.
#include "orchestration/tools/task_tools.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestration/envelope.h"
#include "orchestration/hooks/tool_hooks.h"
#include "orchestration/tools/local_tool.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::string_or;
using base::json::Value;
using std::chrono::milliseconds;
using storage::TaskRow;
using storage::TaskState;

constexpr std::int64_t kDefaultWaitMs = 60'000;
constexpr std::int64_t kMaxWaitMs = 600'000;

Value text_param(std::string_view what, std::size_t max) {
  return {{"type", "string"}, {"description", what}, {"maxLength", max}};
}

/// What a task is described by, for both tools that hand one out.
Value brief_schema() {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {"agent", "description", "task", "outcome"}},
          {"properties",
           {{"agent", text_param("id of the agent that is to do it", 64)},
            {"description", text_param("a few words for lists", 120)},
            {"task", text_param("what is to be done", 32'768)},
            {"outcome", text_param("what is there when it is done", 8'192)},
            {"must", text_param("what it must do or keep to", 8'192)},
            {"must_not", text_param("what it must not do", 8'192)},
            {"context", text_param("files, findings, decisions it needs to know of", 32'768)},
            {"tools", {{"type", "array"}, {"maxItems", 40}, {"items", text_param("a tool's name", 128)},
                       {"description", "the only tools it may use; left out: all that agent has"}}}}}};
}

class TaskTool : public LocalTool {
 public:
  TaskTool(ToolSpec spec, TaskBoard& board, const AgentRegistry& agents)
      : LocalTool({.spec = std::move(spec),
                   .capability = Capability::kDelegate,
                   .action = ActionClass::kDelegate,
                   .subject_param = "agent"}),
        board_(board),
        agents_(agents) {}

 protected:
  Result<TaskRow> hand_out(const ToolContext& context, const Value& params) {
    TRY(const auto* self, agents_.find(context.agent));
    TRY(const auto* helper, agents_.find(string_or(params, "agent")));
    const auto helpers = agents_.helpers_of(self->spec);
    if (std::ranges::find(helpers, &helper->spec) == helpers.end()) {
      std::vector<std::string> known;
      for (const AgentSpec* one : helpers) known.push_back(one->id);
      return fail(Errc::kDenied, fmt::format("{} hands no tasks to {}; it may to: {}", self->spec.id,
                                             helper->spec.id, fmt::join(known, ", ")));
    }
    TRY(Brief brief, read_brief(params, self->spec.id));
    return board_.hand_out({.tick = context.trigger.tick,
                            .parent = context.session,
                            .call = context.call_id,
                            .agent = helper->spec.id,
                            .description = string_or(params, "description"),
                            .brief = std::move(brief)});
  }

  TaskBoard& board_;
  const AgentRegistry& agents_;
};

class Delegate final : public TaskTool {
 public:
  Delegate(TaskBoard& board, const AgentRegistry& agents)
      : TaskTool({"delegate",
                  "Hand a task to another agent and wait for what comes of it. For several at once use "
                  "background_task.",
                  brief_schema()},
                 board, agents) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    CO_TRY(const TaskRow task, hand_out(context, params));
    CO_TRY(const TaskRow row, co_await board_.wait(task.id, milliseconds{kMaxWaitMs}));
    if (!storage::is_final(row.state))
      co_return fmt::format("Task {} is not done yet; you are told when it is. background_output waits for it.", row.id);
    // Its parent reads it here, so it is not told a second time.
    CO_TRY(board_.tell(row.id));
    co_return describe_task(row);
  }
};

class BackgroundTask final : public TaskTool {
 public:
  BackgroundTask(TaskBoard& board, const AgentRegistry& agents)
      : TaskTool({"background_task",
                  "Hand a task to another agent and go on. You are told when it is done; before that, "
                  "background_output shows how far it is.",
                  brief_schema()},
                 board, agents) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    CO_TRY(const TaskRow row, hand_out(context, params));
    co_return fmt::format("Task {} is with {}.", row.id, row.agent);
  }
};

std::string status_line(const TaskRow& row) {
  return fmt::format("{}  {}  {}  {}{}", row.id, row.agent, storage::name_of(row.state), row.description,
                     row.note.empty() ? "" : "  (" + row.note + ")");
}

class BackgroundOutput final : public TaskTool {
 public:
  BackgroundOutput(TaskBoard& board, const AgentRegistry& agents)
      : TaskTool({"background_output", "What came of a task you handed out, or how far it is.",
                  {{"type", "object"},
                   {"additionalProperties", false},
                   {"required", {"task_id"}},
                   {"properties",
                    {{"task_id", text_param("bg_…", 64)},
                     {"block", {{"type", "boolean"}, {"description", "wait for its end"}}},
                     {"timeout_ms", {{"type", "integer"}, {"minimum", 0}, {"maximum", kMaxWaitMs}}}}}}},
                 board, agents) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    CO_TRY(const TaskRow row, board_.find(context.session, string_or(params, "task_id")));
    const bool block = params.value("block", false);
    const std::int64_t limit = block ? base::json::int_or(params, "timeout_ms", kDefaultWaitMs) : 0;
    CO_TRY(const TaskRow now, co_await board_.wait(row.id, milliseconds{std::min(limit, kMaxWaitMs)}));
    if (!storage::is_final(now.state)) co_return status_line(now);
    // Read here, so not told a second time; only who handed it out is told at all.
    if (now.parent == context.session) CO_TRY(board_.tell(now.id));
    co_return describe_task(now);
  }
};

class BackgroundCancel final : public TaskTool {
 public:
  BackgroundCancel(TaskBoard& board, const AgentRegistry& agents)
      : TaskTool({"background_cancel", "Stop a task you handed out, and what it handed out; or all of them.",
                  {{"type", "object"},
                   {"additionalProperties", false},
                   {"properties",
                    {{"task_id", text_param("bg_…", 64)}, {"all", {{"type", "boolean"}}}}}}},
                 board, agents) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    const std::string id = string_or(params, "task_id");
    const bool all = params.value("all", false);
    if (id.empty() == !all) co_return fail(Errc::kInvalid, "name either task_id or all");
    if (all) {
      CO_TRY(const std::size_t changed, board_.cancel_all(context.session));
      co_return fmt::format("{} tasks were stopped.", changed);
    }
    CO_TRY(const TaskRow row, board_.cancel(context.session, id));
    co_return status_line(row);
  }
};

class BackgroundList final : public TaskTool {
 public:
  BackgroundList(TaskBoard& board, const AgentRegistry& agents)
      : TaskTool({"background_list", "The tasks you handed out, and how each stands.",
                  {{"type", "object"}, {"additionalProperties", false}, {"properties", Value::object()}}},
                 board, agents) {}

  Task<Result<std::string>> run(ToolContext context, Value) override {
    CO_TRY(const auto rows, board_.list(context.session));
    std::string out;
    for (const TaskRow& row : rows) out += status_line(row) + "\n";
    co_return out.empty() ? "None." : out;
  }
};

}  // namespace

std::vector<std::unique_ptr<Tool>> make_task_tools(TaskBoard& board, const AgentRegistry& agents) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<Delegate>(board, agents));
  out.push_back(std::make_unique<BackgroundTask>(board, agents));
  out.push_back(std::make_unique<BackgroundOutput>(board, agents));
  out.push_back(std::make_unique<BackgroundCancel>(board, agents));
  out.push_back(std::make_unique<BackgroundList>(board, agents));
  return out;
}

std::string describe_task(const TaskRow& row) {
  std::string out = fmt::format("Task {} ({}: {}) {}{}.", row.id, row.agent, row.description,
                                storage::name_of(row.state), row.note.empty() ? "" : ": " + row.note);
  if (!row.result.empty())
    out += "\n" + enclose({.source = "task", .author = row.agent, .trust = Trust::kKnown, .id = row.id},
                          truncate_middle(row.result, kToldTaskBytes));
  return out;
}

}  // namespace orchestration
