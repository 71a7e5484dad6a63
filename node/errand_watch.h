// ErrandWatch: what is being done for the operator's errands, kept in memory for whoever looks on.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <string>

#include "nostr/base/loop.h"
#include "orchestration/hooks/hook.h"

namespace node {

/// App thread. `loop` outlives it.
class ErrandWatch {
 public:
  static constexpr std::size_t kMaxSteps = 1'000;  ///< of one errand; the oldest go first
  static constexpr std::size_t kMaxErrands = 32;   ///< the oldest is forgotten first

  explicit ErrandWatch(base::Loop& loop) : changed_(loop) {}

  /// Keeps every step of a tick that was planned for an errand. Outlived by the watch.
  orchestration::Hook hook();
  /// Wakes whoever waits: an errand has come to its end.
  void ended() { changed_.notify(); }
  /// {"steps": those after the first `from`, "next": what to ask from then on}. Without any it waits for one,
  /// for the end of some errand, or for `limit`.
  base::Task<base::json::Value> steps(std::string slot, std::size_t from, std::chrono::milliseconds limit);

 private:
  struct Log {
    std::string slot;
    std::size_t dropped = 0;
    std::deque<base::json::Value> steps;
  };
  Log* find(const std::string& slot);
  void keep(const std::string& slot, base::json::Value step);

  std::list<Log> logs_;  ///< oldest first
  base::Signal changed_;
};

}  // namespace node
