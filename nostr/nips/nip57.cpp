// NIP-57: requests, the provider's HTTP answers, receipts, splits.
#include "nostr/nips/nip57.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "nostr/base/bech32.h"
#include "nostr/base/json.h"
#include "nostr/base/uri.h"
#include "nostr/event/event_json.h"
#include "nostr/event/tags.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

using Json = base::json::Value;
using base::Errc;
using base::fail;
using base::Msat;

constexpr std::size_t kMaxRelays = 32;
constexpr std::size_t kMaxSplits = 64;
constexpr std::size_t kMaxUrl = 2'048;
constexpr std::size_t kMaxReason = 200;
constexpr EventLimits kRequestLimits{.max_bytes = 65'536, .max_tags = 64, .max_tag_elements = 64};

std::unexpected<base::Error> bad(std::string what) {
  return fail(Errc::kInvalid, std::move(what));
}

std::size_t count_tags(const Tags& tags, std::string_view name) {
  return tag_values(tags, name).size();
}

bool may_be_plain(std::string_view host, LnurlHosts hosts) {
  const auto name = host.substr(0, host.find(':'));
  return name.ends_with(".onion") || (hosts == LnurlHosts::kLoopback && name == "127.0.0.1");
}

bool is_web_url(std::string_view url, LnurlHosts hosts) {
  const auto parts = base::split_uri(url);
  if (!parts || url.size() > kMaxUrl || parts->host.empty()) return false;
  if (parts->scheme == "https") return true;
  return parts->scheme == "http" && may_be_plain(parts->host, hosts);
}

/// What the tags say, once their number is known to be right.
base::Result<ZapRequest> read_request_tags(const Event& event) {
  ZapRequest out;
  TRY(out.to, PublicKey::from_hex(*tag_value(event.tags, "p")));
  if (const auto amount = tag_value(event.tags, "amount")) {
    const auto msat = base::parse_msat(*amount);
    if (!msat) return bad("amount is no number of millisatoshi");
    out.amount = *msat;
  }
  if (const auto id = tag_value(event.tags, "e")) {
    TRY(out.event, EventId::from_hex(*id));
  }
  if (const auto address = tag_value(event.tags, "a")) {
    TRY(out.address, Address::parse(*address));
  }
  if (const Tag* relays = find_tag(event.tags, "relays"))
    for (const auto& url : *relays)
      if (is_relay_url(url) && out.relays.size() < kMaxRelays) out.relays.push_back(url);
  out.lnurl = tag_value(event.tags, "lnurl").value_or("");
  out.kind = parse_kind(tag_value(event.tags, "k").value_or(""));
  out.comment = event.content;
  return out;
}

/// An object that is no lnurl error.
base::Result<Json> read_lnurl_answer(std::string_view json) {
  TRY(Json answer, base::json::parse(json, {.max_bytes = 65'536, .max_depth = 8}));
  if (!answer.is_object()) return bad("lnurl answer is no JSON object");
  if (base::json::string_or(answer, "status") == "ERROR")
    return fail(Errc::kPeer,
                "lnurl provider: " +
                    base::json::string_or(answer, "reason", "error").substr(0, kMaxReason));
  return answer;
}

base::Result<Msat> read_sendable(const Json& answer, const char* name) {
  TRY(const std::int64_t value, base::json::get_int(answer, name));
  if (value < 0 || Msat{value} > base::kMaxMsat)
    return bad(std::string(name) + " is no amount of millisatoshi");
  return Msat{value};
}

}  // namespace

Draft build_zap_request(const ZapRequest& request, UnixTime at) {
  Draft draft{.kind = kinds::kZapRequest, .created_at = at, .tags = {}, .content = request.comment};
  Tag relays{"relays"};
  relays.insert(relays.end(), request.relays.begin(), request.relays.end());
  draft.tags.push_back(std::move(relays));
  if (request.amount.value > 0)
    draft.tags.push_back({"amount", std::to_string(request.amount.value)});
  if (!request.lnurl.empty()) draft.tags.push_back({"lnurl", request.lnurl});
  draft.tags.push_back({"p", request.to.hex()});
  if (request.event) draft.tags.push_back({"e", request.event->hex()});
  if (request.address) draft.tags.push_back({"a", request.address->str()});
  if (request.kind) draft.tags.push_back({"k", std::to_string(*request.kind)});
  return draft;
}

base::Result<ZapRequest> check_zap_request(const Event& event) {
  if (event.kind != kinds::kZapRequest) return wrong_kind(event, "a zap request has 9734");
  if (count_tags(event.tags, "p") != 1) return bad("zap request has not exactly one p tag");
  for (const char* name : {"e", "a", "P"})
    if (count_tags(event.tags, name) > 1)
      return bad(std::string("zap request has more than one ") + name + " tag");
  TRY(ZapRequest out, read_request_tags(event));
  TRY(check(event));
  return out;
}

base::Result<std::string> zap_invoice_url(std::string_view callback, const Event& request,
                                          Msat amount, std::string_view lnurl, LnurlHosts hosts) {
  if (!is_web_url(callback, hosts)) return bad("lnurl callback is no https URL");
  std::string url(callback.substr(0, callback.find('#')));
  base::append_query(url, "amount", std::to_string(amount.value));
  base::append_query(url, "nostr", to_json(request));
  if (!lnurl.empty()) base::append_query(url, "lnurl", lnurl);
  return url;
}

base::Result<std::string> lnurl_invoice_url(std::string_view callback, Msat amount,
                                            std::string_view comment, LnurlHosts hosts) {
  if (!is_web_url(callback, hosts)) return bad("lnurl callback is no https URL");
  std::string url(callback.substr(0, callback.find('#')));
  base::append_query(url, "amount", std::to_string(amount.value));
  if (!comment.empty()) base::append_query(url, "comment", comment);
  return url;
}

base::Result<LnurlPay> parse_lnurl_pay(std::string_view json, LnurlHosts hosts) {
  TRY(const Json answer, read_lnurl_answer(json));
  LnurlPay out;
  TRY(out.callback, base::json::get_string(answer, "callback"));
  if (!is_web_url(out.callback, hosts)) return bad("lnurl callback is no https URL");
  TRY(out.min_sendable, read_sendable(answer, "minSendable"));
  TRY(out.max_sendable, read_sendable(answer, "maxSendable"));
  if (out.min_sendable > out.max_sendable) return bad("minSendable is above maxSendable");
  out.metadata = base::json::string_or(answer, "metadata");
  out.comment_allowed = std::max<std::int64_t>(0, base::json::int_or(answer, "commentAllowed"));
  if (base::json::get_bool(answer, "allowsNostr").value_or(false))
    if (const auto key = PublicKey::from_hex(base::json::string_or(answer, "nostrPubkey")))
      out.provider = *key;
  return out;
}

base::Result<std::string> parse_lnurl_invoice(std::string_view json) {
  TRY(const Json answer, read_lnurl_answer(json));
  return base::json::get_string(answer, "pr");
}

base::Result<std::string> lightning_address_url(std::string_view address, LnurlHosts hosts) {
  const auto at = address.find('@');
  const auto name = address.substr(0, at);
  const auto domain = at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
  const auto made_of = [](std::string_view text, std::string_view also) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || also.contains(c);
    });
  };
  if (address.size() > 320 || !made_of(name, "-_.+") || !made_of(domain, "-.:"))
    return bad("not a lightning address");
  const std::string_view scheme = may_be_plain(domain, hosts) ? "http://" : "https://";
  return std::string(scheme) + std::string(domain) + "/.well-known/lnurlp/" + std::string(name);
}

