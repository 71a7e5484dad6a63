#include "orchestration/programs/evaluate.h"

namespace orchestration {

base::Task<Evaluation> evaluate(Runner& runner, Program program, std::vector<Example> examples, Metric metric, RunOptions options) {
  Evaluation out;
  double sum = 0;
  for (const Example& example : examples) {
    auto answer = co_await runner.run(program, example.inputs, options);
    if (!answer && answer.error().code == base::Errc::kLimit) {
      out.stopped = true;
      break;
    }
    Scored row;
    if (!answer) {
      row.error = answer.error().detail;
      ++out.failed;
    } else {
      row.score = metric(example, answer->values);
      row.source = answer->source;
      row.outputs = std::move(answer->values);
      row.reasoning = std::move(answer->reasoning);
      if (row.source == AnswerSource::kFallback) ++out.by_rule;
    }
    sum += row.score;
    out.rows.push_back(std::move(row));
  }
  if (!examples.empty()) out.mean = sum / static_cast<double>(examples.size());
  co_return out;
}

RunOptions measured(std::uint64_t seed) {
  return {.temperature = 0.0, .seed = seed, .keep = true, .fall_back = false};
}

}  // namespace orchestration
