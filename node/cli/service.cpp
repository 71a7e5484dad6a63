// Running a service to its end.
#include "node/cli/service.h"

namespace node::cli {

Service::Service(base::Loop& loop) : loop_(loop), changed_(loop) {
  loop.on_signal([this](int number) {
    signal_ = number;
    finish();
  });
}

void Service::finish() {
  over_ = true;
  changed_.notify();
}

base::Result<int> Service::run(Stages stages) {
  return loop_.run_until_complete(live(std::move(stages)));
}

/// `stages` lives in the frame of live(), which outlives this task.
base::Task<void> Service::start(const Stages& stages) {
  outcome_ = co_await stages.start();
  started_ = true;
  changed_.notify();
}

base::Task<base::Result<int>> Service::live(Stages stages) {
  base::Scope scope(loop_);
  scope.spawn("start", start(stages));
  while (!over_ && !started_) co_await changed_.wait_for(std::chrono::hours{1});
  if (started_ && outcome_) {
    stages.ready();
    while (!over_) co_await changed_.wait_for(std::chrono::hours{1});
  }
  co_await scope.stop();
  co_await stages.stop();
  if (!outcome_) co_return std::unexpected(outcome_.error());
  co_return signal_;
}

}  // namespace node::cli
