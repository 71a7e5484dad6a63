// Program: a signature, and what stands in for a model's answer. The catalogue holds the built-in ones.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "orchestration/programs/signature.h"

namespace orchestration {

/// A pure answer from the inputs alone; its values fit the signature.
using Fallback = std::function<base::json::Value(const base::json::Value& inputs)>;

struct Program {
  Signature signature;
  Fallback fallback;  ///< empty: without a model there is no answer
  std::string about;  ///< one line
};

/// The fifteen every node has: one for each of the seven agents, four for directives and issues, four for
/// skills.
const std::vector<Program>& builtin_programs();

/// kNotFound with the nearest id.
base::Result<const Program*> find_program(std::string_view id);

}  // namespace orchestration
