#include "orchestration/programs/delegation.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/words.h"

namespace orchestration {
namespace {

using base::json::Value;

constexpr double kRuleConfidence = 0.7;
constexpr double kSureEnough = 0.5;

struct Hint {
  std::string_view word;
  int weight;
};

/// In the order that settles a tie.
struct Rule {
  std::string_view agent;
  std::vector<Hint> hints;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> kRules = {
      {"multimodal", {{"pdf", 3}, {"image", 3}, {"screenshot", 3}, {"diagram", 2}, {"png", 3}, {"jpg", 3}, {"jpeg", 3}, {"gif", 2}, {"photo", 3}, {"chart", 1}}},
      {"frontend", {{"ui", 3}, {"css", 3}, {"styling", 3}, {"visual", 2}, {"layout", 2}, {"tailwind", 3}, {"button", 1}, {"scss", 3}, {"html", 1}, {"animation", 2}}},
      {"docwriter", {{"readme", 3}, {"documentation", 3}, {"docs", 2}, {"changelog", 3}, {"tutorial", 2}, {"md", 1}}},
      {"explore", {{"find", 2}, {"where", 2}, {"locate", 2}, {"search", 2}, {"callers", 3}, {"usages", 3}, {"grep", 2}}},
      {"librarian", {{"library", 2}, {"external", 1}, {"npm", 3}, {"crate", 3}, {"package", 1}, {"upstream", 2}, {"dependency", 2}}},
      {"oracle", {{"architecture", 3}, {"design", 1}, {"security", 2}, {"debug", 1}, {"tradeoffs", 3}, {"performance", 1}, {"deadlock", 2}}}};
  return kRules;
}

bool holds(const std::vector<std::string>& list, std::string_view id) { return std::ranges::find(list, id) != list.end(); }

bool can_follow(const std::vector<std::string>& candidates, const std::string& id) { return id == "direct" || holds(candidates, id); }

/// Names a model may use for the primary agent doing it itself.
std::string settled_name(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::erase(name, '_');
  return name == "self" || name == "sisyphus" ? "direct" : name;
}

}  // namespace

Delegation delegate_by_words(std::string_view task, const std::vector<std::string>& candidates) {
  const auto words = words_of(task);
  Delegation out{.refinement = std::string(cut_utf8(task, 4096)),
                 .deliverables = "a report of what was done and found",
                 .confidence = kRuleConfidence,
                 .reason = "no rule speaks of anybody else",
                 .source = "rules"};
  int best = 0;
  int second = 0;
  std::string runner_up = "direct";
  for (const Rule& rule : rules()) {
    if (!holds(candidates, rule.agent)) continue;
    int score = 0;
    for (const Hint& hint : rule.hints)
      if (words.contains(std::string(hint.word))) score += hint.weight;
    if (score > best) {
      if (best > 0) runner_up = out.assigned;
      second = best;
      best = score;
      out.assigned = rule.agent;
      out.reason = fmt::format("the task's words speak of {}", rule.agent);
    } else if (score > second) {
      second = score;
      runner_up = rule.agent;
    }
  }
  out.fallback = out.assigned == "direct" ? "direct" : runner_up;
  return out;
}

std::vector<std::string> candidates_in(const Value& available_agents) {
  std::vector<std::string> out;
  if (!available_agents.is_array()) return out;
  for (const Value& agent : available_agents) {
    std::string id = agent.is_string() ? agent.get<std::string>() : base::json::string_or(agent, "id");
    if (!id.empty()) out.push_back(std::move(id));
  }
  return out;
}

Value delegate_by_rules(const Value& inputs) {
  const Delegation ruled = delegate_by_words(base::json::string_or(inputs, "task_description"),
                                             candidates_in(inputs.value("available_agents", Value::array())));
  return {{"assigned_agent", ruled.assigned},
          {"task_refinement", ruled.refinement.empty() ? "nothing was asked" : ruled.refinement},
          {"expected_deliverables", ruled.deliverables},
          {"fallback_agent", ruled.fallback},
          {"confidence", ruled.confidence},
          {"reason", ruled.reason}};
}

Delegation settle_delegation(const Value& inputs, const Value& outputs, bool by_model) {
  const auto candidates = candidates_in(inputs.value("available_agents", Value::array()));
  Delegation chosen{.assigned = settled_name(base::json::string_or(outputs, "assigned_agent")),
                    .refinement = base::json::string_or(outputs, "task_refinement"),
                    .deliverables = base::json::string_or(outputs, "expected_deliverables"),
                    .fallback = settled_name(base::json::string_or(outputs, "fallback_agent")),
                    .confidence = outputs.value("confidence", 0.0),
                    .reason = base::json::string_or(outputs, "reason"),
                    .source = by_model ? "model" : "rules"};
  if (!by_model) return chosen;
  std::string why;
  if (chosen.confidence <= kSureEnough)
    why = "the model was not sure";
  else if (!can_follow(candidates, chosen.assigned))
    why = "the model chose an agent that is not available";
  if (!why.empty()) {
    Delegation ruled = delegate_by_words(base::json::string_or(inputs, "task_description"), candidates);
    ruled.reason = why + "; " + ruled.reason;
    return ruled;
  }
  if (chosen.fallback == chosen.assigned || !can_follow(candidates, chosen.fallback)) chosen.fallback = "direct";
  return chosen;
}

}  // namespace orchestration
