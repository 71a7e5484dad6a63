// Optimise: find demos or an instruction that score better than what is in use. Seeded, bounded by the
// runner's allowance and the ledger, and never worse: a gain that is not clear changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestration/programs/evaluate.h"

namespace orchestration {

enum class Optimiser {
  kBootstrap,     ///< the program's own good answers, and known ones, become demos
  kInstructions,  ///< a model writes other instructions; the best of them by halving
};
std::string_view optimiser_name(Optimiser optimiser);
base::Result<Optimiser> parse_optimiser(std::string_view name);

struct OptimiseOptions {
  Optimiser optimiser = Optimiser::kBootstrap;
  std::uint64_t seed = 1;
  double threshold = 0.8;         ///< from which score on an answer may be a demo
  std::size_t bootstrapped = 4;   ///< demos of own answers, at most
  std::size_t labelled = 8;       ///< demos of known answers, at most
  std::size_t candidates = 8;     ///< sets of demos, or instructions
  double gain = 0.02;             ///< what a newcomer must be better by
  std::size_t least_examples = 30;  ///< validation examples without which nothing changes
  std::optional<std::string> teacher;  ///< agent whose route gives the answers that become demos
};

struct Trial {
  std::string what;   ///< "3 demos", or the beginning of the instruction
  double score = 0;
  std::size_t examples = 0;
};

struct Optimised {
  std::optional<Signature> better;  ///< nothing: the incumbent stays
  std::string why;
  double before = 0;
  double after = 0;   ///< of the best candidate
  std::size_t validation = 0;
  std::vector<Trial> trials;
  bool stopped = false;  ///< the allowance ended it; asking again goes on from there
};

/// kInvalid when there is nothing to learn from or to compare on.
base::Task<base::Result<Optimised>> optimise(Runner& runner, Program program, Split data, Metric metric, OptimiseOptions options);

}  // namespace orchestration
