// The shared parts of the client's tests.
#include "tests/nostr/client/support/harness.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace nostr::testing {

SecretKey make_key(std::uint64_t author) {
  base::SeededRng rng(author);
  return SecretKey::generate(rng);
}

Event make_event(std::uint64_t author, std::string content, Kind kind, Tags tags,
                 std::int64_t created_at) {
  base::SeededRng rng(author + 1'000'000);
  Draft draft{kind, base::unix_time(created_at), std::move(tags), std::move(content)};
  return sign_event(std::move(draft), make_key(author), rng);
}

Event with_wrong_content(Event event) {
  event.content += "!";
  return event;
}

Event with_wrong_signature(Event event) {
  event.sig.data()[40] ^= 1;
  return event;
}

Filters kind_filter(Kind kind) {
  Filter filter;
  filter.kinds = {kind};
  return {filter};
}

// --- ScriptedRelay ---

std::shared_ptr<ScriptedRelay> ScriptedRelay::start(NetThread& net, Script script,
                                                    std::function<void()> changed,
                                                    std::uint16_t port) {
  auto self = std::make_shared<ScriptedRelay>();
  self->script_ = std::move(script);
  self->changed_ = std::move(changed);
  WsServerOptions options;
  options.port = port;
  auto server = WsServer::listen(net, options, self);
  if (!server) {
    ADD_FAILURE() << server.error().detail;
    return self;
  }
  const std::lock_guard lock(self->mutex_);
  self->server_ = *std::move(server);
  self->port_ = self->server_->port();
  return self;
}

void ScriptedRelay::send(ConnectionId connection, std::string frame) {
  std::shared_ptr<WsServer> server;
  {
    const std::lock_guard lock(mutex_);
    server = server_;
  }
  if (server) static_cast<void>(server->send(connection, std::move(frame)));
}

void ScriptedRelay::stop() {
  std::shared_ptr<WsServer> server;
  {
    const std::lock_guard lock(mutex_);
    server = std::move(server_);
  }
}

void ScriptedRelay::abort_all() {
  const std::lock_guard lock(mutex_);
  for (const ConnectionId connection : open_) server_->abort(connection);
}

std::vector<ClientMessage> ScriptedRelay::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

std::size_t ScriptedRelay::connections() const {
  const std::lock_guard lock(mutex_);
  return connected_;
}

namespace {

template <class Message>
std::size_t count_of(const std::vector<ClientMessage>& messages) {
  return static_cast<std::size_t>(std::ranges::count_if(messages, [](const ClientMessage& message) {
    return std::holds_alternative<Message>(message);
  }));
}

}  // namespace

std::size_t ScriptedRelay::count_reqs() const {
  return count_of<from_client::Req>(received());
}
std::size_t ScriptedRelay::count_closes() const {
  return count_of<from_client::Close>(received());
}
std::size_t ScriptedRelay::count_events() const {
  return count_of<from_client::EventMessage>(received());
}

std::vector<from_client::Auth> ScriptedRelay::auths() const {
  std::vector<from_client::Auth> out;
  for (const ClientMessage& message : received())
    if (const auto* auth = std::get_if<from_client::Auth>(&message)) out.push_back(*auth);
  return out;
}

void ScriptedRelay::set_greeting(Greeting greeting) {
  const std::lock_guard lock(mutex_);
  greeting_ = std::move(greeting);
}

void ScriptedRelay::on_connect(ConnectionId connection, std::string /*peer*/) {
  Greeting greeting;
  {
    const std::lock_guard lock(mutex_);
    open_.push_back(connection);
    ++connected_;
    greeting = greeting_;
  }
  if (greeting) greeting(*this, connection);
  changed_();
}

void ScriptedRelay::on_frame(ConnectionId connection, Frame frame) {
  auto message = parse_client_message(*frame);
  if (!message) {
    ADD_FAILURE() << "the client sent " << *frame;
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    received_.push_back(*message);
  }
  script_(*this, connection, *message);
  changed_();
}

void ScriptedRelay::on_disconnect(ConnectionId connection) {
  {
    const std::lock_guard lock(mutex_);
    std::erase(open_, connection);
  }
  changed_();
}

void ScriptedRelay::set_document(HttpResponse response) {
  const std::lock_guard lock(mutex_);
  document_ = std::move(response);
}

