// AgentSpec: who thinks — a name, a prompt, tools, permissions and limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/money.h"
#include "orchestration/autonomy.h"
#include "orchestration/permissions.h"

namespace orchestration {

/// Who may be woken by what: a primary owns sessions of the node, a subagent is only ever handed a task.
enum class AgentMode { kPrimary, kSubagent, kAll };
std::string_view agent_mode_name(AgentMode mode);
base::Result<AgentMode> parse_agent_mode(std::string_view name);

struct AgentSpec {
  std::string id;        ///< [a-z][a-z0-9_-]{0,63}: in routes, budgets, grants and records
  std::string name;      ///< as it introduces itself
  std::string purpose;   ///< one line: what it is asked for
  AgentMode mode = AgentMode::kSubagent;
  std::string prompt;    ///< without the envelope rule
  Permissions permissions;
  AutonomyRules autonomy;
  std::vector<std::string> tools;         ///< names; empty means every registered tool
  std::vector<std::string> delegates_to;  ///< ids of agents it may hand tasks to
  std::uint32_t max_output_tokens = 2048;
  std::optional<double> temperature;      ///< 0 to 2; unset: the server's own
  std::string color = "#808080";          ///< "#RRGGBB", for whoever draws it
  std::uint32_t max_steps = 50;           ///< model turns in a session
  std::optional<base::Msat> per_day;      ///< what its models may cost a day, besides the node's limit
};

/// Whether `id` can name an agent.
bool is_agent_id(std::string_view id);

/// "#RRGGBB".
bool is_color(std::string_view text);
inline constexpr double kMaxTemperature = 2.0;

/// `agent` with what its prompt has to say of those it may hand tasks to; unchanged without any.
AgentSpec with_team(AgentSpec agent, const std::vector<const AgentSpec*>& helpers);

/// The whole system prompt of `agent`: its own, the envelope rule, and who it is on Nostr.
std::string system_prompt(const AgentSpec& agent, std::string_view npub);

}  // namespace orchestration
