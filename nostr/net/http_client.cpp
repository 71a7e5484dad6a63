// libcurl's multi interface on a thread of its own; bodies cross to the app thread in bounded
// pieces.
#include "nostr/net/http_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "nostr/base/log.h"
#include "nostr/net/address.h"
#include "nostr/net/curl_library.h"

namespace nostr {

using base::Errc;
using base::fail;

namespace {

/// More undelivered body bytes than this pause the transfer until the app thread has caught up.
constexpr std::size_t kPauseAt = 1u << 20;
constexpr std::size_t kMaxHeaderBytes = 256u << 10;
constexpr std::chrono::hours kForever{24 * 365};

struct FreeEasy {
  void operator()(CURL* easy) const { libcurl().easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { libcurl().slist_free_all(list); }
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

/// One call on its way. The curl thread owns everything but the members under the lock.
struct Transfer {
  Transfer(base::Loop& loop, HttpCall c, bool s) : call(std::move(c)), streamed(s), signal(loop) {}

  const HttpCall call;
  const bool streamed;
  base::Signal signal;  ///< app thread only

  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> header_list;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  HttpReply reply;
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;
  bool headers_complete = false;
  bool too_large = false;
  bool refused_address = false;
  std::function<void()> wake;  ///< tells the app thread to look at the inbox

  std::mutex mutex;  ///< guards inbox, paused, outcome
  std::string inbox;
  bool paused = false;
  std::optional<base::Result<HttpReply>> outcome;

  bool succeeded() {
    long status = 0;
    libcurl().easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
  }
};

std::size_t on_header(char* data, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, one * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) transfer.reply.headers.clear();  // a redirect or 100 came before
  transfer.headers_complete = trim(line).empty();
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos)
    transfer.reply.headers.emplace_back(lower(trim(line.substr(0, colon))),
                                        std::string(trim(line.substr(colon + 1))));
  return line.size();
}

std::size_t on_body(char* data, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view piece(data, one * count);
  const bool to_inbox = transfer.streamed && transfer.succeeded();
  if (to_inbox) {
    const std::lock_guard lock(transfer.mutex);
    if (transfer.inbox.size() >= kPauseAt) {
      transfer.paused = true;
      return CURL_WRITEFUNC_PAUSE;  // curl hands the same piece over again later
    }
  }
  transfer.body_bytes += piece.size();
  if (transfer.body_bytes > transfer.call.max_body_bytes) {
    transfer.too_large = true;
    return 0;
  }
  if (!to_inbox) {
    transfer.reply.body.append(piece);
    return piece.size();
  }
  bool was_empty = false;
  {
    const std::lock_guard lock(transfer.mutex);
    was_empty = transfer.inbox.empty();
    transfer.inbox.append(piece);
  }
  if (was_empty) transfer.wake();
  return piece.size();
}

curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.call.allow_private_addresses && is_private_address(address->addr)) {
    transfer.refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void set_up(Transfer& transfer) {
  const HttpCall& call = transfer.call;
  transfer.easy.reset(libcurl().easy_init());
  CURL* const easy = transfer.easy.get();
  libcurl().easy_setopt(easy, CURLOPT_URL, call.url.c_str());
  libcurl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  libcurl().easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  libcurl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  libcurl().easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error_text.data());
  libcurl().easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(call.connect_timeout.count()));
  libcurl().easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(call.total_timeout.count()));
  libcurl().easy_setopt(easy, CURLOPT_FOLLOWLOCATION, call.follow_redirects ? 1L : 0L);
  libcurl().easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
  libcurl().easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  libcurl().easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  libcurl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  libcurl().easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  libcurl().easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  libcurl().easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  libcurl().easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  if (!call.allow_private_addresses) {
    // A proxy would hide the address from the policy, and so would a connection opened without it.
    libcurl().easy_setopt(easy, CURLOPT_PROXY, "");
    libcurl().easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  }
  if (call.method == "HEAD") {
    libcurl().easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (!call.body.empty() || call.method == "POST") {
    libcurl().easy_setopt(easy, CURLOPT_POST, 1L);
    libcurl().easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    libcurl().easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.c_str());
  }
  if (call.method != "HEAD") libcurl().easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_slist* list = libcurl().slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : call.headers)
    list = libcurl().slist_append(list, (name + ": " + value).c_str());
  transfer.header_list.reset(list);
  libcurl().easy_setopt(easy, CURLOPT_HTTPHEADER, list);
}

