// todo_write and todo_read: a session's own list of what it means to do, kept across restarts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "orchestration/tools/tool.h"
#include "storage/todos.h"

namespace orchestration {

enum class TodoStatus { kPending, kInProgress, kCompleted, kCancelled, kBlocked };
/// "pending", "in_progress", "completed", "cancelled", "blocked".
std::string_view todo_status_name(TodoStatus status);

struct TodoItem {
  std::string id;
  std::string content;
  TodoStatus status = TodoStatus::kPending;
  std::string priority = "medium";  ///< low, medium, high
  std::string reason;               ///< why it is blocked
};

/// The items of a stored list or of todo_write's arguments; kInvalid for doubled ids and unknown words.
base::Result<std::vector<TodoItem>> parse_todos(const base::json::Value& items);
/// One line an item: `[ ]`, `[*]`, `[x]`, `[-]`, `[!]`, then `!` for high and `.` for low, content, (id).
std::string render_todos(const std::vector<TodoItem>& items);
/// How many are pending or in progress.
std::size_t open_todos(const std::vector<TodoItem>& items);

/// Both tools. References outlive them.
std::vector<std::unique_ptr<Tool>> make_todo_tools(storage::Todos& todos, const base::Clock& clock);

}  // namespace orchestration
