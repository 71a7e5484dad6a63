#include "orchestration/programs/modules.h"

#include <algorithm>

#include <fmt/format.h>

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::uint32_t kMostSamples = 16;
/// Samples that are to differ need some chance.
constexpr double kSampleTemperature = 0.7;

/// Calls and tokens of all attempts belong to the answer that comes of them.
void charge(Answer& to, const Answer& from) {
  to.calls += from.calls;
  to.usage.prompt_tokens += from.usage.prompt_tokens;
  to.usage.cached_tokens += from.usage.cached_tokens;
  to.usage.completion_tokens += from.usage.completion_tokens;
  to.usage.estimated = to.usage.estimated || from.usage.estimated;
}

class Predict final : public Module {
 public:
  Predict(Runner& runner, Program program) : runner_(runner), program_(std::move(program)) {}
  Task<Result<Answer>> run(Value inputs, RunOptions options) override {
    co_return co_await runner_.run(program_, std::move(inputs), std::move(options));
  }

 private:
  Runner& runner_;
  Program program_;
};

/// The best answer so far.
struct Best {
  std::optional<Answer> answer;
  double score = -1;
  Answer spent;
  std::optional<base::Error> error;

  void offer(Result<Answer> made, double score_of) {
    if (!made) {
      if (!error) error = made.error();
      return;
    }
    charge(spent, *made);
    if (score_of <= score) return;
    score = score_of;
    answer = *std::move(made);
  }
  Result<Answer> take() {
    if (!answer) return std::unexpected(*error);
    answer->calls = spent.calls;
    answer->usage = spent.usage;
    return *std::move(answer);
  }
};

RunOptions sampled(RunOptions options, std::uint32_t number) {
  options.seed = options.seed.value_or(0) + number;
  if (number > 0 && options.temperature.value_or(0) == 0) options.temperature = kSampleTemperature;
  return options;
}

class Refine final : public Module {
 public:
  Refine(std::unique_ptr<Module> inner, Judge judge, RefineOptions options)
      : inner_(std::move(inner)), judge_(std::move(judge)), options_(options) {}

  Task<Result<Answer>> run(Value inputs, RunOptions options) override {
    Best best;
    RunOptions next = options;
    const std::uint32_t attempts = std::clamp(options_.attempts, 1u, kMostSamples);
    for (std::uint32_t i = 0; i < attempts; ++i) {
      auto made = co_await inner_->run(inputs, next);
      const double score = made ? judge_(inputs, made->values) : 0;
      const bool rules = made && made->source == AnswerSource::kFallback;
      best.offer(std::move(made), score);
      // A rule says the same however often it is asked.
      if (score >= options_.threshold || rules) break;
      next = sampled(options, i + 1);
      next.advice = fmt::format("An earlier answer scored {:.2f} of 1; {:.2f} is needed. Answer differently and better.", score, options_.threshold);
    }
    if (best.answer && best.score < options_.threshold / 2)
      co_return base::fail(Errc::kPeer, fmt::format("the best of the answers scores {:.2f}, half of {:.2f} is needed", best.score, options_.threshold));
    co_return best.take();
  }

 private:
  std::unique_ptr<Module> inner_;
  Judge judge_;
  RefineOptions options_;
};

class BestOf final : public Module {
 public:
  BestOf(std::unique_ptr<Module> inner, Judge judge, std::uint32_t samples)
      : inner_(std::move(inner)), judge_(std::move(judge)), samples_(std::clamp(samples, 1u, kMostSamples)) {}

  Task<Result<Answer>> run(Value inputs, RunOptions options) override {
    Best best;
    for (std::uint32_t i = 0; i < samples_; ++i) {
      auto made = co_await inner_->run(inputs, sampled(options, i));
      const double score = made ? judge_(inputs, made->values) : 0;
      best.offer(std::move(made), score);
    }
    co_return best.take();
  }

 private:
  std::unique_ptr<Module> inner_;
  Judge judge_;
  std::uint32_t samples_;
};

class FirstOf final : public Module {
 public:
  explicit FirstOf(std::vector<std::unique_ptr<Module>> inner) : inner_(std::move(inner)) {}

  Task<Result<Answer>> run(Value inputs, RunOptions options) override {
    Answer spent;
    for (std::size_t i = 0; i < inner_.size(); ++i) {
      auto made = co_await inner_[i]->run(inputs, options);
      if (made) charge(spent, *made);
      const bool model = made && made->source != AnswerSource::kFallback;
      if (!model && i + 1 < inner_.size()) continue;
      if (made) {
        made->calls = spent.calls;
        made->usage = spent.usage;
      }
      co_return made;
    }
    co_return base::fail(Errc::kInvalid, "there is nobody to ask");
  }

 private:
  std::vector<std::unique_ptr<Module>> inner_;
};

class OnRoute final : public Module {
 public:
  OnRoute(std::unique_ptr<Module> inner, std::string agent) : inner_(std::move(inner)), agent_(std::move(agent)) {}
  Task<Result<Answer>> run(Value inputs, RunOptions options) override {
    options.agent = agent_;
    co_return co_await inner_->run(std::move(inputs), std::move(options));
  }

 private:
  std::unique_ptr<Module> inner_;
  std::string agent_;
};

}  // namespace

std::unique_ptr<Module> predict(Runner& runner, Program program) { return std::make_unique<Predict>(runner, std::move(program)); }

std::unique_ptr<Module> chain_of_thought(Runner& runner, Program program) {
  program.signature = with_reasoning(std::move(program.signature));
  if (program.fallback)
    program.fallback = [rule = std::move(program.fallback)](const Value& inputs) {
      Value out = rule(inputs);
      out[std::string(kReasoning)] = "by rule";
      return out;
    };
  return std::make_unique<Predict>(runner, std::move(program));
}

std::unique_ptr<Module> refine(std::unique_ptr<Module> inner, Judge judge, RefineOptions options) {
  return std::make_unique<Refine>(std::move(inner), std::move(judge), options);
}

std::unique_ptr<Module> best_of(std::unique_ptr<Module> inner, Judge judge, std::uint32_t samples) {
  return std::make_unique<BestOf>(std::move(inner), std::move(judge), samples);
}

std::unique_ptr<Module> first_of(std::vector<std::unique_ptr<Module>> inner) { return std::make_unique<FirstOf>(std::move(inner)); }

std::unique_ptr<Module> on_route(std::unique_ptr<Module> inner, std::string agent) {
  return std::make_unique<OnRoute>(std::move(inner), std::move(agent));
}

}  // namespace orchestration
