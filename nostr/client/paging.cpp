// The walk and its shell; see paging.h for why short pages prove nothing.
#include "nostr/client/paging.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace nostr {

using base::Errc;
using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds kSecond{1};
/// Pages in a row that may hold nothing but live events.
constexpr int kMaxOutrun = 5;
/// Events handed over between two turns of the loop.
constexpr std::size_t kHandful = 64;
/// What an event costs on the wire beside its content and tags.
constexpr std::size_t kEventOverhead = 350;

std::size_t size_of(const Event& event) {
  std::size_t size = kEventOverhead + event.content.size();
  for (const Tag& tag : event.tags)
    for (const std::string& item : tag) size += item.size() + 3;
  return size;
}

template <class T>
std::vector<T> split_off(std::vector<T>& list) {
  const auto middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
  std::vector<T> half(middle, list.end());
  list.erase(middle, list.end());
  return half;
}

/// Two filters that together are `filter`, divided at its longest list; nullopt when all are short.
std::optional<std::array<Filter, 2>> halves(const Filter& filter) {
  std::array<Filter, 2> out{filter, filter};
  std::size_t longest = std::max({filter.ids.size(), filter.authors.size(), filter.kinds.size()});
  char letter = 0;
  for (const auto& [tag, values] : filter.tags)
    if (values.size() > longest) {
      longest = values.size();
      letter = tag;
    }
  if (longest < 2) return std::nullopt;
  if (letter != 0)
    out[1].tags[letter] = split_off(out[0].tags[letter]);
  else if (filter.ids.size() == longest)
    out[1].ids = split_off(out[0].ids);
  else if (filter.authors.size() == longest)
    out[1].authors = split_off(out[0].authors);
  else
    out[1].kinds = split_off(out[0].kinds);
  return out;
}

}  // namespace

// --- the walk ---

PageWalk::PageWalk(Filter filter, PagingLimits limits)
    : filter_(std::move(filter)), limits_(limits), limit_(std::max(limits.first_page, 1u)) {
  if (filter_.limit) limit_ = std::clamp(*filter_.limit, 1u, limits_.largest_page);
  until_ = filter_.until;
}

std::optional<Filter> PageWalk::next() {
  if (over_) return std::nullopt;
  Filter page = parts_.empty() ? filter_ : parts_.back();
  if (parts_.empty()) page.until = until_;
  page.limit = asked_ = limit_;
  return page;
}

void PageWalk::take(std::span<const EventPtr> page, bool finished,
                    const std::unordered_set<EventId>& live) {
  if (over_ || !count_page(page)) return;
  largest_ = std::max(largest_, page.size());
  if (!parts_.empty())
    take_part_of_second(finished ? 0 : page.size());
  else if (finished || page.empty())
    over_ = true;
  else
    take_page(page, live);
  if (filter_.limit && events_ >= *filter_.limit) over_ = true;
}

/// Counts what the page costs; false when that was too much.
bool PageWalk::count_page(std::span<const EventPtr> page) {
  ++pages_;
  for (const EventPtr& event : page) bytes_ += size_of(*event);
  const auto cut = [this](std::string what) {
    cut_ = base::Error{Errc::kLimit, "the history was cut after " + std::move(what), ""};
    over_ = true;
    return false;
  };
  if (pages_ > limits_.max_pages) return cut(fmt::format("{} pages", limits_.max_pages));
  if (events_ > limits_.max_events) return cut(fmt::format("{} events", limits_.max_events));
  if (bytes_ > limits_.max_bytes) return cut(fmt::format("{} bytes", limits_.max_bytes));
  return true;
}

