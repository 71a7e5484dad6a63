// The relay's shell: sockets on the net thread, sessions on the app loop, one hop between them.
#include "nostr/server/relay.h"

#include <algorithm>
#include <utility>

#include "nostr/base/log.h"
#include "nostr/nips/nip11.h"
#include "nostr/server/relay_impl.h"

namespace nostr {
namespace {

constexpr std::size_t kFramesPerTurn = 64;       ///< then other work of the loop gets its chance
constexpr std::size_t kPumpBytes = 128u << 10;   ///< stored events per session and turn
constexpr std::size_t kResumeReading = 256u << 10;

std::string information(const RelayOptions& options) {
  const SessionRules& rules = options.rules;
  RelayInfo info;
  info.name = options.name;
  info.description = options.description;
  info.supported_nips = {1, 9, 11, 40, 42, 45, 62};
  if (rules.eose_hints) info.supported_nips.push_back(67);
  info.supported_nips.push_back(70);
  if (rules.max_neg_sessions > 0) info.supported_nips.push_back(77);
  info.software = "sovereign";
  info.limitation.max_message_length = static_cast<std::int64_t>(rules.max_message_bytes);
  info.limitation.max_subscriptions = static_cast<std::int64_t>(rules.max_subscriptions);
  info.limitation.max_limit = static_cast<std::int64_t>(rules.max_results);
  info.limitation.max_subid_length = static_cast<std::int64_t>(rules.max_sub_chars);
  info.limitation.max_event_tags = static_cast<std::int64_t>(rules.limits.max_tags);
  info.limitation.created_at_upper_limit = rules.max_future.count();
  if (rules.max_past) info.limitation.created_at_lower_limit = rules.max_past->count();
  info.limitation.auth_required = false;
  info.limitation.payment_required = false;
  return build_relay_info(info);
}

}  // namespace

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
    unhandled.emplace(connection, Unhandled{});
  }
  push({.what = Notice::What::kConnect, .connection = connection});
}

void Relay::Impl::on_frame(ConnectionId connection, Frame frame) {
  const std::size_t size = frame->size();
  const std::lock_guard lock(mutex);
  inbox.push_back(
      {.what = Notice::What::kFrame, .connection = connection, .frame = std::move(frame)});
  std::size_t& bytes = unhandled[connection].bytes;
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
    if (stopped) return;
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
    case Notice::What::kConnect:
      return connect(notice.connection);
    case Notice::What::kFrame:
      return handle_frame(notice);
    case Notice::What::kDisconnect:
      clients.erase(notice.connection);
      faults.on_disconnect(notice.connection);
      return;
    case Notice::What::kDrained:
      make_runnable(notice.connection);
      return;
  }
}

void Relay::Impl::connect(ConnectionId connection) {
  RelaySession session(rules, store, rng.hex(16));
  std::vector<std::string> greeting{session.greeting()};
  clients.emplace(connection, Client{.session = std::move(session)});
  begin(connection);
  send(connection, std::move(greeting));
}

void Relay::Impl::handle_frame(const Notice& notice) {
  handled(notice);
  if (is_faulty()) return pass(notice.connection, Direction::kIn, *notice.frame);
  answer(notice.connection, *notice.frame);
}

/// Lets the client's session see `frame` and sends what it says.
void Relay::Impl::answer(ConnectionId connection, const std::string& frame) {
  const auto found = clients.find(connection);
  if (found == clients.end() || found->second.half_open) return;
  RelaySession::Reply reply = found->second.session.on_frame(frame, clock.now());
  send(connection, std::move(reply.frames));
  make_runnable(connection);
  if (reply.accepted) broadcast(*reply.accepted);
}

/// Keeps the account of unhandled bytes and reads on when a paused client has caught up.
void Relay::Impl::handled(const Notice& notice) {
  const std::lock_guard lock(mutex);
  const auto found = unhandled.find(notice.connection);
  if (found == unhandled.end()) return;
  std::size_t& bytes = found->second.bytes;
  const std::size_t before = bytes;
  bytes -= std::min(before, notice.frame->size());
  if (before > kResumeReading && bytes <= kResumeReading && !found->second.held && server)
    server->set_reading(notice.connection, true);
}