base::Result<std::string> decode_lnurl(std::string_view text, LnurlHosts hosts) {
  for (const std::string_view scheme : {"lightning:", "LIGHTNING:"})
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  TRY(const base::Bech32 decoded, base::bech32_decode(text, 2 * kMaxUrl));
  std::string url(base::as_text(decoded.data));
  if (decoded.hrp != "lnurl" || decoded.variant != base::Bech32Variant::kBech32)
    return bad("not an lnurl");
  if (!is_web_url(url, hosts)) return bad("the lnurl holds no https URL");
  return url;
}

std::string encode_lnurl(std::string_view url) {
  return base::bech32_encode("lnurl", base::as_bytes(url), base::Bech32Variant::kBech32);
}

Draft build_zap_receipt(const Event& request, std::string request_json, std::string invoice,
                        const std::optional<Preimage>& preimage, UnixTime paid_at) {
  Draft draft{.kind = kinds::kZapReceipt, .created_at = paid_at, .tags = {}, .content = ""};
  for (const Tag& tag : request.tags)
    if (tag.size() > 1 && (tag[0] == "p" || tag[0] == "e" || tag[0] == "a" || tag[0] == "k"))
      draft.tags.push_back(tag);
  draft.tags.push_back({"P", request.pubkey.hex()});
  draft.tags.push_back({"bolt11", std::move(invoice)});
  draft.tags.push_back({"description", std::move(request_json)});
  if (preimage) draft.tags.push_back({"preimage", preimage->hex()});
  return draft;
}

