// Bounded lists of steps.
#include "node/errand_watch.h"

#include <algorithm>

#include "nipsa/tick.h"
#include "node/progress.h"

namespace node {

using base::json::Value;

orchestration::Hook ErrandWatch::hook() {
  orchestration::Hook hook = progress_hook([this](const std::string& tick, Value step) { keep(tick, std::move(step)); });
  hook.name = "errand-watch";
  return hook;
}

ErrandWatch::Log* ErrandWatch::find(const std::string& slot) {
  const auto found = std::ranges::find(logs_, slot, &Log::slot);
  return found == logs_.end() ? nullptr : &*found;
}

void ErrandWatch::keep(const std::string& slot, Value step) {
  if (!nipsa::is_manual_slot(slot)) return;
  Log* log = find(slot);
  if (log == nullptr) {
    if (logs_.size() == kMaxErrands) logs_.pop_front();
    log = &logs_.emplace_back(Log{.slot = slot, .steps = {}});
  }
  log->steps.push_back(std::move(step));
  if (log->steps.size() > kMaxSteps) {
    log->steps.pop_front();
    ++log->dropped;
  }
  changed_.notify();
}

base::Task<Value> ErrandWatch::steps(std::string slot, std::size_t from, std::chrono::milliseconds limit) {
  const auto has_more = [this, &slot, from] {
    const Log* log = find(slot);
    return log != nullptr && log->dropped + log->steps.size() > from;
  };
  if (!has_more()) co_await changed_.wait_for(limit);
  Value steps = Value::array();
  std::size_t next = from;
  if (const Log* log = find(slot)) {
    next = std::max(from, log->dropped);
    for (std::size_t i = next - log->dropped; i < log->steps.size(); ++i, ++next) steps.push_back(log->steps[i]);
  }
  co_return Value{{"steps", std::move(steps)}, {"next", next}};
}

}  // namespace node
