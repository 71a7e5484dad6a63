// Serving the page: static files and metrics on the net thread, everything live on the app thread.
#include "node/dashboard/server.h"

#include <charconv>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "node/dashboard/assets.h"
#include "nostr/base/bytes.h"
#include "nostr/base/log.h"
#include "nostr/net/ws_server.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::string_or;
using base::json::Value;
using nostr::ConnectionId;
using nostr::HttpRequest;
using nostr::HttpResponse;

constexpr std::chrono::milliseconds kLook{1'000};
constexpr int kMetricsEvery = 5;  // looks
constexpr std::size_t kMaxPages = 16;
constexpr std::size_t kMaxQuestion = 1'024;  // bytes of what a page sends

/// Nothing from elsewhere, nothing in frames, nothing kept.
const std::vector<std::pair<std::string, std::string>>& guard_headers() {
  static const std::vector<std::pair<std::string, std::string>> kHeaders{
      {"content-security-policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"x-content-type-options", "nosniff"},
      {"referrer-policy", "no-referrer"},
      {"cross-origin-opener-policy", "same-origin"},
      {"cross-origin-resource-policy", "same-origin"},
      {"cache-control", "no-store"}};
  return kHeaders;
}

std::string content_type_of(std::string_view path) {
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "text/html; charset=utf-8";
}

}  // namespace

Result<DashboardAddress> parse_dashboard_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  DashboardAddress out;
  if (colon != std::string::npos) {
    out.address = text.substr(0, colon);
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, out.port);
    if (error != std::errc() || at != end) out.address.clear();
  }
  if (out.address == "[::1]") out.address = "::1";
  if (out.address != "127.0.0.1" && out.address != "::1")
    return fail(Errc::kInvalid, fmt::format("dashboard.listen = \"{}\" is no loopback address", text),
                "127.0.0.1:7788 or [::1]:7788; from elsewhere through `ssh -L`");
  return out;
}

Result<std::string> dashboard_token(const Home& home, base::Rng& rng) {
  const auto file = home.dashboard_token_file();
  std::error_code error;
  if (!std::filesystem::exists(file, error)) TRY(write_file(file, rng.hex(32) + "\n", 0600));
  TRY(std::string token, read_secret_file(file));
  while (!token.empty() && token.back() == '\n') token.pop_back();
  if (token.size() < 32)
    return fail(Errc::kInvalid, file.string() + " holds no token", "delete it: a new one is made");
  return token;
}

struct Dashboard::Impl final : nostr::WsServerHandler, std::enable_shared_from_this<Dashboard::Impl> {
  Impl(base::Loop& l, std::string t, DashboardSource s)
      : loop(l), token(std::move(t)), source(std::move(s)), asked(l), scope(l) {}

  // ---- net thread
  void on_connect(ConnectionId, std::string) override {}
  void on_frame(ConnectionId connection, nostr::Frame frame) override;
  void on_disconnect(ConnectionId connection) override;
  void on_drained(ConnectionId) override {}
  HttpResponse on_http(const HttpRequest& request) override;
  bool on_upgrade(const HttpRequest& request) override;
  bool is_for_us(const HttpRequest& request) const;
  bool has_token(const HttpRequest& request) const;
  void post(std::function<void(Impl&)> act);

  // ---- app thread
  void hear(ConnectionId connection, const std::string& text);
  void answer(ConnectionId connection, const Value& question);
  void send(ConnectionId connection, const Value& message);
  base::Task<void> look();
  void tell_now(bool all);

  base::Loop& loop;
  const std::string token;
  DashboardSource source;
  std::set<std::string> hosts;  ///< names this listener goes by; constant once it listens
  std::unique_ptr<nostr::WsServer> server;
  std::map<ConnectionId, std::string> pages;  ///< with the token; what each was told last
  base::Signal asked;
  std::mutex mutex;  ///< guards metrics
  std::string metrics;
  base::Scope scope;
};

// --- net thread ---

/// Handlers may outlive the wish to serve: what comes late finds nobody.
void Dashboard::Impl::post(std::function<void(Impl&)> act) {
  loop.post([weak = weak_from_this(), act = std::move(act)] {
    const auto self = weak.lock();
    if (self && self->server) act(*self);
  });
}

bool Dashboard::Impl::is_for_us(const HttpRequest& request) const {
  return hosts.contains(request.host) &&
         (request.origin.empty() || hosts.contains(request.origin.substr(request.origin.starts_with("http://") ? 7 : 0)));
}

bool Dashboard::Impl::has_token(const HttpRequest& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  if (!request.authorization.starts_with(kBearer)) return false;
  return base::constant_time_equal(base::as_bytes(std::string_view(request.authorization).substr(kBearer.size())),
                                   base::as_bytes(token));
}

/// A browser always says where a websocket's page came from; what is no browser has no page.
bool Dashboard::Impl::on_upgrade(const HttpRequest& request) {
  return is_for_us(request) && !request.origin.empty();
}

