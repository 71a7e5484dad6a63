// What the relay is made of, for its two source files: relay.cpp, the relay as it should be, and
// relay_faults.cpp, what rules make of it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

#include "nostr/server/relay.h"
#include "nostr/server/relay_session.h"

namespace nostr {

constexpr std::size_t kPauseReading = 1u << 20;  ///< unhandled bytes of one client

struct Relay::Impl final : WsServerHandler, std::enable_shared_from_this<Relay::Impl> {
  Impl(base::Loop& l, NetThread& n, EventStore& s, const base::Clock& c, base::Rng& r, RelayOptions o)
      : loop(l), net(n), store(s), clock(c), rng(r), options(std::move(o)), faults(options.fault_seed) {
    for (const FaultRule& rule : options.faults) faults.add(rule);
  }

  base::Loop& loop;
  NetThread& net;
  EventStore& store;
  const base::Clock& clock;
  base::Rng& rng;
  const RelayOptions options;
  std::string info_document;  ///< constant once listening

  /// What the net thread has to tell.
  struct Notice {
    enum class What { kConnect, kFrame, kDisconnect, kDrained };
    What what = What::kFrame;
    ConnectionId connection = 0;
    Frame frame;
  };
  struct Client {
    RelaySession session;
    bool half_open = false;
    std::size_t postponed = 0;  ///< bytes that wait for their time
  };
  struct Postponed {
    ConnectionId connection = 0;
    Effect effect;
  };

  // App thread.
  SessionRules rules;
  std::unordered_map<ConnectionId, Client> clients;
  std::deque<ConnectionId> runnable;  ///< clients with a backlog and room to send
  std::string url;
  std::uint16_t port = 0;
  FaultEngine faults;
  std::multimap<milliseconds, Postponed> postponed;  ///< by due time; equal ones in order

  struct Unhandled {
    std::size_t bytes = 0;
    bool held = false;  ///< a fault has stopped the reading
  };
  std::mutex mutex;  ///< guards the members below; `server` changes on the app thread only
  std::unique_ptr<WsServer> server;
  bool stopped = false;
  std::deque<Notice> inbox;
  std::unordered_map<ConnectionId, Unhandled> unhandled;  ///< in the inbox, while connected
  bool turn_due = false;

  // Net thread.
  void on_connect(ConnectionId connection, std::string) override;
  void on_frame(ConnectionId connection, Frame frame) override;
  void on_disconnect(ConnectionId connection) override;
  void on_drained(ConnectionId connection) override;
  HttpResponse on_http(const HttpRequest& request) override;
  void push(Notice notice);

  // App thread.
  void schedule_locked();
  void turn();
  void handle(const Notice& notice);
  void connect(ConnectionId connection);
  void handle_frame(const Notice& notice);
  void handled(const Notice& notice);
  void answer(ConnectionId connection, const std::string& frame);
  void broadcast(const Event& event);
  void send(ConnectionId connection, std::vector<std::string> frames);
  void write(ConnectionId connection, std::string frame);
  void make_runnable(ConnectionId connection);
  void pump_runnable();
  base::Result<void> listen(std::uint16_t at_port);

  // App thread, in relay_faults.cpp.
  void begin(ConnectionId connection);
  bool is_faulty() const { return !faults.empty() || !postponed.empty(); }
  FaultEngine::Context context_of(ConnectionId connection, Direction direction, std::chrono::milliseconds now);
  void pass(ConnectionId connection, Direction direction, std::string frame);
  void carry_out(ConnectionId connection, std::vector<Effect> effects, std::chrono::milliseconds now);
  void carry_out_now(ConnectionId connection, Effect& effect);
  void postpone(ConnectionId connection, Effect effect, std::chrono::milliseconds now);
  void release_due(std::chrono::milliseconds now);
  void call_later(milliseconds delay, std::function<void(Impl&)> what);
  void rotate_challenge(ConnectionId connection);
  void hold_reading(ConnectionId connection, bool hold);
  void restart(milliseconds pause);
  void listen_again();
};

}  // namespace nostr
