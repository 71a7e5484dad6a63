// Evaluate: one program over many examples. An example that fails scores 0 and stops nothing.
#pragma once

#include <string>
#include <vector>

#include "orchestration/programs/metric.h"
#include "orchestration/programs/modules.h"

namespace orchestration {

struct Scored {
  double score = 0;
  AnswerSource source = AnswerSource::kModel;
  std::string error;            ///< why there was no answer
  base::json::Value outputs;
  std::string reasoning;
};

struct Evaluation {
  std::vector<Scored> rows;     ///< in the order of the examples; shorter when stopped
  double mean = 0;              ///< over all examples asked for, those never reached count 0
  std::size_t failed = 0;
  std::size_t by_rule = 0;
  bool stopped = false;         ///< what the run was allowed is used up
};

/// Temperature 0, answers kept: what was asked before is not asked again, so a run that was stopped goes on
/// where it was.
base::Task<Evaluation> evaluate(Runner& runner, Program program, std::vector<Example> examples, Metric metric, RunOptions options);

/// The options evaluations and optimisers ask with.
RunOptions measured(std::uint64_t seed);

}  // namespace orchestration
