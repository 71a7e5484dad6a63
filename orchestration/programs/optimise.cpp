// Candidates are made in two ways; comparing them is one.
#include "orchestration/programs/optimise.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/names.h"
#include "orchestration/programs/catalogue_parts.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr Name<Optimiser> kOptimisers[] = {{Optimiser::kBootstrap, "bootstrap"}, {Optimiser::kInstructions, "instructions"}};
constexpr std::size_t kShownFailures = 5;
constexpr std::size_t kFirstRound = 8;  ///< examples the first halving is judged by

template <class T>
void shuffle(std::vector<T>& items, base::Rng& rng) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.below(i)]);
}

Demo demo_of(const Signature& signature, const Example& example, const Value& outputs, const std::string& reasoning) {
  Demo out{example.inputs, outputs};
  const bool thinks = signature.outputs.front().name == kReasoning;
  if (thinks && !reasoning.empty()) out.outputs[std::string(kReasoning)] = reasoning;
  return out;
}

bool is_sound(Signature signature, const Demo& demo) {
  signature.demos = {demo};
  return check(signature).has_value();
}

/// What a search works with; lives in optimise()'s frame.
struct Search {
  Runner& runner;
  Program program;
  Split data;
  Metric metric;
  OptimiseOptions options;
  base::SeededRng rng;
  Optimised out;

  RunOptions asking() const { return measured(options.seed); }
};

Task<double> score(Search& search, Signature signature, std::vector<Example> examples, std::string what) {
  Program candidate = search.program;
  candidate.signature = std::move(signature);
  const Evaluation made = co_await evaluate(search.runner, std::move(candidate), examples, search.metric, search.asking());
  search.out.stopped = search.out.stopped || made.stopped;
  search.out.trials.push_back({std::move(what), made.mean, made.rows.size()});
  co_return made.mean;
}

/// The program's own answers that were good.
Task<std::vector<Demo>> bootstrapped(Search& search) {
  std::vector<Demo> out;
  RunOptions asking = search.asking();
  asking.agent = search.options.teacher;
  std::vector<Example> order = search.data.train;
  shuffle(order, search.rng);
  for (const Example& example : order) {
    if (out.size() >= search.options.bootstrapped * 4) break;
    auto answer = co_await search.runner.run(search.program, example.inputs, asking);
    if (!answer && answer.error().code == Errc::kLimit) {
      search.out.stopped = true;
      break;
    }
    if (!answer || search.metric(example, answer->values) < search.options.threshold) continue;
    Demo demo = demo_of(search.program.signature, example, answer->values, answer->reasoning);
    if (is_sound(search.program.signature, demo)) out.push_back(std::move(demo));
  }
  co_return out;
}

/// Examples whose outputs are known in full.
std::vector<Demo> labelled(const Search& search) {
  std::vector<Demo> out;
  for (const Example& example : search.data.train) {
    Demo demo{example.inputs, example.outputs};
    if (is_sound(search.program.signature, demo)) out.push_back(std::move(demo));
  }
  return out;
}

template <class T>
std::vector<T> some_of(std::vector<T> pool, std::size_t most, base::Rng& rng) {
  shuffle(pool, rng);
  const std::size_t count = pool.empty() || most == 0 ? 0 : 1 + rng.below(std::min(most, pool.size()));
  pool.resize(std::min(count, pool.size()));
  return pool;
}

Task<std::vector<Signature>> demo_candidates(Search& search) {
  const std::vector<Demo> own = co_await bootstrapped(search);
  const std::vector<Demo> known = labelled(search);
  std::vector<Signature> out;
  for (std::size_t i = 0; i < search.options.candidates; ++i) {
    Signature candidate = search.program.signature;
    candidate.demos = some_of(own, search.options.bootstrapped, search.rng);
    for (Demo& demo : some_of(known, search.options.labelled, search.rng)) {
      const bool there = std::ranges::any_of(candidate.demos, [&](const Demo& one) { return one.inputs == demo.inputs; });
      if (!there) candidate.demos.push_back(std::move(demo));
    }
    const bool seen = std::ranges::any_of(out, [&](const Signature& one) { return one.demos == candidate.demos; });
    if (!candidate.demos.empty() && !seen) out.push_back(std::move(candidate));
  }
  co_return out;
}

Program proposer() {
  return {.signature = {.id = "instruction-proposal",
                        .instruction = "Write a better instruction for the task. Keep to what the task is; say plainly what the failures "
                                       "show was missed. It must hold for inputs that are not shown.",
                        .inputs = {text("current_instruction", "the instruction in use", kMaxInstruction),
                                   text("failures", "inputs, what was answered, what was wanted", 16384, false),
                                   text("variant", "which proposal this is", 64)},
                        .outputs = {text("instruction", "the new instruction", kMaxInstruction)},
                        .max_output_tokens = 1500},
          .fallback = {},
          .about = "another instruction"};
}

