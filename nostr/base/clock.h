// Time as a value: UnixTime for protocol seconds, Clock for those who wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace base {

/// Seconds since 1970-01-01 UTC, the only time Nostr knows (NIP-01 `created_at`).
using UnixTime = std::chrono::sys_seconds;
using std::chrono::seconds;
using std::chrono::milliseconds;

constexpr UnixTime unix_time(std::int64_t s) { return UnixTime{seconds{s}}; }
constexpr std::int64_t to_unix(UnixTime t) { return t.time_since_epoch().count(); }

/// "2026-11-22 13:05 UTC", for people.
std::string format_utc(UnixTime t);
/// "2026-11-22T13:05:09Z" (RFC 3339).
std::string format_rfc3339(UnixTime t);

/// Where "now" comes from. Pure code takes a UnixTime; only loops hold a Clock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixTime now() const = 0;
};

/// The machine's real-time clock.
class SystemClock final : public Clock {
 public:
  UnixTime now() const override;
};

/// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixTime start) : now_(start) {}
  UnixTime now() const override { return now_; }
  void advance(seconds by) { now_ += by; }
  void set(UnixTime t) { now_ = t; }

 private:
  UnixTime now_;
};

}  // namespace base
