// The relay's shell: sockets on the net thread, sessions on the app loop, one hop between them.
#include "nostr/server/relay.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "nostr/base/log.h"
#include "nostr/nips/nip11.h"
#include "nostr/server/relay_session.h"

namespace nostr {
namespace {

constexpr std::size_t kFramesPerTurn = 64;       ///< then other work of the loop gets its chance
constexpr std::size_t kPumpBytes = 128u << 10;   ///< stored events per session and turn
constexpr std::size_t kPauseReading = 1u << 20;  ///< unhandled bytes of one client
constexpr std::size_t kResumeReading = 256u << 10;

struct Notice {
  enum class What { kConnect, kFrame, kDisconnect, kDrained };
  What what = What::kFrame;
  ConnectionId connection = 0;
  Frame frame;
};

std::string information(const RelayOptions& options, const NetOptions& net) {
  RelayInfo info;
  info.name = options.name;
  info.description = options.description;
  info.supported_nips = {1, 9, 11, 40, 42, 45, 70};
  info.software = "sovereign";
  info.limitation.max_message_length = static_cast<std::int64_t>(net.max_frame_bytes);
  info.limitation.max_subscriptions = static_cast<std::int64_t>(options.max_subscriptions);
  info.limitation.max_limit = static_cast<std::int64_t>(options.max_results);
  info.limitation.max_subid_length = static_cast<std::int64_t>(kMaxSubChars);
  info.limitation.max_event_tags = static_cast<std::int64_t>(options.limits.max_tags);
  info.limitation.created_at_upper_limit = options.max_future.count();
  info.limitation.auth_required = false;
  info.limitation.payment_required = false;
  return build_relay_info(info);
}

}  // namespace

struct Relay::Impl final : WsServerHandler, std::enable_shared_from_this<Relay::Impl> {
  Impl(base::Loop& l, EventStore& s, const base::Clock& c, base::Rng& r, RelayOptions o)
      : loop(l), store(s), clock(c), rng(r), options(std::move(o)) {}

  base::Loop& loop;
  EventStore& store;
  const base::Clock& clock;
  base::Rng& rng;
  const RelayOptions options;
  std::string info_document;  ///< constant once listening

  // App thread.
  SessionRules rules;
  std::unordered_map<ConnectionId, RelaySession> sessions;
  std::deque<ConnectionId> runnable;  ///< sessions with a backlog and room to send
  std::string url;

  std::mutex mutex;  ///< guards the members below
  std::unique_ptr<WsServer> server;
  std::deque<Notice> inbox;
  std::unordered_map<ConnectionId, std::size_t> unhandled;  ///< bytes in the inbox, while connected
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
  void handle_frame(const Notice& notice);
  void handled(const Notice& notice);
  void broadcast(const Event& event);
  void send(ConnectionId connection, std::vector<std::string> frames);
  void make_runnable(ConnectionId connection);
  void pump_runnable();
};

// --- net thread ---

void Relay::Impl::push(Notice notice) {
  const std::lock_guard lock(mutex);
  inbox.push_back(std::move(notice));
  schedule_locked();
}

void Relay::Impl::schedule_locked() {
  if (std::exchange(turn_due, true)) return;
  loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->turn();
  });
}

void Relay::Impl::on_connect(ConnectionId connection, std::string) {
  {
    const std::lock_guard lock(mutex);
    unhandled.emplace(connection, 0);
  }
  push({.what = Notice::What::kConnect, .connection = connection});
}

void Relay::Impl::on_frame(ConnectionId connection, Frame frame) {
  const std::size_t size = frame->size();
  const std::lock_guard lock(mutex);
  inbox.push_back(
      {.what = Notice::What::kFrame, .connection = connection, .frame = std::move(frame)});
  std::size_t& bytes = unhandled[connection];
  const bool was_below = bytes < kPauseReading;
  bytes += size;
  if (was_below && bytes >= kPauseReading && server) server->set_reading(connection, false);
  schedule_locked();
}

void Relay::Impl::on_disconnect(ConnectionId connection) {
  {
    const std::lock_guard lock(mutex);
    unhandled.erase(connection);
  }
  push({.what = Notice::What::kDisconnect, .connection = connection});
}

void Relay::Impl::on_drained(ConnectionId connection) {
  push({.what = Notice::What::kDrained, .connection = connection});
}

HttpResponse Relay::Impl::on_http(const HttpRequest& request) {
  HttpResponse out;
  out.headers = {{"access-control-allow-origin", "*"},
                 {"access-control-allow-headers", "*"},
                 {"access-control-allow-methods", "GET, OPTIONS"}};
  if (request.method == "OPTIONS") {
    out.status = 204;
  } else if (request.method != "GET" && request.method != "HEAD") {
    out.status = 405;
    out.body = "only GET\n";
  } else if (request.accept.find("application/nostr+json") != std::string::npos) {
    out.content_type = "application/nostr+json";
    out.body = info_document;
  } else {
    out.body = options.name + ": connect with a Nostr client\n";
  }
  return out;
}

// --- app thread ---

