// The few words of orders.h.
#include "orchestration/approvals/orders.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nostr/event/kinds.h"
#include "nostr/nips/nip78.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kMaxOrderBytes = 200;
constexpr std::string_view kName = "sovereign:order:";  // of the app data, before the receiver
constexpr std::uint64_t kNoncesPerSecond = 1'000;

struct Word {
  std::string_view text;
  Order::Kind kind;
};
constexpr std::array kWords = {
    Word{"list", Order::Kind::kList},     Word{"help", Order::Kind::kHelp},
    Word{"status", Order::Kind::kStatus}, Word{"budget", Order::Kind::kBudget},
    Word{"grants", Order::Kind::kGrants}, Word{"pause", Order::Kind::kPause},
    Word{"resume", Order::Kind::kResume}, Word{"stop all", Order::Kind::kStop}};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_edge(char c) {
  return is_blank(c) || c == '.' || c == '!' || c == '?';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_edge(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<Order> read_order(std::string_view text) {
  if (text.size() > kMaxOrderBytes) return std::nullopt;
  text = trimmed(text);
  const std::string whole = lower(text);
  for (const Word& word : kWords)
    if (whole == word.text) return Order{.kind = word.kind};
  if (whole.starts_with("info ")) {
    const auto code = nipsa::fold_code(text.substr(5));
    if (!code) return std::nullopt;
    return Order{.kind = Order::Kind::kInfo, .code = nipsa::format_code(*code)};
  }
  if (whole.starts_with("revoke ")) {
    const auto grant = number_of<std::int64_t>(trimmed(text.substr(7)));
    if (!grant || *grant < 1) return std::nullopt;
    return Order{.kind = Order::Kind::kRevoke, .grant = *grant};
  }
  if (whole.starts_with("pause:"))
    return Order{.kind = Order::Kind::kPause, .reason = std::string(trimmed(text.substr(6)))};
  return std::nullopt;
}

bool changes_something(const Order& order) {
  switch (order.kind) {
    case Order::Kind::kPause:
    case Order::Kind::kResume:
    case Order::Kind::kRevoke:
    case Order::Kind::kStop:
      return true;
    case Order::Kind::kList:
    case Order::Kind::kInfo:
    case Order::Kind::kHelp:
    case Order::Kind::kStatus:
    case Order::Kind::kBudget:
    case Order::Kind::kGrants:
      break;
  }
  return false;
}

std::string order_text(const Order& order) {
  switch (order.kind) {
    case Order::Kind::kInfo:
      return "info " + order.code;
    case Order::Kind::kRevoke:
      return fmt::format("revoke {}", order.grant);
    case Order::Kind::kPause:
      return order.reason.empty() ? "pause" : "pause: " + order.reason;
    case Order::Kind::kList:
    case Order::Kind::kHelp:
    case Order::Kind::kStatus:
    case Order::Kind::kBudget:
    case Order::Kind::kGrants:
    case Order::Kind::kResume:
    case Order::Kind::kStop:
      break;
  }
  for (const Word& word : kWords)
    if (word.kind == order.kind) return std::string(word.text);
  return "";
}

std::string_view help_text() {
  return "yes CODE: allow exactly what was asked, once\n"
         "no CODE: refuse it\n"
         "no: refuse everything that is open\n"
         "list: what is open\n"
         "info CODE: the whole question again\n"
         "status: what happens now\n"
         "budget: what was spent\n"
         "grants: what is allowed in advance; revoke N takes one back\n"
         "pause, or pause: WHY: nothing runs until resume\n"
         "stop all: refuse everything and pause";
}

nostr::Draft build_signed_order(const SignedOrder& order, nostr::UnixTime at) {
  const std::string text = order_text(order.order);
  return nostr::build_app_data({.d = std::string(kName) + order.to.hex(),
                                .content = text,
                                .tags = {{"p", order.to.hex()},
                                         {"nonce", std::to_string(order.nonce)},
                                         {"alt", "An order to an agent: " + text}}},
                               at);
}

Result<std::optional<SignedOrder>> parse_signed_order(const nostr::Event& event) {
  if (event.kind != nostr::kinds::kAppData) return std::nullopt;
  TRY(const nostr::AppData data, nostr::parse_app_data(event));
  if (!data.d.starts_with(kName)) return std::nullopt;
  const auto to = nostr::PublicKey::from_hex(data.d.substr(kName.size()));
  if (!to || nostr::tag_value(event.tags, "p") != to->hex())
    return fail(Errc::kInvalid, "an order names one receiver in its d and its p");
  const auto order = read_order(data.content);
  if (!order) return fail(Errc::kInvalid, "an order of an unknown word");
  const auto nonce = number_of<std::uint64_t>(nostr::tag_value(event.tags, "nonce").value_or(""));
  if (!nonce || *nonce > static_cast<std::uint64_t>(INT64_MAX))
    return fail(Errc::kInvalid, "an order has no nonce that can be read");
  return SignedOrder{*order, *to, *nonce};
}

std::uint64_t nonce_at(nostr::UnixTime at) {
  return static_cast<std::uint64_t>(base::to_unix(at)) * kNoncesPerSecond;
}

}  // namespace orchestration
