// Kind 39202: heartbeat, triggers and hours.
#include "nipsa/schedule.h"

#include <algorithm>

namespace nipsa {

namespace {

using std::chrono::seconds;

constexpr std::uint64_t kMinHeartbeat = 10;
constexpr std::uint64_t kMaxHeartbeat = 31'536'000;
constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::size_t kMaxTriggers = 100;

std::string_view simple_name(Trigger::Type type) {
  switch (type) {
    case Trigger::Type::kMention:
      return "mention";
    case Trigger::Type::kDm:
      return "dm";
    case Trigger::Type::kZap:
      return "zap";
    case Trigger::Type::kKind:
      return "kind";
  }
  return "";
}

nostr::Tag trigger_tag(const Trigger& trigger) {
  nostr::Tag tag{"trigger", std::string(simple_name(trigger.type))};
  if (trigger.type == Trigger::Type::kKind) tag.push_back(std::to_string(trigger.kind));
  return tag;
}

std::optional<Trigger> kind_trigger(std::string_view number) {
  const auto kind = parse_range(number, 0, 65'535, "trigger kind");
  if (!kind) return std::nullopt;
  return Trigger{Trigger::Type::kKind, static_cast<nostr::Kind>(*kind)};
}

/// `name` with `kind`'s number beside it, or in the older form "custom:n"; unknown names are
/// nothing.
std::optional<Trigger> read_trigger(std::string_view name, std::string_view number) {
  if (name == "kind") return kind_trigger(number);
  if (name.starts_with("custom:")) return kind_trigger(name.substr(7));
  for (const auto type : {Trigger::Type::kMention, Trigger::Type::kDm, Trigger::Type::kZap})
    if (name == simple_name(type)) return Trigger{type, 0};
  return std::nullopt;
}

void add_trigger(std::vector<Trigger>& list, const std::optional<Trigger>& trigger) {
  if (!trigger || list.size() >= kMaxTriggers) return;
  const auto at = std::ranges::lower_bound(list, *trigger);
  if (at == list.end() || *at != *trigger) list.insert(at, *trigger);
}

std::optional<unsigned> read_clock(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t i : {0u, 1u, 3u, 4u})
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  const auto digit = [&](std::size_t i) { return static_cast<unsigned>(text[i] - '0'); };
  const unsigned hours = digit(0) * 10 + digit(1);
  const unsigned minutes = digit(3) * 10 + digit(4);
  if (hours > 24 || minutes > 59 || (hours == 24 && minutes != 0)) return std::nullopt;
  return hours * 60 + minutes;
}

/// "mon,tue 09:00-17:00".
std::optional<BusinessHours> read_hours(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos || text.size() != space + 12 || text[space + 6] != '-')
    return std::nullopt;
  BusinessHours out;
  for (auto rest = text.substr(0, space); !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto day = std::ranges::find(kDays, rest.substr(0, comma));
    if (day == kDays.end()) return std::nullopt;
    out.days[static_cast<std::size_t>(day - kDays.begin())] = true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  const auto start = read_clock(text.substr(space + 1, 5));
  const auto end = read_clock(text.substr(space + 7, 5));
  if (!start || !end || *start >= *end || std::ranges::none_of(out.days, [](bool d) { return d; }))
    return std::nullopt;
  out.start_minute = *start;
  out.end_minute = *end;
  return out;
}

std::string clock_text(unsigned minute) {
  const auto two = [](unsigned n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  return two(minute / 60) + ":" + two(minute % 60);
}

std::string hours_text(const BusinessHours& hours) {
  std::string out;
  for (std::size_t i = 0; i < kDays.size(); ++i)
    if (hours.days[i]) out += (out.empty() ? "" : ",") + std::string(kDays[i]);
  return out + " " + clock_text(hours.start_minute) + "-" + clock_text(hours.end_minute);
}

Result<void> read_heartbeat(std::uint64_t value, Schedule& out) {
  if (value == 0 || value > kMaxHeartbeat)
    return fail(Code::kNum,
                "heartbeat is " + std::to_string(value) + " s, allowed are 10 to 31536000");
  if (value < kMinHeartbeat) out.warnings.push_back("heartbeat raised to 10 s");
  out.heartbeat = seconds(static_cast<std::int64_t>(std::max(value, kMinHeartbeat)));
  return {};
}

Result<void> read_active(const nostr::Tags& tags, Schedule& out) {
  TRY(const auto active, control_tag(tags, "active"));
  out.active = !active || *active == "true";
  if (active && *active != "true" && *active != "false")
    out.warnings.push_back("E_ENUM: active is neither true nor false, taken as false");
  return {};
}

/// Some writers put the whole schedule into content; used only when no tag speaks.
Result<void> read_content(const nostr::Event& event, Schedule& out) {
  if (out.heartbeat || !out.triggers.empty() || event.content.empty()) return {};
  const auto content = parse_object(event.content);
  if (!content) return {};
  for (const char* name : {"heartbeat", "heartbeat_seconds"})
    if (const auto value = base::json::get_int(*content, name); value && !out.heartbeat) {
      if (*value < 0) return fail(Code::kNum, "heartbeat is negative");
      TRY(read_heartbeat(static_cast<std::uint64_t>(*value), out));
    }
  if (const auto list = base::json::get_array(*content, "triggers"))
    for (const Json& item : *list)
      if (item.is_string()) add_trigger(out.triggers, read_trigger(item.get<std::string>(), ""));
  return {};
}

}  // namespace

Result<nostr::Draft> build_schedule(const Schedule& schedule, UnixTime at) {
  nostr::Draft draft{
      .kind = kinds::kSchedule, .created_at = at, .tags = {{"d", "schedule"}}, .content = ""};
  draft.tags.push_back({"active", schedule.active ? "true" : "false"});
  if (schedule.heartbeat) {
    const auto value = schedule.heartbeat->count();
    if (value < std::int64_t{kMinHeartbeat} || value > std::int64_t{kMaxHeartbeat})
      return fail(Code::kNum,
                  "heartbeat is " + std::to_string(value) + " s, allowed are 10 to 31536000");
    draft.tags.push_back(number_tag("heartbeat", value));
  }
  if (schedule.next_tick) draft.tags.push_back(time_tag("next_tick", *schedule.next_tick));
  for (const Trigger& trigger : schedule.triggers)
    if (trigger.type != Trigger::Type::kKind) draft.tags.push_back(trigger_tag(trigger));
  if (schedule.business_hours) {
    const std::string text = hours_text(*schedule.business_hours);
    if (!read_hours(text))
      return fail(Code::kNum, "business hours need a day and a start before the end");
    draft.tags.push_back({"business_hours", text});
  }
  return checked(std::move(draft));
}

Result<nostr::Draft> build_triggers(const std::vector<Trigger>& triggers, UnixTime at) {
  nostr::Draft draft{
      .kind = kinds::kSchedule, .created_at = at, .tags = {{"d", "triggers"}}, .content = ""};
  std::vector<Trigger> sorted;
  for (const Trigger& trigger : triggers) add_trigger(sorted, trigger);
  for (const Trigger& trigger : sorted) draft.tags.push_back(trigger_tag(trigger));
  return checked(std::move(draft));
}

Result<Schedule> parse_schedule(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kSchedule));
  const auto d = nostr::tag_value(event.tags, "d");
  if (!d) return fail(Code::kTagMissing, "d");
  if (*d != "schedule" && *d != "triggers")
    return fail(Code::kTagBad, "d is neither schedule nor triggers");
  Schedule out;
  TRY(read_active(event.tags, out));
  if (const auto text = nostr::tag_value(event.tags, "heartbeat")) {
    TRY(const auto value, parse_u64(*text, "heartbeat"));
    TRY(read_heartbeat(value, out));
  }
  if (const auto text = nostr::tag_value(event.tags, "next_tick")) {
    TRY(out.next_tick, parse_time(*text, "next_tick"));
  }
  for (const nostr::Tag& tag : event.tags)
    if (tag.size() >= 2 && tag[0] == "trigger")
      add_trigger(out.triggers,
                  read_trigger(tag[1], tag.size() > 2 ? std::string_view(tag[2]) : ""));
  if (const auto text = nostr::tag_value(event.tags, "business_hours")) {
    out.business_hours = read_hours(*text);
    if (!out.business_hours)
      out.warnings.push_back("E_TAG_BAD: business_hours not understood, ignored");
  }
  TRY(read_content(event, out));
  return out;
}

Schedule merge_heads(const Schedule& schedule, const Schedule& triggers) {
  Schedule out = schedule;
  for (const Trigger& trigger : triggers.triggers) add_trigger(out.triggers, trigger);
  return out;
}

bool within(const BusinessHours& hours, UnixTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const auto weekday = std::chrono::weekday(day).iso_encoding() - 1;  // Monday = 0
  const auto minute = static_cast<unsigned>((at - day).count() / 60);
  return hours.days[weekday] && minute >= hours.start_minute && minute < hours.end_minute;
}

}  // namespace nipsa
