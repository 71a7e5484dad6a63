// One relay of a feed at a time: live REQ → EOSE → walk → cursor.
#include "nostr/client/feed.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "nostr/client/coverage.h"
#include "nostr/client/delivered.h"
#include "nostr/nips/nip65.h"

namespace nostr {

using base::Errc;

namespace {

constexpr std::chrono::milliseconds kIdle{3'600'000};

bool is_ephemeral_only(const Filter& filter) {
  return !filter.kinds.empty() && std::ranges::all_of(filter.kinds, [](Kind kind) {
    return storage_class(kind) == StorageClass::kEphemeral;
  });
}

/// What the standing REQ asks: an event that is new at the relay may be of any age.
Filter live_part(Filter filter) {
  filter.since.reset();
  filter.until.reset();
  filter.limit = 1;
  return filter;
}

/// How far a live event shows the stream to have come. A time drawn at random shows nothing.
UnixTime stream_time(const Event& event, UnixTime now) {
  return has_random_time(event.kind) ? now : std::min(event.created_at, now);
}

}  // namespace

struct Feed::State : std::enable_shared_from_this<State> {
  /// One filter at one relay.
  struct Track {
    Coverage coverage;
    std::optional<UnixTime> saved;  ///< cursor
  };
  struct Relay {
    /// Since the oldest cursor, while there is something to walk through.
    std::optional<std::chrono::seconds> gap(UnixTime now) const {
      if (complete()) return std::chrono::seconds{0};
      std::optional<UnixTime> oldest;
      for (const Track& track : tracks) {
        const auto cursor = track.coverage.cursor();
        if (!cursor) return std::nullopt;
        oldest = std::min(oldest.value_or(*cursor), *cursor);
      }
      if (!oldest) return std::nullopt;
      return std::max(std::chrono::duration_cast<std::chrono::seconds>(now - *oldest), std::chrono::seconds{0});
    }

    Relay(std::string u, base::Loop& loop) : url(std::move(u)), wake(loop) {}
    const std::string url;
    std::unique_ptr<Subscription> live;
    std::vector<Track> tracks;
    base::Signal wake;
    bool live_once = false;    ///< there has been an EOSE
    LiveIds live_ids = std::make_shared<std::unordered_set<EventId>>();
    bool walking = false;
    bool resting = false;      ///< after a failure: what cannot be kept now is not asked for at once
    std::uint64_t dropped = 0;
    UnixTime looked;           ///< when cursors were last saved

    bool complete() const {
      return live_once && std::ranges::all_of(tracks, [](const Track& track) {
               return track.coverage.complete();
             });
    }
  };

  State(Pool& p, const base::Clock& c, Filters f, FeedCallbacks b, FeedOptions o)
      : pool(p),
        clock(c),
        filters(std::move(f)),
        callbacks(std::move(b)),
        options(std::move(o)),
        delivered(options.remembered) {
    for (const Filter& filter : filters) keys.push_back(cursor_key(filter));
  }

  void open(const std::string& url);
  void subscribe(Relay& relay);
  static base::Task<void> run(std::shared_ptr<State> self, Relay& relay);
  base::Task<base::Result<void>> walk(Relay& relay, std::size_t index);
  base::Task<base::Result<void>> fill_gaps(Relay& relay);
  Filter history_of(std::size_t index, const Gap& gap) const;

  void on_live(Relay& relay, std::span<const Delivery> batch);
  void on_eose(Relay& relay);
  bool hand_over(std::span<const Delivery> batch);
  void call_for_walk(Relay& relay);
  bool walk_after_drops(Relay& relay);
  void move_cursors(Relay& relay);
  void report(const Relay& relay, const base::Error& why);
  void close();

