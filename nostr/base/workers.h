// Worker threads: where hashing, signature checks, scrypt, files and child processes happen.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "nostr/base/loop.h"

namespace base {

/// A fixed set of threads with one queue. Any thread may submit.
class Workers {
 public:
  /// `threads` = 0 means one per hardware thread.
  explicit Workers(std::size_t threads = 0);
  ~Workers();  ///< finishes queued work, then joins
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void submit(std::function<void()> fn);
  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Runs `fn` on a worker and resumes on the app thread with its value. `fn` must not throw.
/// Cancelling the task does not stop `fn`: the task ends (and its result is dropped) when `fn` has
/// returned, so `fn` may refer to whatever the task's owner keeps alive. The loop outlives `workers`.
template <class T>
Task<T> offload(Loop& loop, Workers& workers, std::function<T()> fn);

}  // namespace base

#include "nostr/base/workers_impl.h"
