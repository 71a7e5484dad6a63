// The loop around attempts. Hooks gate and pay; the backend only speaks.
#include "orchestration/llm/caller.h"

#include <algorithm>
#include <map>

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

namespace {

/// What a turn remembers of one backend.
struct Tried {
  std::uint32_t attempts = 0;
  bool given_up = false;
  RouterTime ready{};
};

/// One turn on its way.
struct Turn {
  ModelCallerDeps deps;
  ModelTurn asked;
  Needs needs;
  RouterTime start = std::chrono::steady_clock::now();
  std::map<std::string, Tried> tried;
  std::optional<ModelFailure> last;
  std::uint32_t attempts = 0;
  std::uint32_t round = 0;  ///< every backend gets one attempt in each
  bool over = false;  ///< the last failure is final for the whole turn

  milliseconds remaining() const { return asked.budget - since(start); }
};

std::optional<Rejection> passed_over(const Turn& turn, const std::string& id, RouterTime now) {
  const auto found = turn.tried.find(id);
  if (found == turn.tried.end()) return std::nullopt;
  if (found->second.given_up) return Rejection{id, "given up in this turn", std::nullopt};
  if (found->second.ready > now || found->second.attempts > turn.round)
    return Rejection{id, "waits before it is asked again", found->second.ready};
  return std::nullopt;
}

base::Error nobody(const Turn& turn, const std::vector<Rejection>& rejected) {
  if (turn.last) return final_error(*turn.last, turn.attempts);
  std::string why;
  for (const Rejection& one : rejected) why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", one.backend, one.why);
  const bool too_long = std::any_of(rejected.begin(), rejected.end(), [](const Rejection& one) { return one.too_long; });
  return {too_long ? base::Errc::kInvalid : base::Errc::kUnavailable, "no backend can answer: " + (why.empty() ? "none is on the route" : why),
          "sovereign backend list"};
}

/// How long until one of them may be asked, if that is before the turn's time is up.
std::optional<milliseconds> shortest_wait(const Turn& turn, const std::vector<Rejection>& rejected, RouterTime now) {
  std::optional<RouterTime> soonest;
  for (const Rejection& one : rejected)
    if (one.until && (!soonest || *one.until < *soonest)) soonest = one.until;
  if (!soonest) return std::nullopt;
  const auto wait = std::chrono::ceil<milliseconds>(*soonest - now);
  if (wait >= turn.remaining()) return std::nullopt;
  return std::max(wait, milliseconds{0});
}

void note_failure(Turn& turn, const Router::Lease& lease, const ModelFailure& failure) {
  Tried& tried = turn.tried[lease.backend().id()];
  const auto delay = retry_delay(turn.deps.retry, failure, tried.attempts, turn.remaining(), turn.deps.rng);
  tried.given_up = !delay;
  if (delay) tried.ready = std::chrono::steady_clock::now() + *delay;
  if (failure.fault == ModelFault::kRefused) turn.over = true;
  if (failure.fault == ModelFault::kContextTooLong) {
    // Only a window known to be wider is worth another try.
    turn.needs.wider_than = std::max(turn.needs.wider_than, lease.supports().context_tokens);
    if (turn.needs.wider_than == 0) turn.over = true;
  }
  LOG(kWarn, "llm", "attempt failed",
      {{"backend", lease.backend().id()},
       {"fault", std::string(model_fault_name(failure.fault))},
       {"attempt", fmt::to_string(tried.attempts)},
       {"retry_ms", delay ? fmt::to_string(delay->count()) : "never"}});
}

/// One attempt, with everything that has to stand around it. A value without a reply: it failed.
base::Task<base::Result<std::optional<Reply>>> attempt(Turn& turn, Router::Lease lease) {
  Backend& backend = lease.backend();
  ++turn.attempts;
  ++turn.tried[backend.id()].attempts;
  Request request = turn.asked.request;
  request.timeout = std::min({request.timeout, lease.timeout(), turn.remaining()});
  const ModelCall call{.session = turn.asked.session,
                       .tick = turn.asked.tick,
                       .agent = turn.asked.agent,
                       .call_key = fmt::format("{}:{}{}:{}", turn.asked.session, turn.asked.turn, turn.asked.purpose, turn.attempts),
                       .backend = &backend,
                       .request = &turn.asked.request};
  const Ruling ruling = turn.deps.hooks.decide(call);
  if (ruling.verdict != Decision::Verdict::kContinue)
    co_return base::fail(base::Errc::kDenied, "model call refused: " + ruling.text());
  CO_TRY(turn.deps.hooks.reserve(call));

  auto outcome = co_await backend.complete(std::move(request));

  const Charge charge = outcome ? Charge{outcome->usage}
                                : Charge{outcome.error().usage, outcome.error().cost_unknown};
  CO_TRY(turn.deps.hooks.settle(call, charge));
  if (outcome) {
    lease.succeeded(outcome->usage);
    outcome->backend = backend.id();
    outcome->model = backend.model();
    turn.deps.hooks.after(call, *outcome);
    co_return std::optional<Reply>(std::move(*outcome));
  }
  turn.last = std::move(outcome).error();
  lease.failed(*turn.last, turn.needs, std::chrono::steady_clock::now());
  note_failure(turn, lease, *turn.last);
  co_return std::optional<Reply>{};
}

}  // namespace

base::Task<base::Result<Reply>> call_model(ModelCallerDeps deps, ModelTurn asked) {
  Turn turn{.deps = deps, .asked = std::move(asked)};
  turn.needs = needs_of(turn.asked.request);
  while (!turn.over) {
    if (turn.remaining() <= milliseconds::zero())
      co_return base::fail(base::Errc::kTimeout,
                           fmt::format("the model had {} ms and used them up", turn.asked.budget.count()));
    const RouterTime now = std::chrono::steady_clock::now();
    Router::Choice choice = deps.router.choose(
        turn.asked.agent, turn.needs, now, [&](const std::string& id) { return passed_over(turn, id, now); });
    if (choice.lease) {
      CO_TRY(std::optional<Reply> reply, co_await attempt(turn, *std::move(choice.lease)));
      if (reply) co_return *std::move(reply);
      continue;
    }
    const auto wait = shortest_wait(turn, choice.rejected, now);
    if (!wait) co_return std::unexpected(nobody(turn, choice.rejected));
    ++turn.round;
    co_await base::sleep_for(*wait);
  }
  co_return std::unexpected(final_error(*turn.last, turn.attempts));
}

}  // namespace orchestration
