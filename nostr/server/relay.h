// The embedded relay: NIP-01, 09, 11, 40, 42, 45, 70 over nostr/net/ws_server. For development, tests, demos.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "nostr/base/loop.h"
#include "nostr/net/net_thread.h"
#include "nostr/net/ws_server.h"
#include "nostr/event/event_json.h"
#include "nostr/server/event_store.h"

namespace nostr {

struct RelayOptions {
  WsServerOptions server;
  std::string name = "sovereign relay";
  std::string description = "embedded relay for development and tests";
  EventLimits limits{.max_bytes = 65'536, .max_tags = 2'000, .max_tag_elements = 200};
  std::size_t max_subscriptions = 64;     ///< per connection
  std::size_t max_filters = 20;           ///< per REQ
  std::size_t max_results = 500'000;      ///< stored events per REQ when no limit is given
  std::chrono::seconds max_future{900};
  std::string public_url;                 ///< further name AUTH events may carry, e.g. behind a proxy
  bool auth_for_private = true;           ///< NIP-42 before kinds 4, 1059 are read by their p-tagged key
};

/// A relay that runs on the app loop; sockets live on the net thread.
class Relay {
 public:
  /// Binds at once. All references outlive the relay, and `loop` outlives `net`.
  static base::Result<std::unique_ptr<Relay>> start(base::Loop& loop, NetThread& net,
                                                    EventStore& store, const base::Clock& clock,
                                                    base::Rng& rng, RelayOptions options);
  ~Relay();
  std::uint16_t port() const;
  /// "ws://address:port".
  std::string url() const;

  struct Impl;

 private:
  explicit Relay(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace nostr
