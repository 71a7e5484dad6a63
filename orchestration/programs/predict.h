// Predict: one program, asked once — from the kept answers, else a model and its repairs, else the fallback.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "orchestration/llm/caller.h"
#include "orchestration/programs/program.h"
#include "orchestration/programs/render.h"
#include "storage/answers.h"

namespace orchestration {

enum class AnswerSource { kModel, kKept, kFallback };
std::string_view answer_source_name(AnswerSource source);

struct Answer {
  base::json::Value values;  ///< by output field; complete
  std::string reasoning;     ///< taken out of the values: nobody else reads it
  AnswerSource source = AnswerSource::kModel;
  std::string backend, model;
  std::uint32_t calls = 0;   ///< model turns, repairs included
  Usage usage;
  std::vector<FieldIssue> issues;  ///< of the last answer that could not be used, when the fallback stands in
  std::string why;           ///< kFallback: why no model's answer is used
};

/// What one run may differ in.
struct RunOptions {
  std::optional<double> temperature;  ///< unset: the backend's own, except that the last repair is at 0
  std::optional<std::uint64_t> seed;
  std::optional<std::string> agent;   ///< whose route answers, instead of the signature's
  bool keep = false;                  ///< keep the answer at any temperature, and of any program
  bool fall_back = true;              ///< else an answer that cannot be had is an error
  std::uint32_t max_repairs = 2;
  std::chrono::milliseconds patience{600'000};  ///< of each model turn
  std::string advice;                 ///< added below the instruction, from another module
};

/// Everything outlives the runner.
struct RunnerDeps {
  ModelCallerDeps caller;
  storage::Answers* answers = nullptr;  ///< nullptr: nothing is kept
  const base::Clock& clock;
  base::Rng& rng;
};

/// Asks programs on behalf of one session. App thread.
class Runner {
 public:
  struct Origin {
    std::string session;  ///< the ledger counts model turns in it
    std::string tick;
    std::string primary = "sisyphus";  ///< whose route answers programs that belong to no agent
    std::string purpose = "";  ///< letters: tells its turns from others that the ledger has of the session
  };
  /// What all runs together may use; money is the ledger's business. A turn beyond it is kLimit.
  struct Allowance {
    std::uint32_t turns = UINT32_MAX;
    std::uint64_t tokens = UINT64_MAX;
    std::optional<std::chrono::steady_clock::time_point> until;
  };
  Runner(RunnerDeps deps, Origin origin) : deps_(deps), origin_(std::move(origin)) {}

  /// kInvalid when the inputs do not fit; kPeer when answers could not be used, after repairs; otherwise
  /// why no model answered. With a fallback these last two become its answer, marked as such.
  ///
  /// Every turn is reserved before and settled after, repairs too. An answer that was cut off is asked for
  /// again once with twice the room.
  base::Task<base::Result<Answer>> run(Program program, base::json::Value inputs, RunOptions options);

  void allow(Allowance allowance) { allowance_ = allowance; }
  std::uint32_t turns() const { return turns_; }
  std::uint64_t tokens() const { return tokens_; }

  /// Told of every run that ended with an answer of a model.
  std::function<void(const Signature&, const base::json::Value& inputs, const Answer&)> on_answer;

 private:
  struct Asked;
  base::Task<base::Result<Answer>> ask_model(Asked& asked);
  base::Task<base::Result<Reply>> turn(Asked& asked, std::vector<Message> messages, const Rendered& rendered,
                                       std::uint32_t max_tokens, std::optional<double> temperature);
  std::optional<Answer> kept(const Asked& asked);
  void keep(const Asked& asked, const Answer& answer);
  std::string fresh_suffix();
  base::Result<void> check_allowance() const;

  RunnerDeps deps_;
  Origin origin_;
  Allowance allowance_;
  std::uint32_t turns_ = 0;
  std::uint64_t tokens_ = 0;
};

/// What an answer is kept under: everything that could have changed it.
nostr::Sha256 answer_key(const Signature& signature, const base::json::Value& inputs, const std::string& backend,
                         const std::string& model, const RunOptions& options);

}  // namespace orchestration
