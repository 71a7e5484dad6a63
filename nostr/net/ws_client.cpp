// One outgoing websocket: resolve, try each address, watch for silence, report the end once.
#include "nostr/net/ws_client.h"

#include "nostr/net/address.h"
#include "nostr/net/net_impl.h"
#include "nostr/net/ws_stream.h"

namespace nostr {

using base::Errc;
using base::fail;

namespace {

constexpr lws_usec_t kSecond = LWS_US_PER_SEC;
constexpr lws_usec_t kCloseGrace = 3 * kSecond;

constexpr lws_usec_t usecs(std::chrono::milliseconds time) { return time.count() * 1'000; }

std::string in_words(std::chrono::milliseconds time) {
  return time.count() % 1'000 == 0 ? std::to_string(time.count() / 1'000) + " s"
                                   : std::to_string(time.count()) + " ms";
}

/// "peer closed 1000: bye" from the body of a close frame.
std::string describe_close(const void* in, std::size_t size) {
  if (size < 2) return "peer closed without a code";
  const auto* bytes = static_cast<const unsigned char*>(in);
  std::string out = "peer closed " + std::to_string((bytes[0] << 8) + bytes[1]);
  if (size > 2)
    out +=
        ": " + std::string(static_cast<const char*>(in) + 2, std::min<std::size_t>(size - 2, 123));
  return out;
}

}  // namespace

/// Net thread, except for `stream` and the constructor's constants.
struct WsClient::Impl final : Endpoint, std::enable_shared_from_this<WsClient::Impl> {
  Impl(NetThread::Impl& n, std::string u, std::shared_ptr<WsClientHandler> h, WsClientOptions o)
      : net(n),
        url_text(std::move(u)),
        options(o),
        handler(std::move(h)),
        stream(n.options.max_frame_bytes, n.options.max_queued_bytes) {
    timer.client = this;
  }

  NetThread::Impl& net;
  const std::string url_text;
  const WsClientOptions options;
  std::shared_ptr<WsClientHandler> handler;
  WsStream stream;

  enum class State { kConnecting, kOpen, kClosing, kClosed };
  State state = State::kConnecting;
  WsUrl url;
  std::vector<std::string> addresses;
  std::size_t next_address = 0;
  lws* wsi = nullptr;
  std::string reason;  ///< why it ends, once known
  lws_usec_t last_heard = 0;
  lws_usec_t pinged_at = 0;  ///< 0: no ping is out
  bool ping_due = false;
  bool pong_due = false;
  bool reading = true;

  struct Timer {
    lws_sorted_usec_list_t sul{};
    Impl* client = nullptr;
  } timer;

