// One file a blob. They are read on the net thread, which is small and seldom; nothing else is served.
#include "node/blob_store.h"

#include <charconv>

#include <fmt/format.h>

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;

/// Never a websocket, and a path that is a hash or nothing.
class Handler final : public nostr::WsServerHandler {
 public:
  explicit Handler(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void on_connect(nostr::ConnectionId, std::string) override {}
  void on_frame(nostr::ConnectionId, nostr::Frame) override {}
  void on_disconnect(nostr::ConnectionId) override {}
  void on_drained(nostr::ConnectionId) override {}
  bool on_upgrade(const nostr::HttpRequest&) override { return false; }

  nostr::HttpResponse on_http(const nostr::HttpRequest& request) override {
    nostr::HttpResponse out{.status = 404, .body = "nothing here\n"};
    if (request.method != "GET" && request.method != "HEAD") {
      out.status = 405;
      out.body = "only GET\n";
      return out;
    }
    if (!request.path.starts_with('/')) return out;
    const auto hash = nostr::Sha256::from_hex(std::string_view(request.path).substr(1));
    if (!hash) return out;
    auto bytes = read_file(folder_ / hash->hex());
    if (!bytes) return out;
    return {.status = 200, .content_type = "application/octet-stream", .body = *std::move(bytes)};
  }

 private:
  const std::filesystem::path folder_;
};

Result<nostr::WsServerOptions> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  nostr::WsServerOptions out;
  const char* const end = text.data() + text.size();
  if (colon == text.npos || colon == 0 ||
      std::from_chars(text.data() + colon + 1, end, out.port).ptr != end)
    return fail(Errc::kInvalid, fmt::format("--listen {}: expected address:port", text), "127.0.0.1:8080");
  out.address = text.substr(0, colon);
  return out;
}

}  // namespace

std::filesystem::path blob_folder(const Home& home) {
  return home.data_dir / "blobs";
}

Result<void> keep_blob(const Home& home, const nostr::Sha256& hash, base::ByteView bytes) {
  std::error_code error;
  std::filesystem::create_directories(blob_folder(home), error);
  if (error) return fail(Errc::kIo, fmt::format("{}: {}", blob_folder(home).string(), error.message()));
  return write_file(blob_folder(home) / hash.hex(), std::string(base::as_text(bytes)));
}

BlobServer::BlobServer(std::unique_ptr<nostr::WsServer> server, std::string url)
    : server_(std::move(server)), url_(std::move(url)) {}

BlobServer::~BlobServer() = default;

Result<std::unique_ptr<BlobServer>> BlobServer::start(nostr::NetThread& net, const Home& home,
                                                      const std::string& listen) {
  TRY(const nostr::WsServerOptions options, parse_listen(listen));
  const std::string address = options.address;
  TRY(auto server, nostr::WsServer::listen(net, options, std::make_shared<Handler>(blob_folder(home))));
  std::string url = fmt::format("http://{}:{}", address, server->port());
  return std::unique_ptr<BlobServer>(new BlobServer(std::move(server), std::move(url)));
}

}  // namespace node
