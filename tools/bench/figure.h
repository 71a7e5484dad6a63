// What every bench shares: one JSON line a figure, medians, CPU time, and giving up.
#pragma once

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "nostr/base/result.h"

namespace bench {

using Steady = std::chrono::steady_clock;

/// A figure that only explains others has no bar.
inline constexpr std::string_view kNoBar = "null";

/// Prints {"metric","value","unit","bar"}; `bar` is JSON.
inline void figure(std::string_view metric, double value, std::string_view unit,
                   std::string_view bar = kNoBar) {
  fmt::print("{{\"metric\":\"{}\",\"value\":{:.4f},\"unit\":\"{}\",\"bar\":{}}}\n", metric, value, unit,
             bar);
  std::fflush(stdout);
}

/// The value, or the end of the program with what went wrong.
template <class T>
T must(base::Result<T> result) {
  if (!result) {
    fmt::print(stderr, "error: {}\n", result.error().detail);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

inline double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

inline double cpu_seconds(const rusage& usage) {
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

/// Of this process, all threads.
inline double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return cpu_seconds(usage);
}

/// The same by the fine clock, for what takes microseconds.
inline double cpu_now() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline double percentile(std::vector<double> values, std::size_t percent) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[(values.size() - 1) * percent / 100];
}
inline double median(std::vector<double> values) { return percentile(std::move(values), 50); }

}  // namespace bench