HttpResponse Dashboard::Impl::on_http(const HttpRequest& request) {
  HttpResponse out{.status = 404, .body = "nothing here\n", .headers = guard_headers()};
  if (!is_for_us(request)) {
    out.status = 421;
    out.body = "this page answers to its own address only\n";
    return out;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    out.status = 405;
    out.body = "only GET\n";
    return out;
  }
  const std::string path = request.path.substr(0, request.path.find('?'));
  if (path == "/metrics") {
    if (!has_token(request)) {
      out.status = 401;
      out.body = "Authorization: Bearer, with the text of dashboard.token\n";
      return out;
    }
    const std::lock_guard lock(mutex);
    out = {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics, .headers = guard_headers()};
    return out;
  }
  for (const base::Asset& asset : dashboard_assets()) {
    if (asset.path != path && !(path == "/" && asset.path == "/index.html")) continue;
    out.status = 200;
    out.content_type = content_type_of(asset.path);
    out.body = asset.bytes;
  }
  return out;
}

void Dashboard::Impl::on_frame(ConnectionId connection, nostr::Frame frame) {
  if (frame->size() > kMaxQuestion) {
    post([connection](Impl& self) { self.server->disconnect(connection); });
    return;
  }
  post([connection, text = std::string(frame->data(), frame->size())](Impl& self) {
    self.hear(connection, text);
  });
}

void Dashboard::Impl::on_disconnect(ConnectionId connection) {
  post([connection](Impl& self) { self.pages.erase(connection); });
}

// --- app thread ---

/// The first message must hold the token; whoever has it may ask.
void Dashboard::Impl::hear(ConnectionId connection, const std::string& text) {
  const auto message = base::json::parse(text, {.max_bytes = kMaxQuestion, .max_depth = 4});
  if (!message || !message->is_object()) return server->disconnect(connection);
  if (pages.contains(connection)) return answer(connection, *message);
  const std::string shown = string_or(*message, "token");
  if (!base::constant_time_equal(base::as_bytes(shown), base::as_bytes(token))) {
    send(connection, {{"type", "denied"}});
    return server->disconnect(connection);
  }
  pages.emplace(connection, "");
  tell_now(/*all=*/false);
}

void Dashboard::Impl::answer(ConnectionId connection, const Value& question) {
  const std::string ask = string_or(question, "ask");
  if (ask == "session") {
    auto session = source.session(string_or(question, "d"));
    if (session) (*session)["type"] = "session";
    return send(connection, session ? *session : Value{{"type", "error"}, {"text", session.error().detail}});
  }
  if (ask == "pause") {
    if (auto paused = source.pause("from the dashboard"); !paused)
      return send(connection, {{"type", "error"}, {"text", paused.error().detail}});
    LOG(kWarn, "dashboard", "paused from the dashboard");
    return tell_now(/*all=*/true);
  }
  send(connection, {{"type", "error"}, {"text", "unknown question"}});
}

void Dashboard::Impl::send(ConnectionId connection, const Value& message) {
  if (!server->send(connection, base::json::dump(message))) server->disconnect(connection);
}

/// Pages that know it already are not told again, unless `all`.
void Dashboard::Impl::tell_now(bool all) {
  if (pages.empty()) return;
  auto now = source.now();
  if (!now) {
    LOG(kError, "dashboard", "cannot look", {{"detail", now.error().detail}});
    return;
  }
  (*now)["type"] = "now";
  const std::string text = base::json::dump(*now);
  for (auto& [connection, told] : pages) {
    if (told == text && !all) continue;
    // A page that does not read is left behind, not waited for.
    if (server->queued_bytes(connection) > 0) continue;
    if (server->send(connection, text)) told = text;
  }
}

base::Task<void> Dashboard::Impl::look() {
  for (int looks = 0;; ++looks) {
    if (looks % kMetricsEvery == 0) {
      std::string text = source.metrics();
      const std::lock_guard lock(mutex);
      metrics = std::move(text);
    }
    tell_now(/*all=*/false);
    co_await base::sleep_for(kLook);
  }
}

// --- the public face ---

Result<std::unique_ptr<Dashboard>> Dashboard::start(base::Loop& loop, nostr::NetThread& net,
                                                    const DashboardAddress& address,
                                                    std::string token, DashboardSource source) {
  auto impl = std::make_shared<Impl>(loop, std::move(token), std::move(source));
  TRY(impl->server, nostr::WsServer::listen(net, {.address = address.address,
                                                  .port = address.port,
                                                  .max_connections = kMaxPages * 4},
                                            impl));
  for (const char* name : {"127.0.0.1", "localhost", "[::1]"})
    impl->hosts.insert(fmt::format("{}:{}", name, impl->server->port()));
  impl->scope.spawn("dashboard", impl->look());
  return std::unique_ptr<Dashboard>(new Dashboard(std::move(impl)));
}

Dashboard::Dashboard(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Dashboard::~Dashboard() {
  impl_->server.reset();
}

std::uint16_t Dashboard::port() const {
  return impl_->server->port();
}

base::Task<void> Dashboard::stop() {
  co_await impl_->scope.stop();
  impl_->server.reset();
}

}  // namespace node
