// The two documents of LUD-06, and how to get them wrong.
#include "tests/orchestration/support/lnurl_provider.h"

#include "nostr/base/json.h"
#include "nostr/base/number.h"

namespace lnurl_provider {

namespace {

constexpr std::string_view kMetadata = R"([["text/plain","tea for two"]])";

/// The value of `name` up to the next parameter we know. The server has decoded them, and puts commas
/// between them.
std::string parameter(std::string_view query, std::string_view name) {
  const std::string start = std::string(name) + "=";
  const auto at = query.find(start);
  if (at == query.npos) return "";
  std::string_view value = query.substr(at + start.size());
  for (const std::string_view next : {",amount=", ",comment=", ",nostr=", ",lnurl="})
    value = value.substr(0, value.find(next));
  return std::string(value);
}

}  // namespace

class Provider::Handler final : public nostr::WsServerHandler {
 public:
  Handler(MakeInvoice make_invoice, Options options)
      : make_invoice_(std::move(make_invoice)), options_(std::move(options)) {}
  void on_connect(nostr::ConnectionId, std::string) override {}
  void on_frame(nostr::ConnectionId, nostr::Frame) override {}
  void on_drained(nostr::ConnectionId) override {}
  void on_disconnect(nostr::ConnectionId) override {}
  nostr::HttpResponse on_http(const nostr::HttpRequest& request) override {
    const std::lock_guard lock(mutex_);
    ++requests;
    if (lie == Lie::kError) return json({{"status", "ERROR"}, {"reason", "closed for today"}});
    if (lie == Lie::kRedirect)
      return {.status = 302, .body = "", .headers = {{"Location", base + "/elsewhere"}}};
    if (lie == Lie::kHuge) return {.body = std::string(1u << 20, ' ')};
    if (request.path.starts_with("/.well-known/lnurlp/")) return terms();
    return invoice(request.path);
  }

  std::mutex mutex_;  ///< guards what follows
  Lie lie = Lie::kNone;
  std::vector<std::string> heard;
  int requests = 0;
  std::string base;

 private:
  static nostr::HttpResponse json(const base::json::Value& value) {
    return {.content_type = "application/json", .body = base::json::dump(value)};
  }
  nostr::HttpResponse terms() const {
    base::json::Value out = {{"tag", "payRequest"},
                             {"callback", base + "/pay"},
                             {"minSendable", options_.min.value},
                             {"maxSendable", options_.max.value},
                             {"commentAllowed", options_.comment_allowed},
                             {"metadata", kMetadata}};
    if (options_.zap_key) {
      out["allowsNostr"] = true;
      out["nostrPubkey"] = options_.zap_key->hex();
    }
    return json(out);
  }
  nostr::HttpResponse invoice(const std::string& path) {
    auto amount = base::parse_msat(parameter(path, "amount"));
    if (!amount) return {.status = 404};
    const std::string zap = parameter(path, "nostr");
    heard.push_back(zap.empty() ? parameter(path, "comment") : zap);
    nostr::Sha256 commits_to = nostr::sha256(zap.empty() ? kMetadata : std::string_view(zap));
    if (lie == Lie::kAmount) amount->value += 1'000;
    if (lie == Lie::kDescription) commits_to = nostr::sha256("something else");
    const std::chrono::seconds expiry{lie == Lie::kExpired ? 0 : 3'600};
    return json({{"pr", make_invoice_(*amount, commits_to, expiry)}, {"routes", {}}});
  }

  const MakeInvoice make_invoice_;
  const Options options_;
};

Provider::Provider(nostr::NetThread& net, MakeInvoice make_invoice, Options options)
    : handler_(std::make_shared<Handler>(std::move(make_invoice), std::move(options))),
      server_(*nostr::WsServer::listen(net, {}, handler_)) {
  const std::lock_guard lock(handler_->mutex_);
  handler_->base = "http://127.0.0.1:" + std::to_string(server_->port());
}

Provider::~Provider() = default;

std::string Provider::address(const std::string& name) const {
  return name + "@127.0.0.1:" + std::to_string(server_->port());
}
std::string Provider::url(const std::string& name) const {
  return "http://127.0.0.1:" + std::to_string(server_->port()) + "/.well-known/lnurlp/" + name;
}
void Provider::lie(Lie lie) {
  const std::lock_guard lock(handler_->mutex_);
  handler_->lie = lie;
}
std::vector<std::string> Provider::heard() const {
  const std::lock_guard lock(handler_->mutex_);
  return handler_->heard;
}
int Provider::requests() const {
  const std::lock_guard lock(handler_->mutex_);
  return handler_->requests;
}

}  // namespace lnurl_provider
