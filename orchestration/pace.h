// Pace: how many actions an agent takes a minute, how long they last and how many succeed. App thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "nostr/base/json.h"

namespace orchestration {

enum class PaceKind { kToolCall, kThinking, kResponse, kPlanning, kDelegation };
std::string_view pace_kind_name(PaceKind kind);

struct PaceAction {
  PaceKind kind = PaceKind::kToolCall;
  std::string tool;  ///< kToolCall
  std::chrono::milliseconds duration{0};
  std::uint64_t tokens_in = 0, tokens_out = 0;
  bool success = true;
};

struct PaceLatency {
  std::uint64_t calls = 0;
  std::chrono::milliseconds p50{0}, p95{0};  ///< of those in the window
};

struct PaceSnapshot {
  double apm = 0;           ///< over the window
  double lifetime_apm = 0;
  std::uint64_t in_window = 0;
  std::uint64_t total = 0;
  std::uint64_t failed = 0;
  std::uint64_t tokens_in = 0, tokens_out = 0;
  std::chrono::milliseconds average{0};  ///< of all actions; 0 when there were none
  double success_rate = 1;
  std::map<std::string, PaceLatency> tools;
};
base::json::Value to_json(const PaceSnapshot& snapshot);

class PaceMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMaxKept = 10'000;

  explicit PaceMeter(Time start, std::chrono::milliseconds window = std::chrono::minutes{1}) : start_(start), window_(window) {}

  /// In any order of time.
  void record(PaceAction action, Time at);
  /// What lies behind the window is forgotten here too, so an idle agent's pace is 0.
  PaceSnapshot snapshot(Time now);

 private:
  struct Kept {
    Time at;
    PaceAction action;
  };
  void prune(Time now);
  Time start_;
  std::chrono::milliseconds window_;
  std::deque<Kept> kept_;
  std::uint64_t total_ = 0, failed_ = 0, tokens_in_ = 0, tokens_out_ = 0;
  std::chrono::milliseconds lasted_{0};
};

}  // namespace orchestration
