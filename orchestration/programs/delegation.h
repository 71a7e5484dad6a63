// Who does a task, by rules: what is done when no model is asked, or its choice cannot be followed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"

namespace orchestration {

struct Delegation {
  std::string assigned = "direct";
  std::string refinement;
  std::string deliverables;
  std::string fallback = "direct";
  double confidence = 0;
  std::string reason;
  std::string source;  ///< "model" or "rules"
};

/// By whole words, file endings and media, each worth so much; a tie goes to the agent named first in
/// the rules. Only `candidates` are chosen; when none fits the task is done directly. Pure.
Delegation delegate_by_words(std::string_view task, const std::vector<std::string>& candidates);

/// The same as outputs of the program `delegation`.
base::json::Value delegate_by_rules(const base::json::Value& inputs);

/// Ids in `available_agents`: a list of texts, or of objects with an `id`.
std::vector<std::string> candidates_in(const base::json::Value& available_agents);

/// A model's choice if it can be followed: sure enough (over 0.5), both agents among the candidates or
/// "direct", and the second not the first (then it is direct). Otherwise the rules', with the reason.
Delegation settle_delegation(const base::json::Value& inputs, const base::json::Value& outputs, bool by_model);

}  // namespace orchestration
