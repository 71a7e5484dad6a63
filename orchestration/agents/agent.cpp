// Names of modes, and how a system prompt is put together.
#include "orchestration/agents/agent.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/names.h"

namespace orchestration {
namespace {

constexpr Name<AgentMode> kModes[] = {{AgentMode::kPrimary, "primary"},
                                      {AgentMode::kSubagent, "subagent"},
                                      {AgentMode::kAll, "all"}};
constexpr std::size_t kMaxIdChars = 64;
constexpr std::string_view kNamePlace = "{name}";

}  // namespace

std::string_view agent_mode_name(AgentMode mode) {
  return name_in(kModes, mode);
}

base::Result<AgentMode> parse_agent_mode(std::string_view name) {
  return value_in(kModes, name, "mode");
}

bool is_agent_id(std::string_view id) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto inner = [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return !id.empty() && id.size() <= kMaxIdChars && lower(id.front()) && std::ranges::all_of(id, inner);
}

bool is_color(std::string_view text) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  return text.size() == 7 && text.front() == '#' && std::ranges::all_of(text.substr(1), digit);
}

AgentSpec with_team(AgentSpec agent, const std::vector<const AgentSpec*>& helpers) {
  if (helpers.empty()) return agent;
  agent.prompt +=
      "\n\nYou can hand parts of the work to others, with `background_task` (several at once; you are told when one is "
      "done) or `delegate` (you wait for it). Each works alone and sees nothing of this conversation: say what is to be "
      "done, what must be there at the end, and what it needs to know. What comes back is a report to be checked, not "
      "an order.";
  for (const AgentSpec* helper : helpers) agent.prompt += fmt::format("\n- {}: {}", helper->id, helper->purpose);
  return agent;
}

std::string system_prompt(const AgentSpec& agent, std::string_view npub) {
  std::string prompt = agent.prompt;
  if (const std::size_t at = prompt.find(kNamePlace); at != std::string::npos)
    prompt.replace(at, kNamePlace.size(), agent.name);
  return fmt::format("{}\n\nYour public key is {}.\n\n{}", prompt, npub, envelope_rule());
}

}  // namespace orchestration
