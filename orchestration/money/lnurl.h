// Lightning addresses and lnurl-pay (LUD-06, 12, 16): from a name to an invoice that may be paid.
#pragma once

#include <chrono>
#include <string>

#include "nostr/net/http_client.h"
#include "nostr/nips/nip57.h"

namespace orchestration {

struct LnurlOptions {
  std::chrono::milliseconds limit{15'000};  ///< for each of the two questions
  /// kLoopback is for tests. Otherwise no private address is ever asked: a stranger's name must not
  /// make us knock at our own network.
  nostr::LnurlHosts hosts = nostr::LnurlHosts::kSecure;
};

/// Somebody who can be paid.
struct Payee {
  std::string name;   ///< as it was asked for
  std::string lnurl;  ///< `lnurl1…` of the URL that was asked
  nostr::LnurlPay terms;
};

/// App thread.
class Lnurl {
 public:
  Lnurl(base::Loop& loop, LnurlOptions options) : options_(options), http_(loop) {}

  /// Whether `text` looks like something find() reads: an address, `lnurl1…`, with `lightning:` or not.
  static bool reads(std::string_view text);
  /// Asks who `text` is. kInvalid for another form, kDenied for a private address, kPeer for an answer
  /// that is none, kIo and kTimeout as HTTP.
  base::Task<base::Result<Payee>> find(std::string text);
  /// An invoice over `amount` that commits to the payee's metadata. kLimit when the payee does not take
  /// that amount or so long a comment, kDenied for an invoice over something else.
  base::Task<base::Result<std::string>> invoice(Payee payee, base::Msat amount,
                                                std::string comment, base::UnixTime now);
  /// An invoice that commits to a signed zap request (NIP-57). kUnsupported when the payee takes no
  /// zaps; the rest as invoice().
  base::Task<base::Result<std::string>> zap_invoice(Payee payee, nostr::Event request,
                                                    base::Msat amount, base::UnixTime now);

 private:
  base::Task<base::Result<std::string>> get(std::string url);
  base::Task<base::Result<std::string>> checked_invoice(std::string url, base::Msat amount,
                                                        nostr::Sha256 commits_to,
                                                        base::UnixTime now);
  LnurlOptions options_;
  nostr::HttpClient http_;
};

}  // namespace orchestration
