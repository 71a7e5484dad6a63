// The dashboard: a page on loopback about one agent, live over a websocket, and /metrics.
//
// It shows and cannot act, but for one thing: it can pause. Whoever opens it must have the token of the
// home (dashboard.token, 0600), which the page sends as the first message of its websocket; it is in no
// URL the server sees. A page of another site is turned away by its Origin, one that came by another
// name of this address (DNS rebinding) by its Host.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/dashboard/relay_timeline.h"
#include "node/home.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "nostr/net/net_thread.h"

namespace node {

/// What the page is told; each is called on the app thread.
struct DashboardSource {
  std::function<base::Result<base::json::Value>()> now;                       ///< everything at a glance
  std::function<base::Result<base::json::Value>(const std::string& d)> session;  ///< one trajectory
  std::function<std::string()> metrics;                                       ///< Prometheus text
  std::function<base::Result<void>(const std::string& reason)> pause;
};

/// "127.0.0.1:7788" or "[::1]:7788"; kInvalid for any other address than loopback: what is shown here
/// goes over plain HTTP.
struct DashboardAddress {
  std::string address;
  std::uint16_t port = 0;
};
base::Result<DashboardAddress> parse_dashboard_address(const std::string& text);

/// The token of the home, made at first use, mode 0600.
base::Result<std::string> dashboard_token(const Home& home, base::Rng& rng);

class Dashboard {
 public:
  /// `loop` and `net` outlive it.
  static base::Result<std::unique_ptr<Dashboard>> start(base::Loop& loop, nostr::NetThread& net,
                                                        const DashboardAddress& address,
                                                        std::string token, DashboardSource source);
  ~Dashboard();
  std::uint16_t port() const;
  /// Ends its coroutines; nothing is served from then on.
  base::Task<void> stop();

  struct Impl;

 private:
  explicit Dashboard(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace node
