// Two questions over HTTPS, and an invoice that must say what was asked for.
#include "orchestration/money/lnurl.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/event/event_json.h"
#include "orchestration/money/invoice_check.h"

namespace orchestration {

namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::Task;

constexpr std::size_t kMaxAnswer = 64u << 10;

std::string_view without_scheme(std::string_view text) {
  constexpr std::string_view kScheme = "lightning:";
  const bool has = text.size() > kScheme.size() &&
                   std::ranges::equal(text.substr(0, kScheme.size()), kScheme, {}, [](char c) {
                     return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
                   });
  return has ? text.substr(kScheme.size()) : text;
}

bool is_lnurl(std::string_view text) {
  return text.starts_with("lnurl1") || text.starts_with("LNURL1");
}

Result<void> check_range(const Payee& payee, Msat amount) {
  if (amount >= payee.terms.min_sendable && amount <= payee.terms.max_sendable) return {};
  return fail(Errc::kLimit,
              fmt::format("{} takes {} to {} msat, not {}", payee.name,
                          payee.terms.min_sendable.value, payee.terms.max_sendable.value,
                          amount.value));
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

bool Lnurl::reads(std::string_view text) {
  const std::string_view name = without_scheme(text);
  return is_lnurl(name) || name.find('@') != name.npos;
}

Task<Result<std::string>> Lnurl::get(std::string url) {
  nostr::HttpCall call{.url = std::move(url),
                       .connect_timeout = options_.limit,
                       .total_timeout = options_.limit,
                       .max_body_bytes = kMaxAnswer,
                       .follow_redirects = false,
                       .allow_private_addresses = options_.hosts == nostr::LnurlHosts::kLoopback};
  CO_TRY(nostr::HttpReply reply, co_await http_.perform(std::move(call)));
  // An error in JSON says more than a status.
  if (reply.status != 200 && reply.body.find("\"ERROR\"") == std::string::npos)
    co_return fail(Errc::kPeer, fmt::format("the lnurl provider answers with status {}", reply.status));
  co_return std::move(reply.body);
}

Task<Result<Payee>> Lnurl::find(std::string text) {
  const std::string name(without_scheme(text));
  Result<std::string> url = is_lnurl(name) ? nostr::decode_lnurl(name, options_.hosts)
                                           : nostr::lightning_address_url(name, options_.hosts);
  if (!url) co_return std::unexpected(std::move(url).error());
  CO_TRY(const std::string body, co_await get(*url));
  auto terms = nostr::parse_lnurl_pay(body, options_.hosts);
  if (!terms) {
    if (terms.error().code == Errc::kInvalid) terms.error().code = Errc::kPeer;
    co_return std::unexpected(base::in_context(name, std::move(terms).error()));
  }
  co_return Payee{name, nostr::encode_lnurl(*url), *std::move(terms)};
}

Task<Result<std::string>> Lnurl::checked_invoice(std::string url, Msat amount,
                                                 nostr::Sha256 commits_to, base::UnixTime now) {
  CO_TRY(const std::string body, co_await get(std::move(url)));
  CO_TRY(std::string invoice, nostr::parse_lnurl_invoice(body));
  CO_TRY(check_invoice(invoice, {.amount = amount, .description_hash = commits_to}, now));
  co_return invoice;
}

Task<Result<std::string>> Lnurl::invoice(Payee payee, Msat amount, std::string comment,
                                         base::UnixTime now) {
  CO_TRY(check_range(payee, amount));
  if (static_cast<std::int64_t>(count_characters(comment)) > payee.terms.comment_allowed)
    co_return fail(Errc::kLimit, fmt::format("{} takes comments of at most {} characters",
                                             payee.name, payee.terms.comment_allowed));
  CO_TRY(std::string url, nostr::lnurl_invoice_url(payee.terms.callback, amount, comment,
                                                   options_.hosts));
  co_return co_await checked_invoice(std::move(url), amount, nostr::sha256(payee.terms.metadata),
                                     now);
}

Task<Result<std::string>> Lnurl::zap_invoice(Payee payee, nostr::Event request, Msat amount,
                                             base::UnixTime now) {
  if (!payee.terms.provider)
    co_return fail(Errc::kUnsupported, payee.name + " takes no zaps", "pay without one");
  CO_TRY(check_range(payee, amount));
  CO_TRY(std::string url, nostr::zap_invoice_url(payee.terms.callback, request, amount,
                                                 payee.lnurl, options_.hosts));
  co_return co_await checked_invoice(std::move(url), amount,
                                     nostr::sha256(nostr::to_json(request)), now);
}

}  // namespace orchestration
