#include "orchestration/hooks/todo_hook.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>


namespace orchestration {
namespace {

constexpr std::string_view kOpening = "Your list is not done: ";

/// How far the list was when the session was asked to go on.
struct Mark {
  std::size_t completed = 0;
  std::size_t open = 0;
};

std::optional<Mark> mark_in(const std::string& message) {
  if (!message.starts_with(kOpening)) return std::nullopt;
  Mark out;
  if (std::sscanf(message.c_str() + kOpening.size(), "%zu completed, %zu open", &out.completed, &out.open) != 2) return std::nullopt;
  return out;
}

Mark mark_of(const std::vector<TodoItem>& items) {
  const auto completed = std::ranges::count_if(items, [](const TodoItem& item) { return item.status == TodoStatus::kCompleted; });
  return {static_cast<std::size_t>(completed), open_todos(items)};
}

/// How many of the last nudges brought nothing: progress is more done or less open than ever before.
std::size_t idle_nudges(const std::vector<Mark>& marks, const Mark& now) {
  if (marks.empty()) return 0;
  std::size_t idle = 0;
  Mark best = marks.front();
  const auto see = [&](const Mark& mark) {
    const bool progress = mark.completed > best.completed || mark.open < best.open;
    idle = progress ? 0 : idle + 1;
    best = {std::max(best.completed, mark.completed), std::min(best.open, mark.open)};
  };
  for (std::size_t i = 1; i < marks.size(); ++i) see(marks[i]);
  see(now);
  return idle;
}

}  // namespace

std::optional<std::string> todo_nudge(const std::vector<TodoItem>& items, const std::vector<std::string>& told) {
  const Mark now = mark_of(items);
  if (now.open == 0) return std::nullopt;
  std::vector<Mark> marks;
  for (const std::string& message : told)
    if (const auto mark = mark_in(message)) marks.push_back(*mark);
  if (marks.size() >= kMaxNudges || idle_nudges(marks, now) >= kMaxIdleNudges) return std::nullopt;
  return fmt::format("{}{} completed, {} open.\n{}Go on, or mark what cannot be done as blocked or cancelled.", kOpening, now.completed, now.open,
                     render_todos(items));
}

namespace {

/// The list of a session; nothing when it has none.
std::optional<std::vector<TodoItem>> list_of(storage::Todos& todos, const std::string& session) {
  const auto stored = todos.get(session);
  if (!stored || !*stored) return std::nullopt;
  const auto value = base::json::parse(**stored, {.max_bytes = 1u << 20});
  auto items = value ? parse_todos(*value) : std::unexpected(value.error());
  if (!items) return std::nullopt;
  return *std::move(items);
}

}  // namespace

Hook todo_hook(storage::Todos& todos) {
  Hook hook{.name = "todos", .priority = 10};
  hook.context = [&todos](const SessionNotice& notice) -> std::vector<ContextSection> {
    const auto items = list_of(todos, notice.session);
    if (!items || items->empty()) return {};
    return {{.name = "Your list", .content = render_todos(*items), .priority = 200}};
  };
  hook.left_undone = [&todos](const std::string& session) -> std::string {
    const auto items = list_of(todos, session);
    const std::size_t open = items ? open_todos(*items) : 0;
    return open == 0 ? "" : fmt::format("{} of {} things on its list are not done", open, items->size());
  };
  hook.before_finish = [&todos](const std::string& session, const std::vector<std::string>& told) -> std::optional<std::string> {
    const auto items = list_of(todos, session);
    if (!items) return std::nullopt;
    return todo_nudge(*items, told);
  };
  return hook;
}

}  // namespace orchestration