std::string failures_in(const Search& search, const Evaluation& seen) {
  std::string out;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < seen.rows.size() && shown < kShownFailures; ++i) {
    const Scored& row = seen.rows[i];
    if (row.score >= search.options.threshold) continue;
    ++shown;
    const Example& example = search.data.train[i];
    out += fmt::format("inputs: {}\nanswered: {}\nwanted: {}\n\n", cut_utf8(base::json::dump(example.inputs), 1000),
                       row.error.empty() ? std::string(cut_utf8(base::json::dump(row.outputs), 600)) : row.error,
                       cut_utf8(base::json::dump(example.outputs), 600));
  }
  return out;
}

Task<std::vector<Signature>> proposed(Search& search) {
  std::vector<Example> first(search.data.train.begin(),
                             search.data.train.begin() + static_cast<std::ptrdiff_t>(std::min(kFirstRound, search.data.train.size())));
  const Evaluation seen = co_await evaluate(search.runner, search.program, std::move(first), search.metric, search.asking());
  search.out.stopped = search.out.stopped || seen.stopped;
  const std::string failures = failures_in(search, seen);
  std::vector<Signature> out;
  for (std::size_t i = 0; i < search.options.candidates && !search.out.stopped; ++i) {
    RunOptions asking = measured(search.options.seed + i);
    asking.temperature = 1.0;
    const Value inputs = {{"current_instruction", search.program.signature.instruction}, {"failures", failures}, {"variant", fmt::to_string(i + 1)}};
    auto answer = co_await search.runner.run(proposer(), inputs, asking);
    if (!answer) {
      search.out.stopped = answer.error().code == Errc::kLimit;
      continue;
    }
    Signature candidate = search.program.signature;
    candidate.instruction = base::json::string_or(answer->values, "instruction");
    const bool seen_before = candidate.instruction == search.program.signature.instruction ||
                             std::ranges::any_of(out, [&](const Signature& one) { return one.instruction == candidate.instruction; });
    if (!seen_before && check(candidate)) out.push_back(std::move(candidate));
  }
  co_return out;
}

/// Halves the field by more and more training examples until two are left for the validation.
Task<std::vector<Signature>> instruction_candidates(Search& search) {
  std::vector<Signature> field = co_await proposed(search);
  for (std::size_t size = kFirstRound; field.size() > 2 && !search.out.stopped; size *= 2) {
    const auto end = search.data.train.begin() + static_cast<std::ptrdiff_t>(std::min(size, search.data.train.size()));
    const std::vector<Example> examples(search.data.train.begin(), end);
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < field.size(); ++i)
      order.emplace_back(-co_await score(search, field[i], examples, std::string(cut_utf8(field[i].instruction, 60))), i);
    std::ranges::sort(order);
    std::vector<Signature> left;
    for (std::size_t i = 0; i < (order.size() + 1) / 2; ++i) left.push_back(field[order[i].second]);
    field = std::move(left);
  }
  co_return field;
}

std::string label(const Search& search, const Signature& candidate) {
  return search.options.optimiser == Optimiser::kBootstrap ? fmt::format("{} demos", candidate.demos.size())
                                                           : std::string(cut_utf8(candidate.instruction, 60));
}

std::string verdict(const Search& search) {
  const Optimised& out = search.out;
  if (out.stopped) return "what was allowed is used up; run it again to go on";
  if (out.validation < search.options.least_examples)
    return fmt::format("{} validation examples, {} are needed", out.validation, search.options.least_examples);
  return fmt::format("the best candidate scores {:.3f}, the program in use {:.3f}; {:.3f} more is needed", out.after, out.before, search.options.gain);
}

}  // namespace

std::string_view optimiser_name(Optimiser optimiser) { return name_in(kOptimisers, optimiser); }
Result<Optimiser> parse_optimiser(std::string_view name) { return value_in(kOptimisers, name, "optimiser"); }

Task<Result<Optimised>> optimise(Runner& runner, Program program, Split data, Metric metric, OptimiseOptions options) {
  if (data.train.empty() || data.validation.empty())
    co_return base::fail(Errc::kInvalid, fmt::format("{} examples to learn from, {} to compare on", data.train.size(), data.validation.size()),
                         "give more examples: a fifth of them is kept for comparing");
  Search search{.runner = runner, .program = std::move(program), .data = std::move(data), .metric = std::move(metric), .options = options, .rng = base::SeededRng(options.seed), .out = {}};
  search.out.validation = search.data.validation.size();
  search.out.before = co_await score(search, search.program.signature, search.data.validation, "in use");
  std::vector<Signature> candidates;
  if (!search.out.stopped)
    candidates = options.optimiser == Optimiser::kBootstrap ? co_await demo_candidates(search) : co_await instruction_candidates(search);
  std::optional<Signature> best;
  for (Signature& candidate : candidates) {
    if (search.out.stopped) break;
    const double made = co_await score(search, candidate, search.data.validation, label(search, candidate));
    if (search.out.stopped || (best && made <= search.out.after)) continue;
    search.out.after = made;
    best = std::move(candidate);
  }
  const bool enough = search.out.validation >= options.least_examples;
  if (best && enough && !search.out.stopped && search.out.after >= search.out.before + options.gain)
    search.out.better = std::move(best);
  else
    search.out.why = best || search.out.stopped ? verdict(search) : "no candidate could be made";
  co_return std::move(search.out);
}

}  // namespace orchestration