base::Result<Zap> check_zap_receipt(const Event& receipt, const PublicKey& provider) {
  if (receipt.kind != kinds::kZapReceipt) return wrong_kind(receipt, "a zap receipt has 9735");
  if (receipt.pubkey != provider)
    return fail(Errc::kDenied, "zap receipt is not signed by the recipient's provider");
  TRY(check(receipt));
  const auto description = tag_value(receipt.tags, "description");
  const auto bolt11 = tag_value(receipt.tags, "bolt11");
  if (!description || !bolt11) return bad("zap receipt lacks a description or a bolt11 tag");
  TRY(const Event request, parse_event(*description, kRequestLimits));
  TRY(ZapRequest wanted, check_zap_request(request));
  if (const auto named = tag_value(request.tags, "P"); named && *named != provider.hex())
    return bad("zap request is meant for another provider");
  TRY(const Invoice invoice, parse_invoice(*bolt11));
  if (!invoice.amount) return bad("zap receipt's invoice names no amount");
  if (wanted.amount.value > 0 && *invoice.amount != wanted.amount)
    return bad("zap receipt's invoice and request differ in the amount");
  if (invoice.description_hash != sha256(*description))
    return bad("zap receipt's invoice does not commit to the request");
  if (tag_value(receipt.tags, "p") != tag_value(request.tags, "p") ||
      tag_value(receipt.tags, "e") != tag_value(request.tags, "e") ||
      tag_value(receipt.tags, "a") != tag_value(request.tags, "a"))
    return bad("zap receipt and request name different recipients");
  Zap out{request.pubkey, std::move(wanted), *invoice.amount, invoice.payment_hash, {}};
  if (const auto preimage = Preimage::from_hex(tag_value(receipt.tags, "preimage").value_or(""));
      preimage && is_paid_by(invoice.payment_hash, *preimage))
    out.preimage = *preimage;
  return out;
}

std::vector<ZapSplit> parse_zap_splits(const Tags& tags) {
  std::vector<ZapSplit> out;
  bool any_weight = false;
  for (const Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "zap" || out.size() == kMaxSplits) continue;
    const auto to = PublicKey::from_hex(tag[1]);
    if (!to) continue;
    double weight = 0;
    if (tag.size() > 3) {
      const std::string& text = tag[3];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
      if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(weight) ||
          weight < 0 || weight > 1e9)
        weight = 0;
      any_weight = any_weight || !text.empty();
    }
    out.push_back({*to, tag.size() > 2 ? tag[2] : "", weight});
  }
  if (!any_weight)
    for (ZapSplit& split : out) split.weight = 1;
  std::erase_if(out, [](const ZapSplit& split) { return split.weight <= 0; });
  double sum = 0;
  for (const ZapSplit& split : out) sum += split.weight;
  for (ZapSplit& split : out) split.weight /= sum;
  return out;
}

std::vector<Msat> split_amount(const std::vector<ZapSplit>& splits, Msat amount) {
  std::vector<Msat> out;
  Msat rest = amount;
  for (const ZapSplit& split : splits) {
    const double share = std::floor(static_cast<double>(amount.value) * split.weight / 1000);
    const Msat part = std::min(rest, Msat{static_cast<std::int64_t>(share) * 1000});
    out.push_back(part);
    rest = rest - part;
  }
  if (!out.empty()) out.front() = out.front() + rest;
  return out;
}

}  // namespace nostr