void Relay::Impl::turn() {
  std::vector<Notice> batch;
  {
    const std::lock_guard lock(mutex);
    turn_due = false;
    if (!server) return;
    while (!inbox.empty() && batch.size() < kFramesPerTurn) {
      batch.push_back(std::move(inbox.front()));
      inbox.pop_front();
    }
  }
  for (const Notice& notice : batch) handle(notice);
  pump_runnable();
  const std::lock_guard lock(mutex);
  if (!inbox.empty() || !runnable.empty()) schedule_locked();
}

void Relay::Impl::handle(const Notice& notice) {
  switch (notice.what) {
    case Notice::What::kConnect: {
      RelaySession session(rules, store, rng.hex(16));
      std::vector<std::string> greeting{session.greeting()};
      sessions.emplace(notice.connection, std::move(session));
      send(notice.connection, std::move(greeting));
      return;
    }
    case Notice::What::kFrame:
      return handle_frame(notice);
    case Notice::What::kDisconnect:
      sessions.erase(notice.connection);
      return;
    case Notice::What::kDrained:
      make_runnable(notice.connection);
      return;
  }
}

void Relay::Impl::handle_frame(const Notice& notice) {
  handled(notice);
  const auto found = sessions.find(notice.connection);
  if (found == sessions.end()) return;
  RelaySession::Reply reply = found->second.on_frame(*notice.frame, clock.now());
  send(notice.connection, std::move(reply.frames));
  make_runnable(notice.connection);
  if (reply.accepted) broadcast(*reply.accepted);
}

/// Keeps the account of unhandled bytes and reads on when a paused client has caught up.
void Relay::Impl::handled(const Notice& notice) {
  const std::lock_guard lock(mutex);
  const auto found = unhandled.find(notice.connection);
  if (found == unhandled.end()) return;
  const std::size_t before = found->second;
  found->second -= std::min(before, notice.frame->size());
  if (before > kResumeReading && found->second <= kResumeReading)
    server->set_reading(notice.connection, true);
}

void Relay::Impl::broadcast(const Event& event) {
  const std::string json = to_json(event);
  for (auto& [connection, session] : sessions) {
    std::vector<std::string> frames;
    session.on_live(event, json, frames);
    send(connection, std::move(frames));
  }
}

void Relay::Impl::send(ConnectionId connection, std::vector<std::string> frames) {
  for (std::string& frame : frames) {
    const auto sent = server->send(connection, std::move(frame));
    if (sent) continue;
    if (sent.error().code == base::Errc::kLimit) {
      LOG(kInfo, "relay", "slow reader dropped", {{"connection", std::to_string(connection)}});
      server->abort(connection);
    }
    return;
  }
}

void Relay::Impl::make_runnable(ConnectionId connection) {
  const auto found = sessions.find(connection);
  if (found == sessions.end() || !found->second.has_backlog()) return;
  if (std::ranges::find(runnable, connection) == runnable.end()) runnable.push_back(connection);
}

/// One slice of stored events for each session that can take it. A session whose socket is behind
/// leaves the list; on_drained brings it back.
void Relay::Impl::pump_runnable() {
  std::deque<ConnectionId> round = std::exchange(runnable, {});
  for (const ConnectionId connection : round) {
    const auto found = sessions.find(connection);
    if (found == sessions.end() || server->queued_bytes(connection) >= kHighWater) continue;
    std::vector<std::string> frames;
    found->second.pump(kPumpBytes, clock.now(), frames);
    send(connection, std::move(frames));
    make_runnable(connection);
  }
}

// --- the public face ---

base::Result<std::unique_ptr<Relay>> Relay::start(base::Loop& loop, NetThread& net,
                                                  EventStore& store, const base::Clock& clock,
                                                  base::Rng& rng, RelayOptions options) {
  auto impl = std::make_shared<Impl>(loop, store, clock, rng, std::move(options));
  const RelayOptions& opts = impl->options;
  impl->info_document = information(opts, NetOptions{});
  impl->rules = {.limits = opts.limits,
                 .max_subscriptions = opts.max_subscriptions,
                 .max_filters = opts.max_filters,
                 .max_results = opts.max_results,
                 .max_future = opts.max_future,
                 .auth_for_private = opts.auth_for_private};
  TRY(auto server, WsServer::listen(net, opts.server, impl));
  const std::string port = ":" + std::to_string(server->port());
  const bool v6 = opts.server.address.find(':') != std::string::npos;
  impl->url = "ws://" + (v6 ? "[" + opts.server.address + "]" : opts.server.address) + port;
  impl->rules.urls = {impl->url, "ws://localhost" + port};
  if (!opts.public_url.empty()) impl->rules.urls.push_back(opts.public_url);
  {
    const std::lock_guard lock(impl->mutex);
    impl->server = std::move(server);
  }
  return std::unique_ptr<Relay>(new Relay(std::move(impl)));
}

Relay::Relay(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Relay::~Relay() {
  std::unique_ptr<WsServer> server;
  {
    const std::lock_guard lock(impl_->mutex);
    server = std::move(impl_->server);
  }
  server.reset();  // waits for the net thread, which may want the lock
}

std::uint16_t Relay::port() const {
  return impl_->server->port();
}

std::string Relay::url() const {
  return impl_->url;
}

}  // namespace nostr
