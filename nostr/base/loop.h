// The app loop: one thread on which all domain code runs, with owned coroutines and timers.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "nostr/base/result.h"
#include "nostr/base/task.h"

namespace base {

/// One io_context on one thread. Everything that is not explicitly thread-safe belongs to it.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(); returns the number of coroutines that ended by an unexpected exception.
  std::size_t run();
  /// Makes run() return. Any thread.
  void stop();
  /// Queues `fn` for the loop thread. Any thread.
  void post(std::function<void()> fn);
  /// Aborts unless called on the loop's thread while it runs (or before run()).
  void check() const;

  /// Calls `callback` on the loop for every SIGINT and SIGTERM from now on; a later call replaces
  /// the callback.
  void on_signal(std::function<void(int)> callback);

  /// Runs one task to completion on this thread and returns its result: main() and tests.
  template <class T>
  T run_until_complete(Task<T> task);

  /// The asio executor; only code that includes loop_io.h looks inside.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  friend class Scope;
  /// Spawns `task` and runs the loop until it has ended; rethrows its exception.
  void drive(Task<void> task);
  std::unique_ptr<Impl> impl_;
};

/// Owner of background coroutines. Stop before the objects its coroutines refer to die.
class Scope {
 public:
  explicit Scope(Loop& loop);  ///< `loop` outlives the scope
  ~Scope();                    ///< CHECKs that nothing is running: call stop() first
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// Starts `task` on the loop, after the present handler has returned. An exception that leaves it is logged under `name` and counted.
  void spawn(std::string name, Task<void> task);
  /// Cancels every task and waits until all have ended. New spawns are refused from here on.
  Task<void> stop();
  std::size_t running() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Waits. Ends early by exception when the surrounding task is cancelled.
Task<void> sleep_for(std::chrono::milliseconds duration);

/// Lets every handler that is already queued run first.
Task<void> next_turn();

/// Awaits `task` for at most `limit`. On time-out the task is cancelled *and awaited*, then
/// kTimeout naming `what` is returned. Exceptions of the task propagate.
template <class T>
Task<Result<T>> with_timeout(std::chrono::milliseconds limit, std::string what, Task<Result<T>> task);

/// A one-shot or repeated wake-up: one side waits, the other notifies. App thread only.
class Signal {
 public:
  explicit Signal(Loop& loop);
  ~Signal();
  /// Wakes every present waiter.
  void notify();
  /// Waits for the next notify() or `limit`, whichever comes first; true if notified.
  Task<bool> wait_for(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace base

#include "nostr/base/loop_impl.h"
