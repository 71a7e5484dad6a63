// Reconcile, or walk; download; upload.
#include "nostr/client/sync.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "nostr/base/bytes.h"
#include "nostr/nips/nip65.h"

namespace nostr {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t kMaxRefusals = 1'024;  ///< relays remembered

bool downloads(SyncDirection direction) {
  return direction != SyncDirection::kUp;
}

bool uploads(SyncDirection direction) {
  return direction != SyncDirection::kDown;
}

/// Events on their way to one relay. Shared with the tasks that send them.
struct Uploading {
  explicit Uploading(base::Loop& loop) : changed(loop) {}
  base::Signal changed;
  std::size_t open = 0;
  std::vector<PublishOutcome> outcomes;
};

base::Task<void> upload_one(Pool& pool, std::string relay, Event event,
                            std::shared_ptr<Uploading> state) {
  std::vector<std::string> relays{std::move(relay)};
  std::vector<PublishOutcome> outcomes = co_await pool.publish(std::move(relays), std::move(event));
  for (PublishOutcome& outcome : outcomes) state->outcomes.push_back(std::move(outcome));
  --state->open;
  state->changed.notify();
}

}  // namespace

Syncer::Syncer(Pool& pool, const base::Clock& clock, LocalEvents& local, SyncOptions options)
    : pool_(pool), clock_(clock), local_(local), options_(options) {}

base::Task<SyncReport> Syncer::sync(std::string relay, Filter filter, Progress progress) {
  if (!progress) progress = [](const SyncReport&) {};
  filter.limit.reset();
  SyncReport report{.relay = std::move(relay)};
  auto done = co_await run(std::move(filter), report, progress);
  if (!done) report.error = std::move(done).error();
  co_return report;
}

base::Task<Result<void>> Syncer::run(Filter filter, SyncReport& report, Progress progress) {
  const std::string relay = normalize_relay_url(report.relay);
  CO_TRY(std::vector<NegItem> items, local_.items(filter));
  report.local = items.size();
  Difference difference;
  if (refused_lately(relay)) {
    report.refusal = "it refused lately";
  } else {
    auto reconciled = co_await reconcile(relay, filter, items);
    if (reconciled) {
      difference = *std::move(reconciled);
      report.reconciled = true;
    } else {
      const base::Error& why = reconciled.error();
      if (why.code == Errc::kUnavailable || why.code == Errc::kCancelled)
        co_return std::unexpected(why);
      report.refusal = why.detail;
      remember_refusal(relay);
    }
  }
  if (report.reconciled) {
    if (downloads(options_.direction))
      CO_TRY(co_await download(std::move(difference.need), report, progress));
  } else {
    CO_TRY(difference.have,
           co_await page(std::move(filter), std::move(items), report, progress));
  }
  if (uploads(options_.direction))
    CO_TRY(co_await upload(std::move(difference.have), report, progress));
  co_return Result<void>{};
}

bool Syncer::refused_lately(const std::string& relay) const {
  const auto it = refused_.find(relay);
  return it != refused_.end() && clock_.now() < it->second;
}

void Syncer::remember_refusal(const std::string& relay) {
  const UnixTime now = clock_.now();
  std::erase_if(refused_, [now](const auto& entry) { return entry.second <= now; });
  if (refused_.size() < kMaxRefusals) refused_[relay] = now + options_.refused_for;
}

// --- what differs ---

base::Task<Result<Syncer::Difference>> Syncer::reconcile(std::string relay, Filter filter,
                                                         std::vector<NegItem> items) {
  NegInitiator initiator(NegSet(std::move(items)), options_.negentropy);
  const std::unique_ptr<Negotiation> talk = pool_.negotiate(std::move(relay), std::move(filter));
  Difference difference;
  std::optional<base::Bytes> message = initiator.open();
  while (message) {
    std::string hex = base::hex_encode(*message);
    CO_TRY(const std::string answer,
           co_await talk->exchange(std::move(hex), options_.answer_patience));
    CO_TRY(const base::Bytes bytes, base::hex_decode(answer));
    CO_TRY(NegInitiator::Step step, initiator.on_message(bytes));
    difference.have.insert(difference.have.end(), step.have.begin(), step.have.end());
    difference.need.insert(difference.need.end(), step.need.begin(), step.need.end());
    message = std::move(step.message);
  }
  co_return difference;
}

