// One relay of a feed at a time: live REQ → EOSE → walk → cursor.
#include "nostr/client/feed.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "nostr/base/log.h"
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
    std::optional<UnixTime> cursor;  ///< all before has been handed over
    std::optional<UnixTime> saved;
    UnixTime position;               ///< of the live stream since the last EOSE
  };
  struct Relay {
    Relay(std::string u, base::Loop& loop) : url(std::move(u)), wake(loop) {}
    const std::string url;
    std::unique_ptr<Subscription> live;
    std::vector<Track> tracks;
    base::Signal wake;
    std::uint64_t asked = 0;   ///< walks that were called for
    std::uint64_t walked = 0;  ///< the latest of them that is complete
    UnixTime live_since;       ///< the EOSE after which events are live
    LiveIds live_ids = std::make_shared<std::unordered_set<EventId>>();
    bool walking = false;
    bool resting = false;      ///< after a failure: what cannot be kept now is not asked for at once
    std::uint64_t dropped = 0;
    UnixTime looked;           ///< when cursors were last saved

    bool complete() const { return asked > 0 && walked == asked; }
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
  base::Task<base::Result<void>> walk(Relay& relay);
  Filter history_of(const Relay& relay, std::size_t index) const;

  void on_live(Relay& relay, std::span<const Delivery> batch);
  void on_eose(Relay& relay);
  bool hand_over(std::span<const Delivery> batch);
  void call_for_walk(Relay& relay);
  void complete_walk(Relay& relay, UnixTime live_since);
  void move_cursors(Relay& relay);
  bool has_dropped(Relay& relay) const;
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

// --- live ---

void Feed::State::open(const std::string& url) {
  const auto is_same = [&url](const auto& relay) { return relay->url == url; };
  if (std::ranges::any_of(relays, is_same)) return;
  Relay& relay = *relays.emplace_back(std::make_unique<Relay>(url, pool.loop()));
  relay.tracks.resize(filters.size());
  for (std::size_t i = 0; i < filters.size() && options.cursors != nullptr; ++i) {
    auto kept = options.cursors->get(url, keys[i]);
    if (kept)
      relay.tracks[i].cursor = relay.tracks[i].saved = *kept;
    else
      report(relay, kept.error());
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
  relay.live_since = clock.now();
  relay.resting = false;
  call_for_walk(relay);
}

void Feed::State::call_for_walk(Relay& relay) {
  ++relay.asked;
  for (Track& track : relay.tracks) track.position = UnixTime{};
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
        relay.tracks[i].position =
            std::max(relay.tracks[i].position, stream_time(*delivery.event, now));
  }
  if (!relay.complete() || now < relay.looked + options.save_every) return;
  relay.looked = now;
  if (has_dropped(relay))
    call_for_walk(relay);
  else
    move_cursors(relay);
}

/// Whether frames of the relay went by unseen since the last look.
bool Feed::State::has_dropped(Relay& relay) const {
  for (const RelayStatus& status : pool.status())
    if (status.url == relay.url)
      return std::exchange(relay.dropped, status.dropped) < status.dropped;
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
    if (relay.walked == relay.asked) {
      failures = 0;
      co_await relay.wake.wait_for(kIdle);
      continue;
    }
    const std::uint64_t asked = relay.asked;
    const UnixTime live_since = relay.live_since;
    relay.walking = true;
    const auto walked = co_await self->walk(relay);
    relay.walking = false;
    if (self->closed) co_return;
    if (walked && relay.asked == asked) {
      relay.walked = asked;
      self->complete_walk(relay, live_since);
      continue;
    }
    // Called for again meanwhile: what came between lies before the newest EOSE.
    if (walked) continue;
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

Filter Feed::State::history_of(const Relay& relay, std::size_t index) const {
  Filter filter = filters[index];
  filter.until.reset();
  filter.limit.reset();
  if (const auto& cursor = relay.tracks[index].cursor)
    filter.since = std::max(*cursor - cursor_overlap(filter, options.overlap), UnixTime{});
  return filter;
}

base::Task<base::Result<void>> Feed::State::walk(Relay& relay) {
  for (std::size_t i = 0; i < filters.size(); ++i) {
    if (is_ephemeral_only(filters[i])) continue;
    HistorySink sink = [this, &relay](std::span<const EventPtr> events) {
      std::vector<Delivery> batch;
      for (const EventPtr& event : events) batch.push_back({event, relay.url, true});
      return !closed && hand_over(batch) && !closed;
    };
    Filter filter = history_of(relay, i);
    CO_TRY(const HistoryReport report,
           co_await read_history(pool, relay.url, std::move(filter), options.paging,
                                 std::move(sink), relay.live_ids));
    if (report.doubtful_seconds > 0)
      LOG(kWarn, "relay", "seconds with more events than it sends",
          {{"url", relay.url}, {"seconds", std::to_string(report.doubtful_seconds)}});
  }
  co_return base::Result<void>{};
}

void Feed::State::complete_walk(Relay& relay, UnixTime live_since) {
  for (Track& track : relay.tracks) track.position = std::max(track.position, live_since);
  relay.looked = clock.now();
  move_cursors(relay);
  if (callbacks.on_complete) callbacks.on_complete(relay.url);
}

void Feed::State::move_cursors(Relay& relay) {
  for (std::size_t i = 0; i < relay.tracks.size(); ++i) {
    Track& track = relay.tracks[i];
    track.cursor = std::max(track.cursor.value_or(track.position), track.position);
    if (options.cursors == nullptr || track.saved == track.cursor) continue;
    if (auto saved = options.cursors->advance(relay.url, keys[i], *track.cursor); saved)
      track.saved = track.cursor;
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
    if (relay->complete()) move_cursors(*relay);
    relay->wake.notify();
  }
}

}  // namespace nostr
