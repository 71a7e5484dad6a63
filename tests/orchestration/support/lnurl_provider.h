// An lnurl-pay provider on loopback (LUD-06, 12, 16, NIP-57) that tells lies on request.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "nostr/net/ws_server.h"
#include "nostr/nips/nip57.h"

namespace lnurl_provider {

enum class Lie {
  kNone,
  kAmount,       ///< the invoice asks for more
  kDescription,  ///< the invoice commits to something else
  kExpired,      ///< the invoice expired long ago
  kError,        ///< {"status":"ERROR"} with a reason
  kRedirect,     ///< 302 to somewhere else
  kHuge,         ///< an endless document
};

struct Options {
  base::Msat min{1'000};
  base::Msat max{100'000'000};
  int comment_allowed = 20;
  std::optional<nostr::PublicKey> zap_key;
};

/// Writes an invoice over `amount` that commits to `description_hash`. Called on the net thread.
using MakeInvoice = std::function<std::string(base::Msat amount, nostr::Sha256 description_hash,
                                              std::chrono::seconds expiry)>;

/// Serves every name until it is destroyed.
class Provider {
 public:
  Provider(nostr::NetThread& net, MakeInvoice make_invoice, Options options = {});
  ~Provider();

  std::string address(const std::string& name = "shop") const;
  std::string url(const std::string& name = "shop") const;
  void lie(Lie lie);
  /// The comments and zap requests it was sent, in order.
  std::vector<std::string> heard() const;
  int requests() const;

 private:
  class Handler;
  std::shared_ptr<Handler> handler_;
  std::unique_ptr<nostr::WsServer> server_;
};

}  // namespace lnurl_provider
