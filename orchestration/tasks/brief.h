// Brief: a task as one agent hands it to another — what is wanted, and within which bounds.
#pragma once

#include <string>
#include <vector>

#include "nostr/base/json.h"

namespace orchestration {

struct Brief {
  std::string from;     ///< id of the agent that hands it out
  std::string task;     ///< what is to be done
  std::string outcome;  ///< what is there when it is done
  std::string must;     ///< may be empty, like what follows
  std::string must_not;
  std::string context;
  std::vector<std::string> tools;  ///< the only tools it may use; empty: all its agent has
};

inline constexpr std::size_t kMaxBriefBytes = 65'536;

/// From a tool call's arguments. kInvalid when task or outcome is empty or all of it is too long.
base::Result<Brief> read_brief(const base::json::Value& params, std::string from);
base::json::Value to_json(const Brief& brief);
base::Result<Brief> parse_brief(std::string_view json);

/// The first message of the session that does it.
std::string render_brief(const Brief& brief);

}  // namespace orchestration