base::Result<HttpReply> outcome_of(Transfer& transfer, CURLcode code) {
  if (transfer.too_large)
    return fail(Errc::kLimit,
                "the reply exceeds " + std::to_string(transfer.call.max_body_bytes) + " bytes");
  if (transfer.refused_address)
    return fail(Errc::kDenied, "the host has a private address, which is not allowed here");
  // libcurl takes a reply that ends inside its headers for one without a body.
  if (code == CURLE_OK && !transfer.headers_complete)
    return fail(Errc::kIo, "the reply ended inside its headers");
  if (code == CURLE_OK) {
    long status = 0;
    libcurl().easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.reply.status = static_cast<int>(status);
    return std::move(transfer.reply);
  }
  const char* text =
      transfer.error_text[0] != '\0' ? transfer.error_text.data() : libcurl().easy_strerror(code);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return fail(Errc::kInvalid, text, "write the URL as https://host/path");
  // Whether the other side can have seen anything: callers that pay for answers must know.
  long sent = 0;
  libcurl().easy_getinfo(transfer.easy.get(), CURLINFO_REQUEST_SIZE, &sent);
  if (sent == 0) return fail(Errc::kUnavailable, text);
  if (code == CURLE_OPERATION_TIMEDOUT) return fail(Errc::kTimeout, text);
  return fail(Errc::kIo, text);
}

bool has_line_break(std::string_view text) {
  return text.find_first_of("\r\n") != text.npos;
}

base::Result<void> check_call(const HttpCall& call) {
  if (call.method.empty() || call.method.find_first_of(" \r\n") != std::string::npos)
    return fail(Errc::kInvalid, "not an HTTP method");
  for (const auto& [name, value] : call.headers)
    if (has_line_break(name) || has_line_break(value))
      return fail(Errc::kInvalid, "header " + name.substr(0, 40) + " holds a line break");
  return {};
}

}  // namespace

/// The curl thread and its command queue.
struct HttpClient::Impl {
  explicit Impl(base::Loop& l) : loop(l) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Loop& loop;
  CURLM* multi = nullptr;
  std::thread thread;
  std::map<Transfer*, std::shared_ptr<Transfer>> running;  ///< curl thread only

  std::mutex mutex;  ///< guards commands and stopping
  std::vector<std::function<void()>> commands;
  bool stopping = false;

  void start_once();
  void post(std::function<void()> command);
  void run();
  void begin(std::shared_ptr<Transfer> transfer);
  void end(Transfer* transfer, base::Result<HttpReply> outcome);
  void collect_finished();
  void cancel(const std::shared_ptr<Transfer>& transfer);
  void resume(const std::shared_ptr<Transfer>& transfer);
  static base::Task<base::Result<HttpReply>> transact(
      std::shared_ptr<Impl> impl, HttpCall call, std::function<bool(std::string_view)> on_data);
};

HttpClient::Impl::~Impl() {
  if (!thread.joinable()) return;
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  libcurl().multi_wakeup(multi);
  thread.join();
  libcurl().multi_cleanup(multi);
}

void HttpClient::Impl::start_once() {
  if (thread.joinable()) return;
  multi = libcurl().multi_init();
  CHECK(multi != nullptr);
  thread = std::thread([this] { run(); });
}

void HttpClient::Impl::post(std::function<void()> command) {
  {
    const std::lock_guard lock(mutex);
    commands.push_back(std::move(command));
  }
  libcurl().multi_wakeup(multi);
}