  Pool& pool;
  const base::Clock& clock;
  const Filters filters;
  std::vector<Sha256> keys;  ///< of filters
  FeedCallbacks callbacks;
  const FeedOptions options;
  DeliveredIds delivered;
  std::vector<std::unique_ptr<Relay>> relays;
  bool closed = false;
};

Feed::Feed(Pool& pool, const base::Clock& clock, const std::vector<std::string>& relays,
           Filters filters, FeedCallbacks callbacks, FeedOptions options)
    : state_(std::make_shared<State>(pool, clock, std::move(filters), std::move(callbacks),
                                     std::move(options))) {
  for (const std::string& url : relays) state_->open(normalize_relay_url(url));
}

Feed::~Feed() {
  state_->close();
}

bool Feed::complete() const {
  return std::ranges::all_of(state_->relays, [](const auto& relay) { return relay->complete(); });
}

std::vector<std::pair<std::string, std::optional<std::chrono::seconds>>> Feed::gaps(UnixTime now) const {
  std::vector<std::pair<std::string, std::optional<std::chrono::seconds>>> out;
  for (const auto& relay : state_->relays) out.emplace_back(relay->url, relay->gap(now));
  return out;
}

// --- live ---

void Feed::State::open(const std::string& url) {
  const auto is_same = [&url](const auto& relay) { return relay->url == url; };
  if (std::ranges::any_of(relays, is_same)) return;
  Relay& relay = *relays.emplace_back(std::make_unique<Relay>(url, pool.loop()));
  relay.tracks.resize(filters.size());
  for (std::size_t i = 0; i < filters.size() && options.cursors != nullptr; ++i) {
    auto kept = options.cursors->get(url, keys[i]);
    if (kept) {
      relay.tracks[i].saved = *kept;
      relay.tracks[i].coverage = Coverage(*kept);
    } else {
      report(relay, kept.error());
    }
  }
  subscribe(relay);
  pool.spawn("feed " + url, run(shared_from_this(), relay));
}

void Feed::State::subscribe(Relay& relay) {
  Filters live;
  for (const Filter& filter : filters) live.push_back(live_part(filter));
  const std::weak_ptr<State> weak = weak_from_this();
  Relay* const at = &relay;  // lives as long as the state
  relay.live = pool.subscribe(
      {relay.url}, std::move(live),
      {.on_events =
           [weak, at](std::span<const Delivery> batch) {
             if (const auto self = weak.lock()) self->on_live(*at, batch);
           },
       .on_eose =
           [weak, at](const std::string&) {
             if (const auto self = weak.lock()) self->on_eose(*at);
           },
       .on_closed =
           [weak, at](const std::string&, const std::string& message) {
             if (const auto self = weak.lock())
               self->report(*at, {Errc::kDenied, at->url + ": " + message, ""});
           }});
}

void Feed::State::on_eose(Relay& relay) {
  if (closed) return;
  relay.live_once = true;
  relay.resting = false;
  call_for_walk(relay);
}

/// Something may have gone by unseen: all since the last sure moment is to be walked through.
void Feed::State::call_for_walk(Relay& relay) {
  for (std::size_t i = 0; i < filters.size(); ++i)
    relay.tracks[i].coverage.begin(clock.now());
  if (!relay.resting) relay.wake.notify();
}

void Feed::State::on_live(Relay& relay, std::span<const Delivery> batch) {
  if (relay.walking)
    for (const Delivery& delivery : batch)
      if (!delivery.stored) relay.live_ids->insert(delivery.event->id);
  const auto self = shared_from_this();  // the owner may let go of the feed
  if (!hand_over(batch)) {
    // The walk that follows brings them again.
    if (!closed) call_for_walk(relay);
    return;
  }
  if (closed) return;
  const UnixTime now = clock.now();
  for (const Delivery& delivery : batch) {
    if (delivery.stored) continue;  // comes before the EOSE: says nothing about what is between
    for (std::size_t i = 0; i < filters.size(); ++i)
      if (matches(filters[i], *delivery.event))
        relay.tracks[i].coverage.advance(stream_time(*delivery.event, now));
  }
  if (!relay.live_once || now < relay.looked + options.save_every) return;
  relay.looked = now;
  if (!walk_after_drops(relay)) move_cursors(relay);
}

/// Whether frames of the relay went by unseen since the last look; then a walk looks for them.
bool Feed::State::walk_after_drops(Relay& relay) {
  for (const RelayStatus& status : pool.status())
    if (status.url == relay.url && std::exchange(relay.dropped, status.dropped) < status.dropped) {
      call_for_walk(relay);
      return true;
    }
  return false;
}

/// Hands over what the owner has not had; whether the owner keeps it.
bool Feed::State::hand_over(std::span<const Delivery> batch) {
  std::vector<Delivery> fresh;
  std::unordered_set<EventId> here;
  for (const Delivery& delivery : batch)
    if (!delivered.contains(delivery.event->id) && here.insert(delivery.event->id).second)
      fresh.push_back(delivery);
  if (fresh.empty() || closed) return true;
  if (!callbacks.on_events(fresh)) return false;
  for (const Delivery& delivery : fresh) delivered.insert(delivery.event->id);
  return true;
}

// --- the walk ---

base::Task<void> Feed::State::run(std::shared_ptr<State> self, Relay& relay) {
  int failures = 0;
  while (!self->closed) {
    if (!relay.live_once || relay.complete()) {
      failures = 0;
      co_await relay.wake.wait_for(kIdle);
      continue;
    }
    relay.walking = true;
    const auto walked = co_await self->fill_gaps(relay);
    relay.walking = false;
    if (self->closed) co_return;
    self->move_cursors(relay);
    if (walked) {
      if (self->callbacks.on_complete) self->callbacks.on_complete(relay.url);
      continue;
    }
    self->report(relay, walked.error());
    const auto& options = self->options;
    const auto pause =
        std::min(options.retry_first * (1 << std::min(failures++, 10)), options.retry_last);
    if (self->closed) co_return;
    relay.resting = true;
    co_await relay.wake.wait_for(pause);
    relay.resting = false;
  }
}

/// Walks until no filter has a gap, those that open meanwhile included.
base::Task<base::Result<void>> Feed::State::fill_gaps(Relay& relay) {
  while (!relay.complete())
    for (std::size_t i = 0; i < filters.size(); ++i) CO_TRY(co_await walk(relay, i));
  co_return base::Result<void>{};
}

Filter Feed::State::history_of(std::size_t index, const Gap& gap) const {
  Filter filter = filters[index];
  filter.limit.reset();
  filter.until = gap.until;
  if (gap.from)
    filter.since = std::max(*gap.from - cursor_overlap(filter, options.overlap), UnixTime{});
  return filter;
}

/// One gap of one filter, if there is one.
base::Task<base::Result<void>> Feed::State::walk(Relay& relay, std::size_t index) {
  Coverage& coverage = relay.tracks[index].coverage;
  const Gap* const gap = coverage.take();
  if (gap == nullptr) co_return base::Result<void>{};
  if (is_ephemeral_only(filters[index])) {
    coverage.filled();
    co_return base::Result<void>{};
  }
  HistorySink sink = [this, &relay](std::span<const EventPtr> events) {
    std::vector<Delivery> batch;
    for (const EventPtr& event : events) batch.push_back({event, relay.url, true});
    return !closed && hand_over(batch) && !closed;
  };
  // A page of which frames were dropped is not covered: the walk goes over it again.
  HistoryProgress progress = [this, &relay, &coverage](UnixTime reached) {
    if (closed || walk_after_drops(relay)) return false;
    coverage.reached(reached);
    return true;
  };
  Filter filter = history_of(index, *gap);
  const auto read = co_await read_history(pool, relay.url, std::move(filter), options.paging,
                                          std::move(sink), relay.live_ids, std::move(progress));
  const bool sure = !closed && !walk_after_drops(relay);
  if (!read || !sure) coverage.give_back();
  if (!read) co_return std::unexpected(read.error());
  if (!sure) co_return base::Result<void>{};
  coverage.filled();
  if (read->doubtful_seconds > 0)
    LOG(kWarn, "relay", "seconds with more events than it sends",
        {{"url", relay.url}, {"seconds", std::to_string(read->doubtful_seconds)}});
  co_return base::Result<void>{};
}

/// Called when nothing is known to have gone by unseen.
void Feed::State::move_cursors(Relay& relay) {
  for (std::size_t i = 0; i < relay.tracks.size(); ++i) {
    Track& track = relay.tracks[i];
    track.coverage.confirm();
    const std::optional<UnixTime> cursor = track.coverage.cursor();
    if (options.cursors == nullptr || !cursor || track.saved >= cursor) continue;
    if (auto saved = options.cursors->advance(relay.url, keys[i], *cursor); saved)
      track.saved = cursor;
    else
      report(relay, saved.error());
  }
}

void Feed::State::report(const Relay& relay, const base::Error& why) {
  LOG(kDebug, "relay", "feed", {{"url", relay.url}, {"problem", why.detail}});
  if (!closed && callbacks.on_problem) callbacks.on_problem(relay.url, why);
}

void Feed::State::close() {
  closed = true;
  for (const auto& relay : relays) {
    relay->live.reset();
    if (relay->live_once && !walk_after_drops(*relay)) move_cursors(*relay);
    relay->wake.notify();
  }
}

}  // namespace nostr
