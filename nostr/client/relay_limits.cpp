// Reading limits, guessing them from refusals, and cutting REQs to fit.
#include "nostr/client/relay_limits.h"

#include <algorithm>
#include <optional>
#include <string>

#include "nostr/client/publish_outcome.h"
#include "nostr/event/message.h"

namespace nostr {

namespace {

/// What a REQ holds besides its filters: verb, subscription id, brackets.
constexpr std::size_t kReqOverhead = 48;
/// A relay that takes less than this takes nothing.
constexpr std::int64_t kLeastMessage = 512;

void narrow(std::size_t& bound, const std::optional<std::int64_t>& said, std::int64_t least) {
  if (said && *said >= least) bound = std::min(bound, static_cast<std::size_t>(*said));
}

std::string lower(std::string_view text) {
  std::string out(text.substr(0, 400));
  std::ranges::transform(
      out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

std::size_t bytes_of(const Filters& filters) {
  std::size_t bytes = kReqOverhead;
  for (const Filter& filter : filters) bytes += to_json(filter).size() + 1;
  return bytes;
}

/// Calls `use` with every list of `filter`.
template <class Use>
void each_list(Filter& filter, Use use) {
  use(filter.ids);
  use(filter.authors);
  use(filter.kinds);
  for (auto& [letter, values] : filter.tags) use(values);
}

/// Moves the second half of the longest list of `filter` into a copy; nullopt when no list has two.
std::optional<Filter> cut(Filter& filter) {
  std::size_t longest = 0;
  each_list(filter, [&](auto& list) { longest = std::max(longest, list.size()); });
  if (longest < 2) return std::nullopt;
  Filter rest = filter;
  bool done = false;
  each_list(filter, [&](auto& list) {
    if (done || list.size() != longest) return;
    list.resize(longest / 2);
    done = true;
  });
  done = false;
  each_list(rest, [&](auto& list) {
    if (done || list.size() != longest) return;
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(longest / 2));
    done = true;
  });
  return rest;
}

void cut_to_size(Filter filter, std::size_t bytes, Filters& out) {
  if (bytes_of({filter}) > bytes) {
    if (auto rest = cut(filter)) {
      cut_to_size(std::move(filter), bytes, out);
      cut_to_size(*std::move(rest), bytes, out);
      return;
    }
  }
  out.push_back(std::move(filter));
}

}  // namespace

void RelayLimits::read(const RelayLimitation& document) {
  narrow(subscriptions, document.max_subscriptions, 1);
  narrow(filters, document.max_filters, 1);
  narrow(message_bytes, document.max_message_length, kLeastMessage);
  narrow(events, document.max_limit, 1);
}

Refusal refusal_of(std::string_view message) {
  const std::string text = lower(message);
  if (has_any(text, {"rate-limit", "rate limit", "ratelimit", "slow down", "too many requests",
                     "too fast", "too many messages"}))
    return Refusal::kRate;
  if (says_wrong_time(message)) return Refusal::kClock;
  const bool excess = has_any(text, {"too many", "max", "limit", "exceed", "too big", "too large",
                                     "too long"});
  if (!excess) return Refusal::kNone;
  if (has_any(text, {"filters", "arr too big"})) return Refusal::kFilters;
  if (has_any(text, {"subscription id", "subid"})) return Refusal::kNone;
  if (has_any(text, {"concurrent req", "subscription", "open req", "too many req", "too many subs"}))
    return Refusal::kSubscriptions;
  if (has_any(text, {"too big", "too large", "too long", "size"})) return Refusal::kSize;
  return Refusal::kNone;
}

bool fits(const Filters& filters, const RelayLimits& limits) {
  if (filters.size() > std::min(limits.filters, kMaxFilters)) return false;
  return limits.message_bytes == RelayLimits::kUnknown || bytes_of(filters) <= limits.message_bytes;
}

std::vector<Filters> split_filters(const Filters& filters, const RelayLimits& limits) {
  if (fits(filters, limits)) return {filters};
  Filters small;
  for (const Filter& filter : filters) cut_to_size(filter, limits.message_bytes, small);
  std::vector<Filters> out;
  for (Filter& filter : small) {
    if (!out.empty()) {
      out.back().push_back(filter);
      if (fits(out.back(), limits)) continue;
      out.back().pop_back();
    }
    out.push_back({std::move(filter)});
  }
  return out;
}

Filters clamp_limits(Filters filters, const RelayLimits& limits) {
  for (Filter& filter : filters)
    if (filter.limit && *filter.limit > limits.events)
      filter.limit = static_cast<std::uint32_t>(limits.events);
  return filters;
}

}  // namespace nostr
