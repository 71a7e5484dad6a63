// The relay pool: subscriptions as desired state, fetch, publish — everything verified before it
// reaches a handler.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/histogram.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "nostr/base/workers.h"
#include "nostr/client/clock_offset.h"
#include "nostr/client/connection_options.h"
#include "nostr/client/publish_outcome.h"
#include "nostr/client/relay_documents.h"
#include "nostr/client/relay_status.h"
#include "nostr/client/seen.h"
#include "nostr/event/event.h"
#include "nostr/event/filter.h"
#include "nostr/event/message.h"
#include "nostr/net/net_thread.h"
#include "nostr/net/ws_client.h"
#include "nostr/nips/nip45.h"
#include "nostr/nips/nip65.h"
#include "nostr/signer/signer.h"

namespace nostr {

/// A verified event and the relay that delivered it.
struct Delivery {
  EventPtr event;
  std::string relay;
  bool stored = false;  ///< came before EOSE of that relay
};

/// What a subscription tells its owner. App thread.
struct SubscriptionCallbacks {
  /// Verified events that match the filters, each id once per subscription, in relay order.
  std::function<void(std::span<const Delivery>)> on_events;
  /// A relay has sent all it had stored (again after each reconnect).
  std::function<void(const std::string& relay)> on_eose;
  /// A relay ended the subscription for good: not auth-required, which is answered, and not a
  /// passing reason such as rate-limited, after which it is asked again. Also for a URL that is none.
  std::function<void(const std::string& relay, const std::string& message)> on_closed;
};

/// Handle of a live subscription; destroying it sends CLOSE.
class Subscription {
 public:
  virtual ~Subscription() = default;
  /// Replaces the filters; relays get the new REQ, ids delivered before are not delivered again.
  /// Until a relay serves the new filters it goes on serving the old ones, so nothing falls between.
  virtual void update(Filters filters) = 0;
};

/// One NIP-77 conversation with a relay. Destroying it ends it.
class Negotiation {
 public:
  virtual ~Negotiation() = default;
  /// Sends the next message (the first goes out as NEG-OPEN) and waits for the relay's, both in hex.
  /// kUnsupported: the relay refused, by whatever means. kTimeout: it was silent for `limit`.
  /// kUnavailable: it cannot be reached, or was lost. App thread; one call at a time.
  virtual base::Task<base::Result<std::string>> exchange(std::string payload_hex,
                                                         std::chrono::milliseconds limit) = 0;
};

struct FetchResult {
  std::vector<EventPtr> events;       ///< verified, unique, newest first
  std::vector<std::string> complete;  ///< relays that answered with EOSE, as the caller spelt them
  std::vector<std::string> finished;  ///< of these, who said that this was all (NIP-67)
  std::vector<std::pair<std::string, std::string>> failed;  ///< relay, why
};

/// On which terms an identity answers NIP-42 challenges.
struct AuthTerms {
  /// Asked before the first signature for a relay, when set; false denies until set_auth() again.
  std::function<base::Task<bool>(std::string relay)> ask;
  /// Answer a challenge before anything was refused, and then ask again for everything: for relays
  /// that hide private kinds from strangers without a word, such as inbox relays.
  bool eager = false;
};

struct PoolOptions {
  EventLimits limits;
  WsClientOptions socket;
  ConnectionOptions connection;
  std::chrono::milliseconds backoff_initial{500};
  std::chrono::milliseconds backoff_max{60'000};
  std::chrono::milliseconds ok_timeout{10'000};
  std::chrono::milliseconds idle_close{30'000};   ///< a connection nobody needs is closed after this
  /// A relay that misbehaved is not spoken to so long; twice as long each further time, up to 64×.
  std::chrono::milliseconds leave_for{600'000};
  std::size_t seen_capacity = 65'536;        ///< verified ids remembered
  std::size_t delivered_capacity = 65'536;   ///< delivered ids remembered, per subscription
  std::size_t max_fetched = 200'000;         ///< events one fetch collects
  /// Malformed, forged or unmatched frames before a relay is left; a hundred good events forgive one.
  std::size_t max_bad_frames = 100;
  /// Fetch a relay's information document (NIP-11) once it could change what we do: many
  /// subscriptions, a large frame, a refusal that speaks of a limit.
  bool read_documents = true;
};

/// One publication.
struct PublishOptions {
  std::optional<std::chrono::milliseconds> limit;  ///< wait so long for each OK; default ok_timeout
  /// Whether an event whose OK was lost with the connection is sent once more on the next one. A
  /// caller that asks the relay for the id first says no.
  bool repeat = true;
};

/// All relay connections of the process. Relay URLs are compared in the normal form of
/// nostr/nips/nip65.h (normalize_relay_url); one that is no relay URL fails like an unreachable
/// one. App thread; connections, parsing and verification happen on the net thread and the workers.
class Pool {
 public:
  /// All references outlive the pool.
  Pool(base::Loop& loop, NetThread& net, base::Workers& workers, const base::Clock& clock,
       base::Rng& rng, PoolOptions options = {});
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Which identity answers NIP-42 challenges of `relay` ("" = every relay without its own), and
  /// on which `terms`; none (nullptr) denies. Only kind 22242 for the URL we are connected to is
  /// ever signed. `signer` outlives the pool.
  void set_auth(std::string relay, Signer* signer, AuthTerms terms = {});

  /// From here on only `trusted` relays may lead to private addresses (loopback, RFC 1918, …): a
  /// stranger's relay list must not make us knock on doors of our own network. Default: any may.
  void restrict_private(std::vector<std::string> trusted);

  /// Keeps `filters` subscribed on every one of `relays` until the handle dies: reconnects for
  /// ever with jittered backoff and re-sends REQ.
  std::unique_ptr<Subscription> subscribe(std::vector<std::string> relays, Filters filters,
                                          SubscriptionCallbacks callbacks);
  /// Stored events only: waits for EOSE of every relay or `limit`; a relay that cannot be reached
  /// or refuses is named in `failed` at once.
  base::Task<FetchResult> fetch(std::vector<std::string> relays, Filters filters,
                                std::chrono::milliseconds limit);
  /// Sends `event` and waits for OK from each relay, connecting first where needed; `duplicate:`
  /// counts as accepted, and a relay that cannot be reached is kUnsent with the cause. One outcome
  /// per relay, in the order and spelling given.
  base::Task<std::vector<PublishOutcome>> publish(std::vector<std::string> relays, Event event,
                                                  PublishOptions options = {});
  /// NIP-45. kUnsupported when the relay closes or stays silent.
  base::Task<base::Result<CountAnswer>> count(std::string relay, Filters filters,
                                                std::chrono::milliseconds limit);
  /// Opens a NIP-77 conversation about `filter`; nothing is sent before the first exchange.
  std::unique_ptr<Negotiation> negotiate(std::string relay, Filter filter);
  std::vector<RelayStatus> status() const;
  /// Runs `task` until it ends or the pool stops: for what is built on the pool and must not wait
  /// for its own end, such as a Feed.
  void spawn(std::string name, base::Task<void> task);
  base::Loop& loop() const;
  /// Calls `callback` whenever the state of a relay changes. Data never waits behind it.
  void on_status(std::function<void(const RelayStatus&)> callback);
  /// A relay's information document (NIP-11), at most an hour old, within the address policy.
  base::Task<base::Result<RelayDocument>> information(std::string relay);
  /// What the relays say of our clock so far: their median. describe() puts it into words.
  std::optional<ClockOffset> clock_offset() const;
  /// Signatures checked so far; copies of known events cost none.
  std::uint64_t verifications() const;
  /// How long each of them took.
  base::HistogramView verify_times() const;
  /// Closes every connection and waits for the coroutines of the pool. Whoever waits in fetch,
  /// publish or count gets an answer; no callback runs afterwards.
  base::Task<void> stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< shared with handles and waiting coroutines, which may live longer
};

}  // namespace nostr