  void start();
  void connect();
  void on_timer();
  void on_pong();
  void set_reading(bool on);
  void close();
  void flush();
  void finish(std::string why);
  void kill(std::string why);
  void arm(lws_usec_t delay);
  int write(lws* socket);
  int receive(lws* socket, void* in, std::size_t size);
  void on_open(lws* socket);
  void on_failed(const char* text);
  int handle(lws* socket, lws_callback_reasons what, void* in, std::size_t size) override;
  void shut_down() override { kill("shut down"); }
};

void WsClient::Impl::arm(lws_usec_t delay) {
  lws_sul_schedule(
      net.context, 0, &timer.sul,
      [](lws_sorted_usec_list_t* sul) {
        static_assert(offsetof(Timer, sul) == 0);
        reinterpret_cast<Timer*>(sul)->client->on_timer();
      },
      delay);
}

void WsClient::Impl::start() {
  net.keep(shared_from_this());
  if (state != State::kConnecting) return finish("closed");
  auto parsed = parse_ws_url(url_text);
  if (!parsed) return finish(parsed.error().detail);
  url = *std::move(parsed);
  arm(std::chrono::microseconds(options.connect_timeout).count());
  const auto use = [self = shared_from_this()](base::Result<std::vector<std::string>> found) {
    if (self->state != State::kConnecting) return;
    if (!found) return self->finish(found.error().detail);
    self->addresses = *std::move(found);
    self->connect();
  };
  if (is_numeric_address(url.host)) return use(resolve(url.host));
  net.resolver().submit([this, self = shared_from_this(), use, host = url.host] {
    auto found = resolve(host);
    net.post([use, found = std::move(found)] { use(found); });
  });
}

void WsClient::Impl::connect() {
  while (next_address < addresses.size()) {
    const std::string address = addresses[next_address++];
    if (!options.allow_private_addresses && is_private_address(address)) {
      reason = url.host + " " + std::string(kPrivateRefused);
      continue;
    }
    const std::string host = url.authority();
    lws_client_connect_info info{};
    info.context = net.context;
    info.vhost = net.client_vhost(url.tls);
    if (info.vhost == nullptr) return finish("TLS cannot be set up (check the CA bundle)");
    info.address = address.c_str();
    info.port = url.port;
    info.path = url.path.c_str();
    info.host = host.c_str();
    // A redirect would walk around the address policy.
    info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (url.tls ? LCCSCF_USE_SSL : 0);
    if (url.tls && !net.options.verify_tls)
      info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
                             LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
    info.local_protocol_name = "sovereign";
    info.alpn = "http/1.1";
    info.opaque_user_data = static_cast<Endpoint*>(this);
    info.pwsi = &wsi;
    if (lws_client_connect_via_info(&info) != nullptr) return;
    wsi = nullptr;
    if (state != State::kConnecting) return;
  }
  finish(reason.empty() ? "cannot connect to " + url_text : reason);
}

void WsClient::Impl::finish(std::string why) {
  if (state == State::kClosed) return;
  state = State::kClosed;
  lws_sul_cancel(&timer.sul);
  stream.shut();
  const std::shared_ptr<WsClientHandler> last = std::move(handler);
  last->on_closed(std::move(why));
  if (wsi == nullptr) net.release(this);
}

void WsClient::Impl::kill(std::string why) {
  if (reason.empty()) reason = std::move(why);
  lws* const doomed = wsi;
  finish(reason);
  if (doomed != nullptr)
    lws_set_timeout(doomed, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

void WsClient::Impl::on_timer() {
  if (state == State::kConnecting)
    return kill("no connection within " + std::to_string(options.connect_timeout.count()) + " s");
  if (state == State::kClosing) return kill("closed");
  if (state != State::kOpen) return;
  const lws_usec_t now = lws_now_usecs();
  const lws_usec_t interval = usecs(options.ping_interval);
  if (!reading) return arm(interval);
  if (pinged_at != 0 && last_heard <= pinged_at)
    return kill("half open: no answer to a ping within " + in_words(options.pong_timeout));
  pinged_at = 0;
  const lws_usec_t due = last_heard + interval;
  if (now < due) return arm(due - now);
  pinged_at = now;
  ping_due = pong_due = true;
  lws_callback_on_writable(wsi);
  arm(usecs(options.pong_timeout));
}

void WsClient::Impl::on_pong() {
  last_heard = lws_now_usecs();
  if (state == State::kOpen && std::exchange(pong_due, false))
    handler->on_pong(std::chrono::microseconds{last_heard - pinged_at});
}

/// Time in which nothing was read counts neither as silence nor as an answer that failed to come.
void WsClient::Impl::set_reading(bool on) {
  if (state != State::kOpen || wsi == nullptr) return;
  lws_rx_flow_control(wsi, on ? 1 : 0);
  reading = on;
  last_heard = lws_now_usecs();
  pinged_at = 0;
  pong_due = false;
}

void WsClient::Impl::close() {
  if (state == State::kConnecting) return kill("closed");
  if (state != State::kOpen) return;
  state = State::kClosing;
  if (reason.empty()) reason = "closed";
  arm(kCloseGrace);
  lws_callback_on_writable(wsi);
}

void WsClient::Impl::flush() {
  if (state != State::kOpen) return;
  if (!stream.write(wsi)) kill("write failed");
}

int WsClient::Impl::write(lws* socket) {
  if (state == State::kClosed) return -1;
  if (ping_due) {
    ping_due = false;
    std::array<unsigned char, LWS_PRE + 1> empty{};
    if (lws_write(socket, empty.data() + LWS_PRE, 0, LWS_WRITE_PING) < 0) return -1;
  }
  if (!stream.write(socket)) return -1;
  if (state != State::kClosing || stream.has_output()) return 0;
  lws_close_reason(socket, LWS_CLOSE_STATUS_NORMAL, nullptr, 0);
  return -1;
}

int WsClient::Impl::receive(lws* socket, void* in, std::size_t size) {
  last_heard = lws_now_usecs();
  if (state != State::kOpen) return 0;
  Frame frame;
  switch (stream.receive(socket, in, size, frame)) {
    case Received::kPartial:
      return 0;
    case Received::kWhole:
      handler->on_frame(std::move(frame));
      return 0;
    // Not by returning -1: lws then goes on receiving while it says goodbye, without emptying the
    // buffer it hands over, and writes past its end.
    case Received::kTooLarge:
      kill(std::string(kTooLarge) + " " + std::to_string(net.options.max_frame_bytes) + " bytes");
      return 0;
    case Received::kBinary:
      kill("peer sent a binary message");
      return 0;
  }
  return 0;
}

void WsClient::Impl::on_open(lws* socket) {
  if (state != State::kConnecting) return;
  state = State::kOpen;
  wsi = socket;
  reason.clear();
  last_heard = lws_now_usecs();
  arm(usecs(options.ping_interval));
  handler->on_open();
  if (stream.has_output()) lws_callback_on_writable(socket);
}

void WsClient::Impl::on_failed(const char* text) {
  if (state == State::kClosed) return;
  const std::string_view what = text == nullptr ? "" : text;
  // lws does not tell these two apart.
  if (what == "Unable to connect")
    reason = "connection refused or host unreachable: " + url.authority();
  else if (!what.empty())
    reason = what;
  else if (reason.empty())
    reason = "cannot connect to " + url_text;
}

int WsClient::Impl::handle(lws* socket, lws_callback_reasons what, void* in, std::size_t size) {
  // Only the callbacks that concern a client; lws has many more, which need no answer.
  if (what == LWS_CALLBACK_CLIENT_ESTABLISHED) {
    on_open(socket);
  } else if (what == LWS_CALLBACK_CLIENT_RECEIVE) {
    return receive(socket, in, size);
  } else if (what == LWS_CALLBACK_CLIENT_WRITEABLE) {
    return write(socket);
  } else if (what == LWS_CALLBACK_CLIENT_RECEIVE_PONG) {
    on_pong();
  } else if (what == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
    if (reason.empty()) reason = describe_close(in, size);
  } else if (what == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
    on_failed(static_cast<const char*>(in));
  } else if (what == LWS_CALLBACK_CLIENT_CLOSED) {
    const bool lost = reason.empty();
    finish(lost ? "connection lost" : reason);
  } else if (what == LWS_CALLBACK_WSI_DESTROY) {
    wsi = nullptr;
    if (state == State::kClosed) {
      net.release(this);
    } else if (state == State::kConnecting && next_address < addresses.size()) {
      net.post([self = shared_from_this()] {
        if (self->state == State::kConnecting && self->wsi == nullptr) self->connect();
      });
    } else {
      finish(reason.empty() ? "connection lost" : reason);
    }
  }
  return 0;
}

WsClient::WsClient(NetThread& net, std::string url, std::shared_ptr<WsClientHandler> handler,
                   WsClientOptions options)
    : impl_(std::make_shared<Impl>(net.impl(), std::move(url), std::move(handler), options)) {
  net.impl().post([impl = impl_] { impl->start(); });
}

WsClient::~WsClient() {
  close();
}

base::Result<void> WsClient::send(std::string message) {
  TRY(const bool idle, impl_->stream.push(message));
  if (idle) impl_->net.post([impl = impl_] { impl->flush(); });
  return {};
}

void WsClient::set_reading(bool on) {
  impl_->net.post([impl = impl_, on] { impl->set_reading(on); });
}

void WsClient::close() {
  impl_->net.post([impl = impl_] { impl->close(); });
}

}  // namespace nostr
