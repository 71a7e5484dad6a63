// A brief is written by a model that may have read strangers' words: it says so to whoever gets it.
#include "orchestration/tasks/brief.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace orchestration {

using base::Errc;
using base::fail;
using base::json::string_or;
using base::json::Value;

base::Result<Brief> read_brief(const Value& params, std::string from) {
  Brief brief{.from = std::move(from),
              .task = string_or(params, "task"),
              .outcome = string_or(params, "outcome"),
              .must = string_or(params, "must"),
              .must_not = string_or(params, "must_not"),
              .context = string_or(params, "context")};
  const auto blank = [](const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; };
  if (blank(brief.task)) return fail(Errc::kInvalid, "the task is empty", "say what is to be done");
  if (blank(brief.outcome))
    return fail(Errc::kInvalid, "the outcome is empty", "say what has to be there when it is done");
  if (params.contains("tools"))
    for (const Value& tool : params.at("tools"))
      if (tool.is_string()) brief.tools.push_back(tool.get<std::string>());
  const std::size_t size = base::json::dump(to_json(brief)).size();
  if (size > kMaxBriefBytes)
    return fail(Errc::kInvalid, fmt::format("the task has {} bytes, limit is {}", size, kMaxBriefBytes),
                "name files instead of pasting them");
  return brief;
}

Value to_json(const Brief& brief) {
  return {{"from", brief.from},         {"task", brief.task},       {"outcome", brief.outcome},
          {"must", brief.must},         {"must_not", brief.must_not}, {"context", brief.context},
          {"tools", brief.tools}};
}

base::Result<Brief> parse_brief(std::string_view json) {
  TRY(const Value value, base::json::parse(json, {.max_bytes = 2 * kMaxBriefBytes, .max_depth = 4}));
  return read_brief(value, string_or(value, "from"));
}

std::string render_brief(const Brief& brief) {
  std::string out = fmt::format(
      "{} hands you a task. You work alone: nobody answers questions, and only your last message reaches it.\n\n"
      "Task: {}\n\nOutcome: {}\n",
      brief.from, brief.task, brief.outcome);
  const auto part = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) out += fmt::format("\n{}: {}\n", name, text);
  };
  part("You must", brief.must);
  part("You must not", brief.must_not);
  part("Context", brief.context);
  if (!brief.tools.empty()) part("Tools", fmt::format("{}", fmt::join(brief.tools, ", ")));
  return out;
}

}  // namespace orchestration