void PageWalk::take_page(std::span<const EventPtr> page, const std::unordered_set<EventId>& live) {
  std::optional<UnixTime> oldest;
  for (const EventPtr& event : page)
    if (!live.contains(event->id))
      oldest = std::min(oldest.value_or(event->created_at), event->created_at);
  if (!oldest) {
    if (++outrun_ < kMaxOutrun) return;
    cut_ = base::Error{Errc::kLimit, "the history was cut: live events outrun its pages", ""};
    over_ = true;
    return;
  }
  outrun_ = 0;

  const bool within_second = until_ && *oldest >= *until_;
  std::unordered_set<EventId> at_oldest;
  for (const EventPtr& event : page) {
    if (!boundary_.contains(event->id)) ++events_;
    if (event->created_at == *oldest) at_oldest.insert(event->id);
  }
  if (!within_second) {
    until_ = oldest;
    boundary_ = std::move(at_oldest);
    grow(page.size());
    return;
  }
  boundary_.merge(at_oldest);
  if (grow(page.size())) return;
  if (may_be_capped(page.size())) {
    Filter second = filter_;
    second.since = second.until = until_;
    divide(second);
  } else {
    leave_second();
  }
}

void PageWalk::take_part_of_second(std::size_t count) {
  if (grow(count)) return;
  const Filter part = std::move(parts_.back());
  parts_.pop_back();
  if (may_be_capped(count))
    divide(part);
  else if (parts_.empty())
    leave_second();
}

/// Whether a page of `count` events was as long as we allowed, and may now be longer.
bool PageWalk::grow(std::size_t count) {
  if (count < asked_ || limit_ >= limits_.largest_page) return false;
  limit_ = std::min(limit_ * 2, limits_.largest_page);
  return true;
}

bool PageWalk::may_be_capped(std::size_t count) const {
  return count >= largest_ && count >= limits_.smallest_cap;
}

void PageWalk::divide(const Filter& second) {
  if (const auto both = halves(second)) {
    parts_.insert(parts_.end(), both->begin(), both->end());
    return;
  }
  ++doubtful_;
  if (parts_.empty()) leave_second();
}

void PageWalk::leave_second() {
  *until_ -= kSecond;
  boundary_.clear();
  const UnixTime first = filter_.since.value_or(UnixTime{});
  if (*until_ < first) over_ = true;
}

// --- the shell ---

namespace {

base::Error at_relay(const std::string& relay, base::Error error) {
  error.detail = relay + ": " + error.detail;
  return error;
}

}  // namespace

base::Task<base::Result<HistoryReport>> read_history(Pool& pool, std::string relay, Filter filter,
                                                     PagingLimits limits, HistorySink sink,
                                                     LiveIds live, HistoryProgress progress) {
  using Steady = std::chrono::steady_clock;
  const auto deadline = Steady::now() + limits.patience;
  if (!live) live = std::make_shared<std::unordered_set<EventId>>();
  PageWalk walk(std::move(filter), limits);
  int failures = 0;
  while (const auto page = walk.next()) {
    if (Steady::now() >= deadline)
      co_return base::fail(Errc::kTimeout,
                           fmt::format("{}: the history was cut after {} s", relay,
                                       limits.patience.count() / 1'000));
    live->clear();
    std::vector<std::string> relays{relay};
    Filters filters{*page};
    const FetchResult found =
        co_await pool.fetch(std::move(relays), std::move(filters), limits.page_patience);
    for (std::size_t at = 0; at < found.events.size(); at += kHandful) {
      const std::size_t count = std::min(kHandful, found.events.size() - at);
      if (!sink(std::span(found.events).subspan(at, count)))
        co_return base::fail(Errc::kCancelled, relay + ": what its history holds was not taken");
      if (at + count < found.events.size()) co_await base::next_turn();
    }
    if (found.complete.empty()) {
      const std::string why = found.failed.empty() ? "no answer" : found.failed.front().second;
      if (++failures >= limits.tries)
        co_return base::fail(Errc::kUnavailable, relay + ": " + why);
      co_await base::sleep_for(limits.retry_pause * (1 << (failures - 1)));
      continue;
    }
    failures = 0;
    walk.take(found.events, !found.finished.empty(), *live);
    if (progress && walk.reached() && !progress(*walk.reached()))
      co_return base::fail(Errc::kCancelled, relay + ": the reading of its history was broken off");
  }
  if (walk.cut()) co_return std::unexpected(at_relay(relay, *walk.cut()));
  co_return HistoryReport{walk.pages(), walk.events(), walk.doubtful_seconds()};
}

}  // namespace nostr
