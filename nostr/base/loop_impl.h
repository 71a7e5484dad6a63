// The template halves of loop.h: thin wrappers that turn Task<T> into Task<void>, so that timers,
// groups and spawning are compiled once, in loop.cpp.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "nostr/base/loop.h"

namespace base {

/// Awaits `task` for at most `limit`: true when it ended in time. Otherwise it has been cancelled
/// and awaited. Exceptions of the task and a cancellation from outside propagate.
Task<bool> race_against_timer(std::chrono::milliseconds limit, Task<void> task);

namespace detail {

/// Keeps the value of `task` in `*out`, which the awaiting frame owns.
template <class T>
Task<void> store_into(Task<T> task, std::optional<T>* out) {
  out->emplace(co_await std::move(task));
}

Error timeout_error(const std::string& what, std::chrono::milliseconds limit);

}  // namespace detail

template <class T>
T Loop::run_until_complete(Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    drive(std::move(task));
  } else {
    std::optional<T> out;
    drive(detail::store_into<T>(std::move(task), &out));
    return *std::move(out);
  }
}

template <class T>
Task<Result<T>> with_timeout(std::chrono::milliseconds limit, std::string what,
                             Task<Result<T>> task) {
  std::optional<Result<T>> out;
  Task<void> stored = detail::store_into<Result<T>>(std::move(task), &out);
  const bool in_time = co_await race_against_timer(limit, std::move(stored));
  if (in_time) co_return *std::move(out);
  co_return std::unexpected(detail::timeout_error(what, limit));
}

}  // namespace base
