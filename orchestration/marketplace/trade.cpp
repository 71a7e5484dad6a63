// Trade messages: one JSON object each, told apart by `type`.
#include "orchestration/marketplace/trade.h"

#include <algorithm>

#include "nipsa/error.h"
#include "nostr/nips/nip17.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::string_view kOrder = "skill-order";
constexpr std::string_view kBill = "skill-bill";
constexpr std::string_view kRefusal = "skill-refusal";
constexpr std::size_t kMaxText = 8'192;
constexpr std::size_t kMaxInvoice = 4'096;
constexpr std::size_t kMaxWhy = 300;

Value to_json(const SkillOrder& order) {
  return {{"type", kOrder},
          {"order", order.id},
          {"skill", order.skill.str()},
          {"manifest", order.manifest.hex()},
          {"listing", order.listing.hex()},
          {"agent", order.agent.hex()}};
}
Value to_json(const SkillBill& bill) {
  return {{"type", kBill}, {"order", bill.order}, {"invoice", bill.invoice}};
}
Value to_json(const SkillRefusal& refusal) {
  return {{"type", kRefusal}, {"order", refusal.order}, {"why", refusal.why}};
}

Result<TradeMessage> read_order(const Value& json, std::string id) {
  SkillOrder out{.id = std::move(id), .skill = {}, .manifest = {}, .listing = {}, .agent = {}};
  TRY(out.skill, nipsa::parse_coordinate(base::json::string_or(json, "skill")));
  if (out.skill.kind != nipsa::kinds::kSkillManifest) return fail(Errc::kInvalid, "an order of no skill");
  TRY(out.manifest, nipsa::parse_id(base::json::string_or(json, "manifest"), "manifest"));
  TRY(out.listing, nipsa::parse_id(base::json::string_or(json, "listing"), "listing"));
  TRY(out.agent, nipsa::parse_key(base::json::string_or(json, "agent"), "agent"));
  return TradeMessage(std::move(out));
}

Result<TradeMessage> read_message(std::string_view type, const Value& json) {
  std::string id = base::json::string_or(json, "order");
  if (!is_order_id(id)) return fail(Errc::kInvalid, "order is not 32 hex characters");
  if (type == kOrder) return read_order(json, std::move(id));
  if (type == kBill) {
    std::string invoice = base::json::string_or(json, "invoice");
    if (invoice.empty() || invoice.size() > kMaxInvoice)
      return fail(Errc::kInvalid, "a bill without an invoice of 1..4096 bytes");
    return TradeMessage(SkillBill{std::move(id), std::move(invoice)});
  }
  std::string why = base::json::string_or(json, "why");
  if (why.size() > kMaxWhy) why.resize(kMaxWhy);
  return TradeMessage(SkillRefusal{std::move(id), std::move(why)});
}

}  // namespace

bool is_order_id(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

nostr::UnsignedEvent build_trade_message(const TradeMessage& message, const nostr::PublicKey& from,
                                         const nostr::PublicKey& to, base::UnixTime at) {
  return nostr::build_private_message(
      {.from = from,
       .to = {to},
       .subject = "",
       .refs = {},
       .text = base::json::dump(std::visit([](const auto& m) { return to_json(m); }, message)),
       .at = at});
}

Result<std::optional<TradeMessage>> parse_trade_message(const nostr::UnsignedEvent& rumor) {
  const std::optional<TradeMessage> other;
  if (rumor.kind != nostr::kinds::kPrivateMessage || !rumor.content.starts_with('{') ||
      rumor.content.size() > kMaxText)
    return other;
  const auto json = nipsa::parse_object(rumor.content);
  if (!json) return other;
  const std::string type = base::json::string_or(*json, "type");
  if (type != kOrder && type != kBill && type != kRefusal) return other;
  TRY(TradeMessage message, read_message(type, *json));
  return std::optional(std::move(message));
}

const std::string& order_of(const TradeMessage& message) {
  if (const auto* order = std::get_if<SkillOrder>(&message)) return order->id;
  if (const auto* bill = std::get_if<SkillBill>(&message)) return bill->order;
  return std::get<SkillRefusal>(message).order;
}

}  // namespace orchestration
