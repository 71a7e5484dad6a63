// Kind 39202: when the agent wakes. Two heads, d=schedule and d=triggers (nip-sa 3.3).
#pragma once

#include <array>

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

struct Trigger {
  enum class Type { kMention, kDm, kZap, kKind };
  Type type = Type::kMention;
  nostr::Kind kind = 0;  ///< for kKind
  friend auto operator<=>(const Trigger&, const Trigger&) = default;
};

/// Hours in UTC; the end is exclusive.
struct BusinessHours {
  std::array<bool, 7> days{};  ///< Monday first; at least one
  unsigned start_minute = 0;   ///< of the day, below end_minute
  unsigned end_minute = 1440;
  friend bool operator==(const BusinessHours&, const BusinessHours&) = default;
};

struct Schedule {
  bool active = true;
  std::optional<std::chrono::seconds> heartbeat;  ///< 10..31536000
  std::optional<UnixTime> next_tick;              ///< in the past = now
  std::vector<Trigger> triggers;                  ///< sorted, unique
  std::optional<BusinessHours> business_hours;
  std::vector<std::string> warnings;              ///< what a liberal reader put right
};

/// The head d=schedule; simple triggers are repeated in it for older readers.
Result<nostr::Draft> build_schedule(const Schedule& schedule, UnixTime at);
/// The head d=triggers.
Result<nostr::Draft> build_triggers(const std::vector<Trigger>& triggers, UnixTime at);
/// Reads either head. `active` other than true/false is treated as false with a warning, a heartbeat
/// of 1..9 as 10; heartbeat 0 or over a year is E_NUM.
Result<Schedule> parse_schedule(const nostr::Event& event);
/// What both heads say together: the triggers' union under the schedule's times.
Schedule merge_heads(const Schedule& schedule, const Schedule& triggers);

/// Whether `at` lies within `hours`.
bool within(const BusinessHours& hours, UnixTime at);

}  // namespace nipsa
