// The template half of workers.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "nostr/base/workers.h"

namespace base {
namespace detail {

/// Runs `fn` on a worker and resumes on the loop once it has returned.
Task<void> run_on(Loop& loop, Workers& workers, std::function<void()> fn);

}  // namespace detail

template <class T>
Task<T> offload(Loop& loop, Workers& workers, std::function<T()> fn) {
  if constexpr (std::is_void_v<T>) {
    co_await detail::run_on(loop, workers, std::move(fn));
  } else {
    // The frame outlives `fn`: run_on returns only after it.
    std::optional<T> out;
    std::function<void()> body = [&out, &fn] { out.emplace(fn()); };
    co_await detail::run_on(loop, workers, std::move(body));
    co_return *std::move(out);
  }
}

}  // namespace base