std::size_t ScriptedRelay::document_reads() const {
  const std::lock_guard lock(mutex_);
  return document_reads_;
}

HttpResponse ScriptedRelay::on_http(const HttpRequest&) {
  const std::lock_guard lock(mutex_);
  ++document_reads_;
  return document_;
}

ScriptedRelay::Script serve(std::vector<Event> events) {
  return [events = std::move(events)](ScriptedRelay& relay, ConnectionId connection,
                                      const ClientMessage& message) {
    if (const auto* req = std::get_if<from_client::Req>(&message)) {
      for (const Event& event : events)
        if (matches_any(req->filters, event))
          relay.send(connection, relay_event_frame(req->sub, event));
      relay.send(connection, eose_frame(req->sub));
    } else if (const auto* sent = std::get_if<from_client::EventMessage>(&message)) {
      relay.send(connection, ok_frame(sent->event.id, true, ""));
    }
  };
}

ScriptedRelay::Script serve_at_most(std::size_t subscriptions, std::vector<Event> events,
                                    Refuse refuse) {
  struct State {
    std::vector<Event> events;
    std::map<std::pair<ConnectionId, std::string>, Filters> open;
  };
  const auto state = std::make_shared<State>(State{std::move(events), {}});
  return [=](ScriptedRelay& relay, ConnectionId c, const ClientMessage& message) {
    if (const auto* req = std::get_if<from_client::Req>(&message)) {
      const bool known = state->open.contains({c, req->sub});
      if (!known && state->open.size() >= subscriptions)
        return relay.send(c, refuse(req->sub));
      state->open.insert_or_assign({c, req->sub}, req->filters);
      for (const Event& event : state->events)
        if (matches_any(req->filters, event)) relay.send(c, relay_event_frame(req->sub, event));
      relay.send(c, eose_frame(req->sub));
    } else if (const auto* close = std::get_if<from_client::Close>(&message)) {
      state->open.erase({c, close->sub});
    } else if (const auto* sent = std::get_if<from_client::EventMessage>(&message)) {
      state->events.push_back(sent->event);
      for (const auto& [key, filters] : state->open)
        if (matches_any(filters, sent->event))
          relay.send(key.first, relay_event_frame(key.second, sent->event));
      relay.send(c, ok_frame(sent->event.id, true, ""));
    }
  };
}

// --- Harness ---

PoolOptions Harness::quick() {
  PoolOptions options;
  options.backoff_initial = std::chrono::milliseconds{5};
  options.backoff_max = std::chrono::milliseconds{20};
  return options;
}

Harness::Harness(PoolOptions options) {
  pool = std::make_unique<Pool>(loop, net, workers, clock, rng, options);
}

Harness::~Harness() {
  stop_pool();
  for (const auto& relay : relays_) relay->stop();
}

void Harness::stop_pool() {
  if (!pool) return;
  loop.run_until_complete(pool->stop());
  pool.reset();
}

std::shared_ptr<ScriptedRelay> Harness::relay(ScriptedRelay::Script script, std::uint16_t port) {
  auto relay =
      ScriptedRelay::start(net, std::move(script), [this] { loop.post([this] { note(); }); }, port);
  relays_.push_back(relay);
  return relay;
}

namespace {

/// Looks again after every note, and every few milliseconds for what nobody notes.
base::Task<void> wait_until(base::Signal& changed, std::function<bool()> condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "the condition did not come true within 30 s";
      co_return;
    }
    co_await changed.wait_for(std::chrono::milliseconds{5});
  }
}

}  // namespace

void Harness::until(std::function<bool()> condition) {
  loop.run_until_complete(wait_until(changed_, std::move(condition)));
}

SubscriptionCallbacks Harness::collect() {
  SubscriptionCallbacks out;
  out.on_events = [this](std::span<const Delivery> batch) {
    events.insert(events.end(), batch.begin(), batch.end());
    note();
  };
  out.on_eose = [this](const std::string& url) {
    eoses.push_back(url);
    note();
  };
  out.on_closed = [this](const std::string& url, const std::string& message) {
    closed.emplace_back(url, message);
    note();
  };
  return out;
}

RelayStatus Harness::status(const std::string& url) const {
  for (const RelayStatus& status : pool->status())
    if (status.url == url) return status;
  return {};
}

}  // namespace nostr::testing
