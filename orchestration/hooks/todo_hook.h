// The todo keeper: a session that stops with things still to do is asked to go on, but not for ever.
#pragma once

#include "orchestration/hooks/hook.h"
#include "orchestration/tools/todo_tools.h"
#include "storage/todos.h"

namespace orchestration {

constexpr std::size_t kMaxNudges = 8;     ///< in a session
constexpr std::size_t kMaxIdleNudges = 3; ///< in a row without fewer open or more completed items

/// What to tell a session whose model has stopped, or nothing: no open item (blocked ones are not), or asked
/// often enough. `told` are the messages it got so far; the nudges among them are the only state, so a
/// restart changes nothing. Renaming items or moving them back and forth is no progress. Pure.
std::optional<std::string> todo_nudge(const std::vector<TodoItem>& items, const std::vector<std::string>& told);

/// Priority 10. `todos` outlives the chain.
Hook todo_hook(storage::Todos& todos);

}  // namespace orchestration