/// Pages instead: what comes is kept; returns the events of `items` that did not come.
base::Task<Result<std::vector<EventId>>> Syncer::page(Filter filter, std::vector<NegItem> items,
                                                      SyncReport& report, Progress progress) {
  std::unordered_set<EventId> ours;
  for (const NegItem& item : items) ours.insert(item.id);
  std::unordered_set<EventId> there;
  std::optional<base::Error> failure;
  HistorySink sink = [&](std::span<const EventPtr> events) {
    std::vector<EventPtr> fresh;
    for (const EventPtr& event : events)
      if (there.insert(event->id).second && !ours.contains(event->id)) fresh.push_back(event);
    if (!downloads(options_.direction) || fresh.empty()) return true;
    if (auto kept = local_.put(fresh); !kept) {
      failure = std::move(kept).error();
      return false;
    }
    report.downloaded += fresh.size();
    progress(report);
    return true;
  };
  auto read = co_await read_history(pool_, report.relay, std::move(filter), options_.paging,
                                    std::move(sink));
  if (failure) co_return std::unexpected(*std::move(failure));
  if (!read) co_return std::unexpected(std::move(read).error());
  std::vector<EventId> missing;
  for (const NegItem& item : items)
    if (!there.contains(item.id)) missing.push_back(item.id);
  co_return missing;
}

// --- moving events ---

base::Task<Result<void>> Syncer::download(std::vector<EventId> ids, SyncReport& report,
                                          Progress progress) {
  const std::size_t batch = std::max<std::size_t>(options_.download_batch, 1);
  int failures = 0;
  for (std::size_t at = 0; at < ids.size();) {
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(batch, ids.size() - at);
    Filters filters{{.ids = {first, first + static_cast<std::ptrdiff_t>(count)}}};
    std::vector<std::string> relays{report.relay};
    const FetchResult found = co_await pool_.fetch(std::move(relays), std::move(filters),
                                                   options_.batch_patience);
    if (found.complete.empty()) {
      const std::string why = found.failed.empty() ? "no answer" : found.failed.front().second;
      if (++failures >= options_.paging.tries)
        co_return base::fail(Errc::kUnavailable, report.relay + ": " + why);
      co_await base::sleep_for(options_.paging.retry_pause * (1 << (failures - 1)));
      continue;
    }
    failures = 0;
    CO_TRY(local_.put(found.events));
    report.downloaded += found.events.size();
    report.unavailable += count - std::min(count, found.events.size());
    at += count;
    progress(report);
  }
  co_return Result<void>{};
}

base::Task<Result<void>> Syncer::upload(std::vector<EventId> ids, SyncReport& report,
                                        Progress progress) {
  report.to_upload = ids.size();
  const std::size_t window = std::max<std::size_t>(options_.upload_window, 1);
  for (std::size_t at = 0; at < ids.size();) {
    const auto state = std::make_shared<Uploading>(pool_.loop());
    for (; at < ids.size() && state->open < window; ++at) {
      CO_TRY(std::optional<Event> event, local_.get(ids[at]));
      if (!event) continue;  // replaced or deleted since
      ++state->open;
      pool_.spawn("sync upload", upload_one(pool_, report.relay, *std::move(event), state));
    }
    // Each publication ends by itself after the pool's time for an OK.
    while (state->open > 0) co_await state->changed.wait_for(std::chrono::seconds{1});
    std::size_t lost = 0;
    for (const PublishOutcome& outcome : state->outcomes) {
      if (outcome.state == PublishOutcome::State::kAccepted) {
        ++report.uploaded;
        continue;
      }
      ++report.refused;
      report.last_refusal = outcome.message;
      if (outcome.state == PublishOutcome::State::kUnknown) ++lost;
    }
    progress(report);
    if (lost > 0 && lost == state->outcomes.size())
      co_return base::fail(Errc::kUnavailable, report.relay + ": " + report.last_refusal);
  }
  co_return Result<void>{};
}

}  // namespace nostr
