// One model turn: choose a backend, gate, reserve, attempt, settle; then another one, or back off and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "nostr/base/rng.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/llm/router.h"

namespace orchestration {

struct RetryPolicy {
  std::uint32_t max_attempts = 4;  ///< of one backend in one turn
  std::chrono::milliseconds first_delay{1'000};
  std::chrono::milliseconds max_delay{30'000};
};

bool is_retryable(ModelFault fault);

/// How long to wait before attempt `attempt + 1` (attempts count from 1): the server's wish if it
/// named one, else doubling with full jitter. nullopt when it makes no sense: fault not retryable,
/// attempts used up, or the wait does not fit into `remaining`. Pure.
std::optional<std::chrono::milliseconds> retry_delay(const RetryPolicy& policy, const ModelFailure& failure,
                                                     std::uint32_t attempt,
                                                     std::chrono::milliseconds remaining, base::Rng& rng);

struct ModelTurn {
  std::string session;
  std::string tick;
  std::string agent;
  std::uint32_t turn = 0;
  std::string purpose;  ///< tells calls of one turn apart in the ledger; letters
  Request request;
  std::chrono::milliseconds budget{600'000};  ///< for all attempts and waits together
};

/// Everything lives longer than the coroutine.
struct ModelCallerDeps {
  Router& router;
  const HookChain& hooks;
  base::Rng& rng;
  RetryPolicy retry;
};

/// One reply, or why there is none: kDenied (a hook or the provider refused), kLimit (the budget),
/// kInvalid (the conversation is too long for every model on the route), kTimeout, kUnavailable (no backend
/// can answer, or all were given up after retries), kPeer. Every attempt is reserved before and settled
/// after, also when it failed, at the rates of the backend that makes it.
///
/// A backend that fails makes way for the next on the route; when none is left the shortest wait that was
/// asked for is kept, and the round begins again. A request that one server finds wrong (kRefused) is asked
/// of no other; one that is too long only of those with a wider window.
base::Task<base::Result<Reply>> call_model(ModelCallerDeps deps, ModelTurn turn);

}  // namespace orchestration
