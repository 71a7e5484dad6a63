// Service: a long-running command — started, told to be ready, stopped by a signal or by itself.
#pragma once

#include <functional>

#include "nostr/base/loop.h"

namespace node::cli {

/// What a long-running command does at each stage. `stop` must be safe after an unfinished `start`.
struct Stages {
  std::function<base::Task<base::Result<void>>()> start;
  std::function<void()> ready;
  std::function<base::Task<void>()> stop;
};

/// Runs one service on `loop`. SIGINT and SIGTERM end it at any stage, also while it is starting.
/// A service manager is told when it is ready, alive and stopping.
class Service {
 public:
  explicit Service(base::Loop& loop);

  /// The signal that ended it, 0 when finish() did; the error when it could not start.
  base::Result<int> run(Stages stages);
  /// Ends the service from within.
  void finish();

 private:
  base::Task<base::Result<int>> live(Stages stages);
  base::Task<void> start(const Stages& stages);
  base::Task<void> stay_alive(std::chrono::milliseconds period);

  base::Loop& loop_;
  base::Signal changed_;
  bool over_ = false;
  int signal_ = 0;
  bool started_ = false;
  base::Result<void> outcome_;
};

}  // namespace node::cli
