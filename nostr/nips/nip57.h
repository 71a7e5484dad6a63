// NIP-57: zaps — the request a payer signs, the receipt a lightning provider signs, and zap splits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/money.h"
#include "nostr/event/event.h"
#include "nostr/nips/bolt11.h"

namespace nostr {

/// A payment that is asked for in public (kind 9734). It goes to the provider, never to relays.
struct ZapRequest {
  PublicKey to;
  base::Msat amount;                ///< 0 when it does not say
  std::vector<std::string> relays;  ///< where the receipt shall appear
  std::string lnurl;                ///< bech32 `lnurl1…`, "" when it does not say
  std::optional<EventId> event;     ///< what is zapped; a person when both are absent
  std::optional<Address> address;
  std::optional<Kind> kind;  ///< of what is zapped
  std::string comment;
  friend bool operator==(const ZapRequest&, const ZapRequest&) = default;
};

Draft build_zap_request(const ZapRequest& request, UnixTime at);
/// Checks one as its provider must ("Appendix D"), id and signature included. kInvalid names what
/// breaks the rules, kCrypto a forged one.
base::Result<ZapRequest> check_zap_request(const Event& event);

/// Which URLs of lnurl providers are taken. kLoopback is for tests, whose providers have no
/// certificate.
enum class LnurlHosts {
  kSecure,    ///< https, and http for .onion
  kLoopback,  ///< http at 127.0.0.1 as well
};

/// The URL that turns a signed request into an invoice ("Appendix B"). kInvalid unless `callback`
/// is a URL of `hosts` without control characters.
base::Result<std::string> zap_invoice_url(std::string_view callback, const Event& request,
                                          base::Msat amount, std::string_view lnurl,
                                          LnurlHosts hosts = LnurlHosts::kSecure);
/// The URL that asks for an invoice without a zap (LUD-06, with LUD-12's comment unless empty).
base::Result<std::string> lnurl_invoice_url(std::string_view callback, base::Msat amount,
                                            std::string_view comment,
                                            LnurlHosts hosts = LnurlHosts::kSecure);

/// What an lnurl-pay endpoint says about itself (LUD-06 with NIP-57's two members).
struct LnurlPay {
  std::string callback;
  base::Msat min_sendable;
  base::Msat max_sendable;
  std::optional<PublicKey> provider;  ///< `nostrPubkey`, only where `allowsNostr` is true
  std::int64_t comment_allowed = 0;   ///< characters (LUD-12)
  std::string metadata;               ///< as sent: invoices without a zap commit to its hash
};
/// kInvalid when malformed or over 64 KiB, kPeer with the provider's reason when it answers an
/// error.
base::Result<LnurlPay> parse_lnurl_pay(std::string_view json,
                                       LnurlHosts hosts = LnurlHosts::kSecure);
/// The `pr` of its callback's answer: an invoice, still unchecked. Errors as parse_lnurl_pay.
base::Result<std::string> parse_lnurl_invoice(std::string_view json);
/// `https://domain/.well-known/lnurlp/name` of a lightning address (LUD-16); with `kLoopback`, http
/// where the domain is 127.0.0.1. kInvalid for another form.
base::Result<std::string> lightning_address_url(std::string_view address,
                                                LnurlHosts hosts = LnurlHosts::kSecure);
/// The URL inside `lnurl1…` (LUD-01), with or without `lightning:`, in either case. kInvalid for
/// another form or a URL that is not of `hosts`.
base::Result<std::string> decode_lnurl(std::string_view text,
                                       LnurlHosts hosts = LnurlHosts::kSecure);
/// `lnurl1…` of a URL.
std::string encode_lnurl(std::string_view url);

/// A paid zap.
struct Zap {
  PublicKey from;  ///< who signed the request
  ZapRequest request;
  base::Msat amount;  ///< of the invoice: what was really asked for
  Sha256 payment_hash;
  std::optional<Preimage> preimage;  ///< only one that fits the payment hash
};

/// The receipt a provider publishes for `request_json`, the text the invoice commits to.
Draft build_zap_receipt(const Event& request, std::string request_json, std::string invoice,
                        const std::optional<Preimage>& preimage, UnixTime paid_at);
/// Verifies a receipt ("Appendix F"): signed by `provider`, a valid request inside, an invoice
/// whose amount is the request's and whose description hash is the request's text, recipient tags
/// that agree. kDenied for another signer, kCrypto for forged signatures, kInvalid for what does
/// not fit together. It proves what the provider says, not that money moved.
base::Result<Zap> check_zap_receipt(const Event& receipt, const PublicKey& provider);

/// One receiver of a split.
struct ZapSplit {
  PublicKey to;
  std::string relay;  ///< where its profile is found
  double weight = 0;  ///< share of the whole, 0 < weight ≤ 1; all add up to 1
  friend bool operator==(const ZapSplit&, const ZapSplit&) = default;
};
/// The `zap` tags of an event ("Appendix G"), at most 64; empty when the author alone receives.
std::vector<ZapSplit> parse_zap_splits(const Tags& tags);
/// `amount` in whole satoshi shares, in the order of `splits`; what rounding leaves goes to the
/// first.
std::vector<base::Msat> split_amount(const std::vector<ZapSplit>& splits, base::Msat amount);

}  // namespace nostr
