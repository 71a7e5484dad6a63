#include "orchestration/autopilot/issue_tools.h"

#include <functional>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Result;
using base::Task;
using base::json::Value;

constexpr std::int64_t kListed = 20;

/// A tool that is one call on the rows.
class IssueTool final : public LocalTool {
 public:
  using Work = std::function<Task<Result<std::string>>(IssueToolDeps, ToolContext, Value)>;
  IssueTool(ToolSpec spec, IssueToolDeps deps, Work work)
      : LocalTool({.spec = std::move(spec), .capability = Capability::kControl, .action = ActionClass::kKeepTodo, .subject_param = ""}),
        deps_(std::move(deps)),
        work_(std::move(work)) {}
  Task<Result<std::string>> run(ToolContext context, Value params) override {
    co_return co_await work_(deps_, std::move(context), std::move(params));
  }

 private:
  IssueToolDeps deps_;
  Work work_;
};

std::string line_of(const storage::IssueRow& issue) {
  return fmt::format("#{} [{}{}] {} {}: {}\n", issue.number, storage::name_of(issue.status), issue.blocked ? ", blocked" : "",
                     storage::name_of(issue.priority), storage::name_of(issue.type), issue.title);
}

/// An issue may quote anybody: its words are enclosed like a stranger's.
std::string whole(const storage::IssueRow& issue) {
  return line_of(issue) + enclose({.source = "issue", .author = "", .trust = Trust::kKnown, .id = ""}, issue.description);
}

Task<Result<std::string>> list(IssueToolDeps deps, ToolContext context, Value) {
  CO_TRY(const auto ready, deps.issues.ready(context.agent, kListed, deps.clock.now()));
  std::string out;
  for (const auto& issue : ready) out += line_of(issue);
  co_return out.empty() ? "Nothing is ready." : out;
}

Task<Result<std::string>> next(IssueToolDeps deps, ToolContext context, Value) {
  CO_TRY(const auto held, deps.issues.held_by(context.session));
  if (!held.empty()) co_return "You hold this one already:\n" + whole(held.front());
  const IssueChooser chooser = deps.chooser ? deps.chooser(context) : IssueChooser{};
  IssueQueue queue(deps.issues, deps.clock, chooser.runner.get());
  CO_TRY(const auto claimed, co_await queue.claim_next(context.agent, context.session, chooser.capabilities));
  co_return claimed ? "It is yours until this session ends:\n" + whole(*claimed) : "Nothing is ready.";
}

Task<Result<std::string>> done(IssueToolDeps deps, ToolContext context, Value params) {
  CO_TRY(const std::int64_t number, base::json::get_int(params, "number"));
  CO_TRY(deps.issues.complete(number, context.session, deps.clock.now()));
  co_return fmt::format("#{} is done.", number);
}

Task<Result<std::string>> block(IssueToolDeps deps, ToolContext context, Value params) {
  CO_TRY(const std::int64_t number, base::json::get_int(params, "number"));
  CO_TRY(const std::string reason, base::json::get_string(params, "reason"));
  CO_TRY(deps.issues.block(number, context.session, reason, deps.clock.now()));
  co_return fmt::format("#{} waits until the operator unblocks it.", number);
}

Task<Result<std::string>> release(IssueToolDeps deps, ToolContext context, Value params) {
  CO_TRY(const std::int64_t number, base::json::get_int(params, "number"));
  CO_TRY(const std::string reason, base::json::get_string(params, "reason"));
  CO_TRY(deps.issues.release(number, context.session, reason, deps.clock.now()));
  co_return fmt::format("#{} is open again.", number);
}

Task<Result<std::string>> add(IssueToolDeps deps, ToolContext context, Value params) {
  CO_TRY(const std::string title, base::json::get_string(params, "title"));
  CO_TRY(auto issue, new_issue(title, base::json::string_or(params, "description"), deps.clock.now(), deps.rng));
  CO_TRY(const std::int64_t number, deps.issues.add(issue, {}, context.session));
  co_return fmt::format("#{} is in the queue.", number);
}

Value number_and_reason() {
  return object_schema({{"number", int_param("of the issue", 1, 1'000'000'000)}, {"reason", text_param("why", 500)}}, {"number", "reason"});
}

}  // namespace

std::vector<std::unique_ptr<Tool>> make_issue_tools(IssueToolDeps deps) {
  const Value nothing = object_schema(Value::object(), Value::array());
  std::vector<std::unique_ptr<Tool>> out;
  const auto put = [&](const char* name, const char* about, Value parameters, IssueTool::Work work) {
    out.push_back(std::make_unique<IssueTool>(ToolSpec{name, about, std::move(parameters)}, deps, std::move(work)));
  };
  put("issue_list", "Issues that are ready to be worked on, the next one first.", nothing, list);
  put("issue_next", "Claim the next issue for this session.", nothing, next);
  put("issue_done", "Say that an issue you claimed is done.",
      object_schema({{"number", int_param("of the issue", 1, 1'000'000'000)}}, Value::array({"number"})), done);
  put("issue_block", "Say why an issue you claimed cannot go on; the operator will see it.", number_and_reason(), block);
  put("issue_release", "Give an issue you claimed back to the queue.", number_and_reason(), release);
  put("issue_add", "Put a new issue into the queue, of ordinary priority.",
      object_schema({{"title", text_param("in a line", 200)}, {"description", text_param("what is wanted", 16'000, 0)}}, Value::array({"title"})), add);
  return out;
}

}  // namespace orchestration
