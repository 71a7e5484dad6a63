// Folding floods.
#include "frostr/audit_trail.h"

#include <algorithm>

#include <fmt/format.h>

namespace frostr {
namespace {

constexpr std::size_t kMaxReason = 500;
constexpr std::size_t kMaxWord = 40;
constexpr std::size_t kMaxCounters = 64;  // of one member; the words are a fixed set, far below it

std::string_view word_of(std::string_view reason) {
  return reason.substr(0, std::min(reason.find(':'), kMaxWord));
}

/// Cut at a character, never within one.
std::string cut(std::string_view text) {
  if (text.size() <= kMaxReason) return std::string(text);
  std::size_t end = kMaxReason;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

Result<void> AuditTrail::append(const Entry& entry, UnixTime now) {
  TRY(log_.append({.time = now,
                   .requester = entry.member == 0 ? std::string("operator")
                                                  : fmt::format("member {}", entry.member),
                   .kind = entry.kind,
                   .digest = entry.digest,
                   .verdict = entry.verdict,
                   .reason = cut(entry.reason),
                   .event_id = entry.event_id}));
  return {};
}

Result<void> AuditTrail::record(const Entry& entry, UnixTime now) {
  if (entry.member == 0 || entry.verdict == "signed") return append(entry, now);
  Window& window = windows_[entry.member];
  if (now >= window.ends) TRY(close(entry.member, window, now));
  if (window.rows < options_.whole) {
    TRY(append(entry, now));
    ++window.rows;
    return {};
  }
  if (window.counted.empty())
    TRY(append({.member = entry.member,
                .kind = "flood",
                .verdict = "counting",
                .reason = fmt::format("more than {} rows within {} s: counted from here",
                                      options_.whole, window.length.count())},
               now));
  std::string name = fmt::format("{} {} {}", entry.kind, entry.verdict, word_of(entry.reason));
  if (window.counted.size() >= kMaxCounters && !window.counted.contains(name)) name = "other";
  ++window.counted[std::move(name)];
  return {};
}

/// Writes what was counted and opens the next window, a longer one if there was a flood.
Result<void> AuditTrail::close(std::uint32_t member, Window& window, UnixTime now) {
  for (const auto& [name, count] : window.counted)
    TRY(append({.member = member,
                .kind = "flood",
                .verdict = "counted",
                .reason = fmt::format("{} times: {}", count, name)},
               now));
  const bool flooded = !window.counted.empty();
  window.length = flooded ? std::min(2 * window.length, options_.longest_window) : options_.window;
  window.counted.clear();
  window.rows = 0;
  window.ends = now + window.length;
  return {};
}

Result<void> AuditTrail::flush(UnixTime now, bool all) {
  for (auto& [member, window] : windows_)
    if (!window.counted.empty() && (all || now >= window.ends)) TRY(close(member, window, now));
  return {};
}

}  // namespace frostr
