// Everything that a relay has stored for one filter, page by page from the newest to the oldest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "nostr/client/pool.h"

namespace nostr {

/// How long a walk may become. Every bound that is met is named in the error.
struct PagingLimits {
  std::uint32_t first_page = 500;      ///< events asked for; doubled while a relay sends that many
  std::uint32_t largest_page = 5'000;
  /// Relays are taken to send at least so many events in answer to one REQ when they have them.
  std::uint32_t smallest_cap = 100;
  std::size_t max_pages = 20'000;
  std::size_t max_events = 10'000'000;
  std::size_t max_bytes = 8ull << 30;  ///< of events, about as long as they are on the wire
  std::chrono::milliseconds page_patience{20'000};
  std::chrono::milliseconds patience{3'600'000};  ///< for the whole walk
  int tries = 3;                                  ///< for a page that fails
  std::chrono::milliseconds retry_pause{500};     ///< before the second try, doubled for the third
};

/// Decides what to ask next and when all has come (NIP-01 `until`, NIP-67). Pure: pages in, filters
/// out.
///
/// A page that is shorter than what was asked for proves nothing, since relays have caps of their
/// own: the walk ends with an empty page or the hint "finish". `until` is inclusive, so the oldest
/// second of each page is asked for again; when one second fills a whole page, it is taken apart by
/// the values of the filter.
class PageWalk {
 public:
  /// A `limit` of `filter` is how many events the walk brings at least, if there are so many.
  explicit PageWalk(Filter filter, PagingLimits limits = {});

  /// The page to ask for; nullopt when the walk is over.
  std::optional<Filter> next();
  /// Takes the answer. `live` are events that arrived meanwhile on another subscription: a relay
  /// sends them in answer to any open REQ, so they tell nothing about how far back the page goes.
  void take(std::span<const EventPtr> page, bool finished,
            const std::unordered_set<EventId>& live = {});

  /// Everything from here on has come, except perhaps of that very second; nullopt: nothing is known.
  const std::optional<UnixTime>& reached() const { return until_; }
  /// Set when a bound ended the walk before all had come: kLimit.
  const std::optional<base::Error>& cut() const { return cut_; }
  std::size_t pages() const { return pages_; }
  std::size_t events() const { return events_; }
  /// Seconds of which the relay may hold more events than it sends at once, and which the filter
  /// gives no means to take apart.
  std::size_t doubtful_seconds() const { return doubtful_; }

 private:
  void take_page(std::span<const EventPtr> page, const std::unordered_set<EventId>& live);
  void take_part_of_second(std::size_t count);
  bool count_page(std::span<const EventPtr> page);
  bool grow(std::size_t count);
  bool may_be_capped(std::size_t count) const;
  void divide(const Filter& second);
  void leave_second();

  const Filter filter_;
  const PagingLimits limits_;
  bool over_ = false;
  std::optional<base::Error> cut_;
  std::uint32_t limit_;
  std::uint32_t asked_ = 0;                ///< limit of the page that is awaited
  std::optional<UnixTime> until_;
  std::unordered_set<EventId> boundary_;   ///< events of the second until_ that have come
  std::vector<Filter> parts_;              ///< of the second until_, to be asked one by one
  std::size_t largest_ = 0;                ///< page this relay has sent
  std::size_t pages_ = 0;
  std::size_t events_ = 0;                 ///< those of boundaries once
  std::size_t bytes_ = 0;
  std::size_t doubtful_ = 0;
  int outrun_ = 0;                         ///< pages in a row that held live events only
};

struct HistoryReport {
  std::size_t pages = 0;
  std::size_t events = 0;
  std::size_t doubtful_seconds = 0;
};

/// Events of a page, at most 64 at a time; false ends the walk.
using HistorySink = std::function<bool(std::span<const EventPtr>)>;
/// What arrives live while a page is awaited; emptied before each page.
using LiveIds = std::shared_ptr<std::unordered_set<EventId>>;

/// Hears after each page how far back the walk has come (PageWalk::reached); false ends it.
using HistoryProgress = std::function<bool(UnixTime reached)>;

/// Walks through what `relay` has stored for `filter` and hands it to `sink`; events at the edges of
/// pages come twice. Errors name the relay: kUnavailable (it fails, refuses or falls silent), kLimit
/// and kTimeout (a bound was met), kCancelled (sink or progress want no more). App thread; `pool`
/// outlives the call.
base::Task<base::Result<HistoryReport>> read_history(Pool& pool, std::string relay, Filter filter,
                                                     PagingLimits limits, HistorySink sink,
                                                     LiveIds live = nullptr,
                                                     HistoryProgress progress = nullptr);

}  // namespace nostr