void HttpClient::Impl::run() {
  for (;;) {
    std::vector<std::function<void()>> batch;
    bool last = false;
    {
      const std::lock_guard lock(mutex);
      batch.swap(commands);
      last = stopping;
    }
    for (auto& command : batch) command();
    if (last) break;
    int active = 0;
    libcurl().multi_perform(multi, &active);
    collect_finished();
    libcurl().multi_poll(multi, nullptr, 0, 60'000, nullptr);
  }
  while (!running.empty())
    end(running.begin()->first, fail(Errc::kCancelled, "the HTTP client was shut down"));
}

void HttpClient::Impl::begin(std::shared_ptr<Transfer> transfer) {
  set_up(*transfer);
  Transfer* const key = transfer.get();
  running.emplace(key, std::move(transfer));
  if (libcurl().multi_add_handle(multi, key->easy.get()) != CURLM_OK)
    end(key, fail(Errc::kInternal, "libcurl took no further transfer"));
}

void HttpClient::Impl::end(Transfer* transfer, base::Result<HttpReply> outcome) {
  const auto found = running.find(transfer);
  if (found == running.end()) return;
  const std::shared_ptr<Transfer> owner = std::move(found->second);
  running.erase(found);
  libcurl().multi_remove_handle(multi, owner->easy.get());
  owner->easy.reset();
  {
    const std::lock_guard lock(owner->mutex);
    owner->outcome.emplace(std::move(outcome));
  }
  owner->wake();
}

void HttpClient::Impl::collect_finished() {
  int left = 0;
  while (CURLMsg* const message = libcurl().multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* user = nullptr;
    libcurl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
    auto* const transfer = static_cast<Transfer*>(static_cast<void*>(user));
    end(transfer, outcome_of(*transfer, message->data.result));
  }
}

void HttpClient::Impl::cancel(const std::shared_ptr<Transfer>& transfer) {
  post([this, transfer] {
    end(transfer.get(), fail(Errc::kCancelled, "the transfer was withdrawn"));
  });
}

void HttpClient::Impl::resume(const std::shared_ptr<Transfer>& transfer) {
  post([this, transfer] {
    if (running.contains(transfer.get())) libcurl().easy_pause(transfer->easy.get(), CURLPAUSE_CONT);
  });
}

namespace {

/// Withdraws a transfer whose coroutine ends before it does.
class Withdrawal {
 public:
  explicit Withdrawal(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  ~Withdrawal() {
    if (cancel_) cancel_();
  }
  Withdrawal(const Withdrawal&) = delete;
  Withdrawal& operator=(const Withdrawal&) = delete;
  void disarm() { cancel_ = nullptr; }

 private:
  std::function<void()> cancel_;
};

}  // namespace

base::Task<base::Result<HttpReply>> HttpClient::Impl::transact(
    std::shared_ptr<Impl> impl, HttpCall call, std::function<bool(std::string_view)> on_data) {
  CO_TRY(check_call(call));
  impl->start_once();
  const auto transfer =
      std::make_shared<Transfer>(impl->loop, std::move(call), static_cast<bool>(on_data));
  transfer->wake = [&loop = impl->loop, weak = std::weak_ptr<Transfer>(transfer)] {
    loop.post([weak] {
      if (const auto present = weak.lock()) present->signal.notify();
    });
  };
  Withdrawal withdrawal([raw = impl.get(), transfer] { raw->cancel(transfer); });
  impl->post([raw = impl.get(), transfer] { raw->begin(transfer); });
  bool heard = false;
  for (;;) {
    std::string data;
    bool was_paused = false;
    std::optional<base::Result<HttpReply>> outcome;
    {
      const std::lock_guard lock(transfer->mutex);
      data.swap(transfer->inbox);
      was_paused = std::exchange(transfer->paused, false);
      outcome.swap(transfer->outcome);
    }
    if (was_paused) impl->resume(transfer);
    heard = heard || !data.empty();
    if (!data.empty() && !on_data(data))
      co_return fail(Errc::kCancelled, "the receiver wanted no more");
    if (outcome) {
      withdrawal.disarm();
      co_return *std::move(outcome);
    }
    const std::chrono::milliseconds patience =
        heard ? transfer->call.idle_timeout : transfer->call.first_byte_timeout;
    const bool limited = transfer->streamed && patience.count() > 0;
    if (!co_await transfer->signal.wait_for(limited ? patience : kForever))
      co_return fail(Errc::kTimeout, (heard ? "the reply paused for " : "the reply did not begin within ") +
                                         std::to_string(patience.count()) + " ms");
  }
}

std::string HttpReply::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

HttpClient::HttpClient(base::Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
HttpClient::~HttpClient() = default;

base::Task<base::Result<HttpReply>> HttpClient::perform(HttpCall call) {
  return Impl::transact(impl_, std::move(call), nullptr);
}

base::Task<base::Result<HttpReply>> HttpClient::stream(
    HttpCall call, std::function<bool(std::string_view)> on_data) {
  return Impl::transact(impl_, std::move(call), std::move(on_data));
}

}  // namespace nostr
