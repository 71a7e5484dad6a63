// Running a service to its end.
#include "node/cli/service.h"

#include "node/service_manager.h"
#include "nostr/base/locked_memory.h"
#include "nostr/base/log.h"

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

/// Said from the app loop: a loop that hangs goes silent, and the service manager starts it anew.
base::Task<void> Service::stay_alive(std::chrono::milliseconds period) {
  for (;;) {
    tell_service_manager("WATCHDOG=1");
    co_await base::sleep_for(period);
  }
}

namespace {

/// By now the shares and keys are in memory.
void warn_of_unlocked_secrets() {
  const base::LockedMemory memory = base::locked_memory();
  if (memory.unlocked > 0)
    LOG(kWarn, "memory", "secrets cannot be locked and may reach the swap; raise the limit of locked memory",
        {{"why", memory.why}});
}

}  // namespace

base::Task<base::Result<int>> Service::live(Stages stages) {
  base::Scope scope(loop_);
  if (const auto period = watchdog_period()) scope.spawn("watchdog", stay_alive(*period));
  scope.spawn("start", start(stages));
  while (!over_ && !started_) co_await changed_.wait_for(std::chrono::hours{1});
  if (started_ && outcome_) {
    warn_of_unlocked_secrets();
    stages.ready();
    tell_service_manager("READY=1");
    while (!over_) co_await changed_.wait_for(std::chrono::hours{1});
  }
  tell_service_manager("STOPPING=1");
  co_await scope.stop();
  co_await stages.stop();
  if (!outcome_) co_return std::unexpected(outcome_.error());
  co_return signal_;
}

}  // namespace node::cli
