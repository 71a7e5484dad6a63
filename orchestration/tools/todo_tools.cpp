// Lists as JSON in one row a session.
#include "orchestration/tools/todo_tools.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "orchestration/names.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::int64_t kMaxItems = 100;
constexpr Name<TodoStatus> kStatuses[] = {{TodoStatus::kPending, "pending"},
                                          {TodoStatus::kInProgress, "in_progress"},
                                          {TodoStatus::kCompleted, "completed"},
                                          {TodoStatus::kCancelled, "cancelled"},
                                          {TodoStatus::kBlocked, "blocked"}};

std::string_view mark_of(TodoStatus status) {
  switch (status) {
    case TodoStatus::kPending:
      return "[ ]";
    case TodoStatus::kInProgress:
      return "[*]";
    case TodoStatus::kCompleted:
      return "[x]";
    case TodoStatus::kCancelled:
      return "[-]";
    case TodoStatus::kBlocked:
      return "[!]";
  }
  return "[?]";
}

Value item_schema() {
  return object_schema(
      {{"id", text_param("short and yours", 40)},
       {"content", text_param("what is to be done", 500)},
       {"status", {{"type", "string"}, {"enum", {"pending", "in_progress", "completed", "cancelled", "blocked"}}}},
       {"priority", {{"type", "string"}, {"enum", {"low", "medium", "high"}}}},
       {"reason", text_param("why it is blocked", 300, 0)}},
      {"id", "content", "status"});
}

class TodoTool : public LocalTool {
 public:
  TodoTool(ToolSpec spec, storage::Todos& todos)
      : LocalTool({.spec = std::move(spec),
                   .capability = Capability::kControl,
                   .action = ActionClass::kKeepTodo,
                   .subject_param = ""}),
        todos_(todos) {}

 protected:
  storage::Todos& todos_;
};

class TodoWrite final : public TodoTool {
 public:
  TodoWrite(storage::Todos& todos, const base::Clock& clock)
      : TodoTool({"todo_write", "Replace your list of things to do in this session.",
                  object_schema({{"items", {{"type", "array"}, {"maxItems", kMaxItems}, {"items", item_schema()}}}},
                                {"items"})},
                 todos),
        clock_(clock) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    CO_TRY(const Value items, base::json::get_array(params, "items"));
    CO_TRY(const auto parsed, parse_todos(items));
    CO_TRY(todos_.put(context.session, base::json::dump(items), clock_.now()));
    co_return parsed.empty() ? "The list is empty." : render_todos(parsed);
  }

 private:
  const base::Clock& clock_;
};

class TodoRead final : public TodoTool {
 public:
  explicit TodoRead(storage::Todos& todos)
      : TodoTool({"todo_read", "Your list of things to do in this session.",
                  object_schema(Value::object(), Value::array())},
                 todos) {}

  Task<Result<std::string>> run(ToolContext context, Value) override {
    CO_TRY(const auto stored, todos_.get(context.session));
    if (!stored) co_return std::string("The list is empty.");
    CO_TRY(const Value items, base::json::parse(*stored, {.max_bytes = 1u << 20}));
    CO_TRY(const auto parsed, parse_todos(items));
    co_return parsed.empty() ? "The list is empty." : render_todos(parsed);
  }
};

}  // namespace

std::string_view todo_status_name(TodoStatus status) { return name_in(kStatuses, status); }

Result<std::vector<TodoItem>> parse_todos(const Value& items) {
  std::vector<TodoItem> out;
  std::set<std::string> ids;
  if (!items.is_array()) return fail(Errc::kInvalid, "the list of things to do is no list");
  for (const Value& one : items) {
    TodoItem item;
    TRY(item.id, base::json::get_string(one, "id"));
    TRY(item.content, base::json::get_string(one, "content"));
    TRY(item.status, value_in(kStatuses, base::json::string_or(one, "status", "pending"), "status"));
    item.priority = base::json::string_or(one, "priority", "medium");
    item.reason = base::json::string_or(one, "reason");
    if (!ids.insert(item.id).second) return fail(Errc::kInvalid, "two items have the id " + item.id);
    out.push_back(std::move(item));
  }
  return out;
}

std::string render_todos(const std::vector<TodoItem>& items) {
  std::string out;
  for (const TodoItem& item : items) {
    const std::string_view urgency = item.priority == "high" ? " !" : item.priority == "low" ? " ." : " ";
    out += fmt::format("{}{}{}{} ({})\n", mark_of(item.status), urgency, item.content,
                       item.reason.empty() ? "" : ": " + item.reason, item.id);
  }
  return out;
}

std::size_t open_todos(const std::vector<TodoItem>& items) {
  return static_cast<std::size_t>(std::count_if(items.begin(), items.end(), [](const TodoItem& item) {
    return item.status == TodoStatus::kPending || item.status == TodoStatus::kInProgress;
  }));
}

std::vector<std::unique_ptr<Tool>> make_todo_tools(storage::Todos& todos, const base::Clock& clock) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<TodoWrite>(todos, clock));
  out.push_back(std::make_unique<TodoRead>(todos));
  return out;
}

}  // namespace orchestration
