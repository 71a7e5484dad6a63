// Bringing a local set of events and a relay together: NIP-77 where the relay can, pages where not.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nostr/client/paging.h"
#include "nostr/nips/nip77.h"

namespace nostr {

/// Our side of a sync. Declared here, implemented by storage. App thread.
class LocalEvents {
 public:
  virtual ~LocalEvents() = default;
  /// Every event we have for `filter`, in any order.
  virtual base::Result<std::vector<NegItem>> items(const Filter& filter) = 0;
  virtual base::Result<std::optional<Event>> get(const EventId& id) = 0;
  /// Keeps verified events; those that rules of the store keep out are no error.
  virtual base::Result<void> put(std::span<const EventPtr> events) = 0;
};

enum class SyncDirection { kDown, kUp, kBoth };

struct SyncOptions {
  SyncDirection direction = SyncDirection::kDown;
  NegLimits negentropy;
  PagingLimits paging;
  std::chrono::milliseconds answer_patience{15'000};  ///< for each message of a reconciliation
  std::chrono::milliseconds batch_patience{30'000};   ///< for each batch of ids
  std::size_t download_batch = 100;                   ///< ids in one REQ
  std::size_t upload_window = 32;                     ///< events on their way to the relay
  std::chrono::seconds refused_for{3'600};            ///< how long a refusal of NIP-77 is remembered
};

/// What came of one filter at one relay, or has so far.
struct SyncReport {
  std::string relay;
  bool reconciled = false;  ///< by NIP-77
  std::string refusal;      ///< why not, when pages took its place
  std::size_t local = 0;    ///< events we had
  std::size_t downloaded = 0;
  std::size_t unavailable = 0;  ///< the relay named them and did not send them
  std::size_t uploaded = 0;
  std::size_t refused = 0;      ///< the relay did not take them
  std::size_t to_upload = 0;
  std::string last_refusal;     ///< what it said about one of these
  std::optional<base::Error> error;  ///< what ended it early; the counts hold

  bool is_complete() const { return !error && unavailable == 0 && refused == 0; }
};

/// Syncs one store with any relay. Everything is downloaded and kept before anything is uploaded, so
/// that a slow or failing destination cannot hold up the source. App thread; references outlive
/// every call.
class Syncer {
 public:
  Syncer(Pool& pool, const base::Clock& clock, LocalEvents& local, SyncOptions options = {});

  using Progress = std::function<void(const SyncReport&)>;
  /// A `limit` of the filter plays no part.
  base::Task<SyncReport> sync(std::string relay, Filter filter, Progress progress = {});

 private:
  struct Difference {
    std::vector<EventId> need;
    std::vector<EventId> have;
  };
  base::Task<base::Result<Difference>> reconcile(std::string relay, Filter filter,
                                                 std::vector<NegItem> items);
  base::Task<base::Result<void>> download(std::vector<EventId> ids, SyncReport& report,
                                          Progress progress);
  base::Task<base::Result<std::vector<EventId>>> page(Filter filter, std::vector<NegItem> items,
                                                      SyncReport& report, Progress progress);
  base::Task<base::Result<void>> upload(std::vector<EventId> ids, SyncReport& report,
                                        Progress progress);
  base::Task<base::Result<void>> run(Filter filter, SyncReport& report, Progress progress);
  bool refused_lately(const std::string& relay) const;
  void remember_refusal(const std::string& relay);

  Pool& pool_;
  const base::Clock& clock_;
  LocalEvents& local_;
  const SyncOptions options_;
  std::map<std::string, UnixTime> refused_;  ///< NIP-77, by relay, until when
};

}  // namespace nostr