void Relay::Impl::broadcast(const Event& event) {
  const std::string json = to_json(event);
  for (auto& [connection, client] : clients) {
    std::vector<std::string> frames;
    client.session.on_live(event, json, frames);
    send(connection, std::move(frames));
  }
}

void Relay::Impl::send(ConnectionId connection, std::vector<std::string> frames) {
  for (std::string& frame : frames) {
    if (is_faulty())
      pass(connection, Direction::kOut, std::move(frame));
    else
      write(connection, std::move(frame));
  }
}

void Relay::Impl::write(ConnectionId connection, std::string frame) {
  const auto found = clients.find(connection);
  if (found == clients.end() || found->second.half_open || !server) return;
  const auto sent = server->send(connection, std::move(frame));
  if (sent || sent.error().code != base::Errc::kLimit) return;
  LOG(kInfo, "relay", "slow reader dropped", {{"connection", std::to_string(connection)}});
  server->abort(connection);
}

void Relay::Impl::make_runnable(ConnectionId connection) {
  const auto found = clients.find(connection);
  if (found == clients.end() || !found->second.session.has_backlog()) return;
  if (std::ranges::find(runnable, connection) == runnable.end()) runnable.push_back(connection);
}

/// One slice of stored events for each session that can take it. A session whose socket is behind
/// leaves the list; on_drained brings it back.
void Relay::Impl::pump_runnable() {
  std::deque<ConnectionId> round = std::exchange(runnable, {});
  for (const ConnectionId connection : round) {
    const auto found = clients.find(connection);
    if (found == clients.end() || found->second.postponed >= kHighWater || !server ||
        server->queued_bytes(connection) >= kHighWater)
      continue;
    std::vector<std::string> frames;
    found->second.session.pump(kPumpBytes, clock.now(), frames);
    send(connection, std::move(frames));
    make_runnable(connection);
  }
}

base::Result<void> Relay::Impl::listen(std::uint16_t at_port) {
  WsServerOptions at = options.server;
  at.port = at_port;
  TRY(auto listener, WsServer::listen(net, at, shared_from_this()));
  port = listener->port();
  const std::lock_guard lock(mutex);
  server = std::move(listener);
  return {};
}

// --- the public face ---

base::Result<std::unique_ptr<Relay>> Relay::start(base::Loop& loop, NetThread& net,
                                                  EventStore& store, const base::Clock& clock,
                                                  base::Rng& rng, RelayOptions options) {
  auto impl = std::make_shared<Impl>(loop, net, store, clock, rng, std::move(options));
  const RelayOptions& opts = impl->options;
  impl->info_document = information(opts);
  TRY(impl->listen(opts.server.port));
  const std::string port = ":" + std::to_string(impl->port);
  const bool v6 = opts.server.address.find(':') != std::string::npos;
  impl->url = "ws://" + (v6 ? "[" + opts.server.address + "]" : opts.server.address) + port;
  impl->rules = opts.rules;
  impl->rules.urls = {impl->url, "ws://localhost" + port};
  if (!opts.public_url.empty()) impl->rules.urls.push_back(opts.public_url);
  return std::unique_ptr<Relay>(new Relay(std::move(impl)));
}

Relay::Relay(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Relay::~Relay() {
  std::unique_ptr<WsServer> server;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    server = std::move(impl_->server);
  }
  server.reset();  // waits for the net thread, which may want the lock
}

std::uint16_t Relay::port() const {
  return impl_->port;
}

std::string Relay::url() const {
  return impl_->url;
}

FaultEngine& Relay::faults() {
  return impl_->faults;
}

std::size_t Relay::connections() const {
  return impl_->clients.size();
}

void Relay::drop_connections() {
  if (!impl_->server) return;
  for (const auto& [connection, client] : impl_->clients) impl_->server->abort(connection);
}

void Relay::restart(milliseconds pause) {
  impl_->restart(pause);
}

void Relay::rotate_challenges() {
  for (const auto& [connection, client] : impl_->clients) impl_->rotate_challenge(connection);
}

}  // namespace nostr
