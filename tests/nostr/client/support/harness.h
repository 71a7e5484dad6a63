// What the client's tests share: a pool on a loop, relays that do as they are told, signed events.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "nostr/base/loop.h"
#include "nostr/client/pool.h"
#include "nostr/event/message.h"
#include "nostr/net/ws_server.h"
#include "nostr/signer/key_signer.h"

namespace nostr::testing {

/// A signed kind-`kind` event of a key made from `author`.
Event make_event(std::uint64_t author, std::string content, Kind kind = 1, Tags tags = {},
                 std::int64_t created_at = 1'700'000'000);
SecretKey make_key(std::uint64_t author);
/// The same event with one character of the content changed: right shape, wrong id.
Event with_wrong_content(Event event);
/// The same event with a signature that does not verify.
Event with_wrong_signature(Event event);
Filters kind_filter(Kind kind);

/// A websocket server with a script instead of a mind. The script runs on the net thread.
class ScriptedRelay final : public WsServerHandler,
                            public std::enable_shared_from_this<ScriptedRelay> {
 public:
  using Script = std::function<void(ScriptedRelay&, ConnectionId, const ClientMessage&)>;

  /// `changed` is called (on the net thread) after every frame and connection. Port 0 picks one.
  static std::shared_ptr<ScriptedRelay> start(NetThread& net, Script script,
                                              std::function<void()> changed, std::uint16_t port = 0);
  std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  void send(ConnectionId connection, std::string frame);
  /// Closes every connection and stops listening.
  void stop();
  void abort_all();

  /// What clients sent so far, and how many connected. Any thread.
  std::vector<ClientMessage> received() const;
  std::size_t connections() const;
  std::size_t count_reqs() const;
  std::size_t count_closes() const;
  std::size_t count_events() const;
  std::vector<from_client::Auth> auths() const;
  /// Called on the net thread when a client connects.
  using Greeting = std::function<void(ScriptedRelay&, ConnectionId)>;
  void set_greeting(Greeting greeting);
  /// What HTTP requests are answered with (404 until set), and how many there were.
  void set_document(HttpResponse response);
  std::size_t document_reads() const;

  void on_connect(ConnectionId connection, std::string peer) override;
  void on_frame(ConnectionId connection, Frame frame) override;
  void on_drained(ConnectionId) override {}
  void on_disconnect(ConnectionId connection) override;
  HttpResponse on_http(const HttpRequest& request) override;

 private:
  Script script_;
  std::function<void()> changed_;
  std::shared_ptr<WsServer> server_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;  ///< guards the rest
  Greeting greeting_;
  HttpResponse document_{.status = 404};
  std::size_t document_reads_ = 0;
  std::vector<ClientMessage> received_;
  std::vector<ConnectionId> open_;
  std::size_t connected_ = 0;
};

/// A script that answers REQ with `events` that match and EOSE, EVENT with OK, and closes nothing.
ScriptedRelay::Script serve(std::vector<Event> events);

/// Stores `events`, forgets nothing it is sent, passes on what comes live and serves at most
/// `subscriptions` REQs at a time, as strfry does. `refuse` says no to those beyond.
using Refuse = std::function<std::string(const std::string& sub)>;
ScriptedRelay::Script serve_at_most(std::size_t subscriptions, std::vector<Event> events,
                                    Refuse refuse);

/// A pool with everything it needs. Callbacks of tests call note() so that until() looks again.
class Harness {
 public:
  explicit Harness(PoolOptions options = quick());
  ~Harness();
  static PoolOptions quick();

  std::shared_ptr<ScriptedRelay> relay(ScriptedRelay::Script script, std::uint16_t port = 0);
  /// Runs the loop until `condition` holds; a test failure after a long silence.
  void until(std::function<bool()> condition);
  void note() { changed_.notify(); }
  /// Callbacks that collect into `events`, `eoses` and `closed`.
  SubscriptionCallbacks collect();
  RelayStatus status(const std::string& url) const;
  void stop_pool();

  std::vector<Delivery> events;
  std::vector<std::string> eoses;
  std::vector<std::pair<std::string, std::string>> closed;

  base::Loop loop;
  NetThread net;
  base::Workers workers{2};
  base::SystemClock clock;
  base::SeededRng rng{7};
  std::unique_ptr<Pool> pool;

 private:
  base::Signal changed_{loop};
  std::vector<std::shared_ptr<ScriptedRelay>> relays_;
};

}  // namespace nostr::testing
