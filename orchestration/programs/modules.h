// Modules: ways to ask — once, thinking aloud, again until it is good, several times for the best, or one
// after the other until somebody answers.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "orchestration/programs/predict.h"

namespace orchestration {

/// How good an answer is, from 0 to 1. Pure.
using Judge = std::function<double(const base::json::Value& inputs, const base::json::Value& outputs)>;

class Module {
 public:
  virtual ~Module() = default;
  /// `options` are the caller's wishes; a module changes seed, temperature and advice where it must.
  virtual base::Task<base::Result<Answer>> run(base::json::Value inputs, RunOptions options) = 0;
};

/// One question.
std::unique_ptr<Module> predict(Runner& runner, Program program);
/// One question whose answer begins with its reasoning.
std::unique_ptr<Module> chain_of_thought(Runner& runner, Program program);

struct RefineOptions {
  std::uint32_t attempts = 3;
  double threshold = 0.5;  ///< good enough; of worse ones the best counts if it has half of it
};
/// Asks again, saying how the last answer did, until one is good enough. kPeer when none has half.
std::unique_ptr<Module> refine(std::unique_ptr<Module> inner, Judge judge, RefineOptions options);
/// Asks `samples` times with seeds of their own; the best answer, the first of equals.
std::unique_ptr<Module> best_of(std::unique_ptr<Module> inner, Judge judge, std::uint32_t samples);
/// The first that a model answers; when none does, the last one's answer, fallback or error.
std::unique_ptr<Module> first_of(std::vector<std::unique_ptr<Module>> inner);
/// `inner`, answered by the route of `agent`: what first_of() chains backends with.
std::unique_ptr<Module> on_route(std::unique_ptr<Module> inner, std::string agent);

}  // namespace orchestration
