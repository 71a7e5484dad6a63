// The loop around attempts. Hooks gate and pay; the backend only speaks.
#include "orchestration/llm/caller.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "nostr/base/loop.h"

namespace orchestration {
namespace {

using std::chrono::milliseconds;

base::Error final_error(const ModelFailure& failure, std::uint32_t attempts) {
  base::Errc code = base::Errc::kUnavailable;
  switch (failure.fault) {
    case ModelFault::kTransport:
    case ModelFault::kRateLimited:
    case ModelFault::kServer:
    case ModelFault::kTruncated:
      code = base::Errc::kUnavailable;
      break;
    case ModelFault::kProtocol:
      code = base::Errc::kPeer;
      break;
    case ModelFault::kTimeout:
      code = base::Errc::kTimeout;
      break;
    case ModelFault::kContextTooLong:
      code = base::Errc::kInvalid;
      break;
    case ModelFault::kRefused:
    case ModelFault::kUnauthorised:
    case ModelFault::kUnsupported:
      code = base::Errc::kDenied;
      break;
  }
  return {code,
          fmt::format("model {} after {} attempt{}: {}", model_fault_name(failure.fault), attempts,
                      attempts == 1 ? "" : "s", failure.error.detail),
          failure.error.hint};
}

milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace

bool is_retryable(ModelFault fault) {
  switch (fault) {
    case ModelFault::kTransport:
    case ModelFault::kRateLimited:
    case ModelFault::kServer:
    case ModelFault::kTruncated:
    case ModelFault::kProtocol:
    case ModelFault::kTimeout:
      return true;
    case ModelFault::kContextTooLong:
    case ModelFault::kRefused:
    case ModelFault::kUnauthorised:
    case ModelFault::kUnsupported:
      return false;
  }
  return false;
}

std::optional<milliseconds> retry_delay(const RetryPolicy& policy, const ModelFailure& failure,
                                        std::uint32_t attempt, milliseconds remaining,
                                        base::Rng& rng) {
  if (!is_retryable(failure.fault) || attempt >= policy.max_attempts) return std::nullopt;
  milliseconds delay;
  if (failure.retry_after) {
    delay = *failure.retry_after;
  } else {
    milliseconds ceiling = policy.first_delay;
    for (std::uint32_t i = 1; i < attempt && ceiling < policy.max_delay; ++i) ceiling *= 2;
    ceiling = std::min(ceiling, policy.max_delay);
    delay = milliseconds{static_cast<std::int64_t>(
        rng.below(static_cast<std::uint64_t>(std::max<std::int64_t>(ceiling.count(), 0)) + 1))};
  }
  if (delay >= remaining) return std::nullopt;
  return delay;
}

base::Task<base::Result<Reply>> call_model(ModelCallerDeps deps, ModelTurn turn) {
  const auto start = std::chrono::steady_clock::now();
  for (std::uint32_t attempt = 1;; ++attempt) {
    const milliseconds remaining = turn.budget - since(start);
    if (remaining <= milliseconds::zero())
      co_return base::fail(base::Errc::kTimeout, fmt::format("the model had {} ms and used them up",
                                                             turn.budget.count()));
    Request request = turn.request;
    request.timeout = std::min(request.timeout, remaining);
    const ModelCall call{.session = turn.session,
                         .tick = turn.tick,
                         .agent = turn.agent,
                         .call_key = fmt::format("{}:{}:{}", turn.session, turn.turn, attempt),
                         .backend = &deps.backend,
                         .request = &turn.request};
    const Ruling ruling = deps.hooks.decide(call);
    if (ruling.verdict != Decision::Verdict::kContinue)
      co_return base::fail(base::Errc::kDenied, "model call refused: " + ruling.text());
    CO_TRY(deps.hooks.reserve(call));

    auto outcome = co_await deps.backend.complete(std::move(request));

    const Charge charge = outcome ? Charge{outcome->usage}
                                  : Charge{outcome.error().usage, outcome.error().cost_unknown};
    CO_TRY(deps.hooks.settle(call, charge));
    if (outcome) {
      deps.hooks.after(call, *outcome);
      co_return std::move(*outcome);
    }
    const ModelFailure& failure = outcome.error();
    const auto delay =
        retry_delay(deps.retry, failure, attempt, turn.budget - since(start), deps.rng);
    LOG(kWarn, "llm", "attempt failed",
        {{"backend", deps.backend.id()},
         {"fault", std::string(model_fault_name(failure.fault))},
         {"attempt", fmt::to_string(attempt)},
         {"retry_ms", delay ? fmt::to_string(delay->count()) : "never"}});
    if (!delay) co_return std::unexpected(final_error(failure, attempt));
    co_await base::sleep_for(*delay);
  }
}

}  // namespace orchestration
