// Paging by (created_at, id), the order every store answers in.
#include "nostr/server/backlog.h"

#include <algorithm>

namespace nostr {
namespace {
constexpr std::size_t kPage = 200;
}

Backlog::Backlog(Filters filters, std::size_t max_results) {
  for (Filter& filter : filters) {
    const std::size_t wanted =
        std::min<std::size_t>(filter.limit.value_or(UINT32_MAX), max_results);
    walks_.push_back({.filter = std::move(filter), .remaining = wanted});
  }
}

bool Backlog::is_after(const Event& event, const Position& position) {
  return event.created_at < position.created_at ||
         (event.created_at == position.created_at && event.id > position.id);
}

/// Whether a walk that has ended has sent `event` already.
bool Backlog::sent_before(const Event& event) const {
  return std::any_of(walks_.begin(), walks_.begin() + static_cast<std::ptrdiff_t>(current_),
                     [&event](const Walk& walk) {
                       if (!matches(walk.filter, event)) return false;
                       return !walk.cut || (walk.last && !is_after(event, *walk.last));
                     });
}

/// Answers several filters in one query when all matches fit into one page.
base::Result<bool> Backlog::small_union(EventStore& store, UnixTime now, std::vector<Event>& out) {
  Filters filters;
  for (const Walk& walk : walks_) {
    filters.push_back(walk.filter);
    filters.back().limit = static_cast<std::uint32_t>(std::min(walk.remaining, kPage + 1));
  }
  TRY(auto found, store.query(filters, kPage + 1, now));
  if (found.size() > kPage) return false;
  for (Walk& walk : walks_) {
    const auto taken = std::ranges::count_if(
        found, [&walk](const Event& event) { return matches(walk.filter, event); });
    if (static_cast<std::size_t>(taken) >= walk.remaining)
      walk.completeness = Completeness::kUnknown;
  }
  out = std::move(found);
  return true;
}

base::Result<void> Backlog::advance(EventStore& store, UnixTime now, std::vector<Event>& out) {
  Walk& walk = walks_[current_];
  const std::size_t wanted = std::min(walk.remaining, kPage);
  // One more than wanted, which is not sent, tells whether the walk ends because its limit does.
  const std::size_t asked = wanted + walk.taken_at_last + 1;
  Filter page = walk.filter;
  page.limit = static_cast<std::uint32_t>(asked);
  if (walk.last)
    page.until = std::min(page.until.value_or(walk.last->created_at), walk.last->created_at);
  std::vector<Event> found;
  std::size_t taken = 0;
  walk.completeness = wanted > 0 ? Completeness::kFinished : Completeness::kUnknown;
  if (wanted > 0) {
    TRY(found, store.query({page}, asked, now));
  }
  for (Event& event : found) {
    if (walk.last && !is_after(event, *walk.last)) continue;
    if (taken == wanted) {
      walk.completeness = Completeness::kMore;
      break;
    }
    const bool same_second = walk.last && walk.last->created_at == event.created_at;
    walk.taken_at_last = same_second ? walk.taken_at_last + 1 : 1;
    walk.last = Position{event.created_at, event.id};
    --walk.remaining;
    ++taken;
    if (!sent_before(event)) out.push_back(std::move(event));
  }
  // What was stored meanwhile in that very second stands before the last one and can fill a whole
  // answer: look further each time, or the walk would ask the same for ever.
  if (taken == 0) walk.taken_at_last += found.size();
  if (walk.remaining == 0) walk.cut = true;
  const bool is_all = found.size() < asked && walk.completeness != Completeness::kMore;
  if (walk.remaining == 0 || is_all) ++current_;
  return {};
}

Backlog::Completeness Backlog::completeness() const {
  Completeness out = Completeness::kFinished;
  for (const Walk& walk : walks_) {
    if (walk.completeness == Completeness::kMore) return Completeness::kMore;
    if (walk.completeness == Completeness::kUnknown) out = Completeness::kUnknown;
  }
  return out;
}

base::Result<std::vector<Event>> Backlog::next(EventStore& store, UnixTime now) {
  std::vector<Event> out;
  if (done()) return out;
  if (!std::exchange(started_, true) && walks_.size() > 1) {
    TRY(const bool complete, small_union(store, now, out));
    if (complete) {
      current_ = walks_.size();
      return out;
    }
  }
  auto advanced = advance(store, now, out);
  if (!advanced) {
    current_ = walks_.size();
    return std::unexpected(std::move(advanced).error());
  }
  return out;
}

}  // namespace nostr
