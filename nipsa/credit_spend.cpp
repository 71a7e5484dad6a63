// Kinds 39243 to 39246: what is drawn from a credit, and how each draw ends.
#include <utility>

#include "nipsa/credit_reading.h"
#include "nostr/nips/nip40.h"

namespace nipsa {
namespace {

using credit::Detail;

constexpr std::string_view kSettledWord = "settled";
constexpr std::string_view kDefaultedWord = "defaulted";

Result<void> check_spend(const CreditSpend& s) {
  TRY(credit::check_envelope_id(s.envelope));
  TRY(credit::check_purpose(s.purpose, Detail::kWhole));
  TRY(credit::check_positive(s.max, "max"));
  TRY(credit::check_positive(s.amount, "spend_sats"));
  if (s.amount > s.max) return fail(Code::kNum, "spend_sats is over max");
  return credit::check_text(s.reason, "reason");
}

Result<void> check_receipt(const CreditReceipt& r) {
  TRY(credit::check_envelope_id(r.envelope));
  if (r.d.empty()) return fail(Code::kTagMissing, "d");
  TRY(credit::check_purpose(r.purpose, Detail::kAsGiven));
  TRY(credit::check_positive(r.spent, "spent_sats"));
  TRY(credit::check_rail(r.repay, "repay"));
  TRY(credit::check_text(r.outcome, "outcome"));
  return credit::check_text(r.notes, "notes");
}

Result<void> check_default(const CreditDefault& n) {
  TRY(credit::check_envelope_id(n.envelope));
  TRY(credit::check_purpose(n.purpose, Detail::kAsGiven));
  TRY(credit::check_positive(n.loss, "loss_sats"));
  if (n.reason.empty()) return fail(Code::kJson, "reason is empty");
  return credit::check_text(n.reason, "reason");
}

/// What was paid for: N calls it the root, others the outcome, and some mark nothing (C48).
Result<std::optional<nostr::EventId>> read_result(const nostr::Tags& tags, const Scope& scope) {
  TRY(auto marked, credit::marked_event(tags, {"root", "outcome", "result"}));
  if (marked || scope.type == ScopeType::kSkill) return marked;
  return credit::marked_event(tags, {""});
}

}  // namespace

Result<nostr::Draft> build_credit_spend(const CreditSpend& s, UnixTime at) {
  TRY(check_spend(s));
  if (s.expires <= at) return fail(Code::kNum, "exp is not after created_at");
  Json content = {{"schema", 1}, {"spend_sats", s.amount.value}};
  if (!s.reason.empty()) content["reason"] = s.reason;
  nostr::Draft draft{.kind = kinds::kCreditSpend,
                     .created_at = at,
                     .tags = {{"d", s.d}, {"p", s.issuer.hex()}, {"credit", s.envelope}},
                     .content = base::json::dump(content)};
  auto& tags = draft.tags;
  tags.push_back(credit::coordinate_tag(s.issuer, s.envelope));
  tags.push_back({"issuer", s.issuer.hex()});
  credit::write_purpose(s.purpose, tags);
  tags.push_back(number_tag("max", s.max.value));
  tags.push_back(time_tag("exp", s.expires));
  tags.push_back(nostr::expiration_tag(at + kEphemeralTtl));
  return checked(std::move(draft));
}

Result<CreditSpend> parse_credit_spend(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditSpend));
  const auto& tags = event.tags;
  CreditSpend out;
  out.d = text_tag(tags, "d");
  TRY(out.issuer, required_key(tags, "p"));
  TRY(const auto issuer, optional_key(tags, "issuer"));
  if (issuer && *issuer != out.issuer) return fail(Code::kConflict, "p and issuer are two keys");
  TRY(out.envelope, credit::read_envelope_id(tags));
  TRY(credit::check_coordinate(tags, out.issuer, out.envelope));
  TRY(out.purpose, credit::read_purpose(tags, Detail::kWhole));
  TRY(out.max, credit::positive_sats(tags, "max"));
  TRY(const auto exp, required_tag(tags, "exp"));
  TRY(out.expires, parse_time(exp, "exp"));
  TRY(const Json content, credit::read_content(event.content));
  TRY(out.amount, credit::positive_member(content, "spend_sats"));
  TRY(out.reason, credit::text_member(content, "reason"));
  TRY(check_spend(out));
  return out;
}

std::optional<nostr::EventId> CreditReceipt::spend() const {
  const auto id = parse_id(d, "d");
  return id ? std::optional(*id) : std::nullopt;
}

Result<nostr::Draft> build_credit_receipt(const CreditReceipt& r, UnixTime at) {
  TRY(check_receipt(r));
  if (!r.spend() && !r.d.starts_with(r.envelope + ":"))
    return fail(Code::kTagBad, "d is neither a spend nor of the envelope");
  Json content = {{"schema", 1},
                  {"spent_sats", r.spent.value},
                  {"fee_sats", r.fee.value},
                  {"outcome", r.outcome}};
  if (!r.notes.empty()) content["notes"] = r.notes;
  nostr::Draft draft{.kind = kinds::kCreditReceipt,
                     .created_at = at,
                     .tags = {{"d", r.d}, {"credit", r.envelope}},
                     .content = base::json::dump(content)};
  auto& tags = draft.tags;
  tags.push_back(credit::coordinate_tag(r.issuer, r.envelope));
  tags.push_back({"p", r.agent.hex()});
  tags.push_back({"issuer", r.issuer.hex()});
  if (r.provider) tags.push_back({"provider", r.provider->hex()});
  credit::write_purpose(r.purpose, tags);
  if (r.result) tags.push_back({"e", r.result->hex(), "", "outcome"});
  credit::write_rail("repay", r.repay, tags);
  tags.push_back({"status", std::string(kSettledWord)});
  return checked(std::move(draft));
}

Result<CreditReceipt> parse_credit_receipt(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditReceipt));
  const auto& tags = event.tags;
  CreditReceipt out;
  TRY(const auto d, required_tag(tags, "d"));
  out.d = d;
  TRY(out.envelope, credit::read_envelope_id(tags));
  TRY(out.agent, required_key(tags, "p"));
  TRY(out.issuer, required_key(tags, "issuer"));
  TRY(credit::check_coordinate(tags, out.issuer, out.envelope));
  TRY(out.provider, optional_key(tags, "provider"));
  TRY(out.purpose, credit::read_purpose(tags, Detail::kAsGiven));
  TRY(out.result, read_result(tags, out.purpose.scope));
  TRY(out.repay, credit::read_rail(tags, "repay"));
  TRY(credit::check_status(tags, kSettledWord));
  TRY(const Json content, credit::read_content(event.content));
  TRY(out.spent, credit::positive_member(content, "spent_sats"));
  if (content.contains("fee_sats")) {
    TRY(out.fee, credit::sats_member(content, "fee_sats"));
  }
  TRY(out.outcome, credit::text_member(content, "outcome"));
  TRY(out.notes, credit::text_member(content, "notes"));
  TRY(check_receipt(out));
  return out;
}

Result<nostr::Draft> build_credit_default(const CreditDefault& n, UnixTime at) {
  TRY(check_default(n));
  const Json content = {{"schema", 1}, {"reason", n.reason}, {"loss_sats", n.loss.value}};
  nostr::Draft draft{.kind = kinds::kCreditDefault,
                     .created_at = at,
                     .tags = {{"d", n.envelope + ":default"}, {"credit", n.envelope}},
                     .content = base::json::dump(content)};
  auto& tags = draft.tags;
  tags.push_back(credit::coordinate_tag(n.issuer, n.envelope));
  tags.push_back({"p", n.agent.hex()});
  tags.push_back({"issuer", n.issuer.hex()});
  credit::write_purpose(n.purpose, tags);
  tags.push_back({"status", std::string(kDefaultedWord)});
  return checked(std::move(draft));
}

Result<CreditDefault> parse_credit_default(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditDefault));
  const auto& tags = event.tags;
  CreditDefault out;
  TRY(credit::check_issuer_is_author(event));
  out.issuer = event.pubkey;
  TRY(out.envelope, credit::read_envelope_id(tags));
  TRY(credit::check_coordinate(tags, out.issuer, out.envelope));
  TRY(out.agent, required_key(tags, "p"));
  TRY(out.purpose, credit::read_purpose(tags, Detail::kAsGiven));
  TRY(credit::check_status(tags, kDefaultedWord));
  TRY(const Json content, credit::read_content(event.content));
  TRY(out.reason, credit::text_member(content, "reason"));
  TRY(out.loss, credit::positive_member(content, "loss_sats"));
  TRY(check_default(out));
  return out;
}

Result<nostr::Draft> build_credit_cancel(const CreditCancel& c, UnixTime at) {
  TRY(credit::check_envelope_id(c.envelope));
  TRY(credit::check_text(c.reason, "reason"));
  nostr::Draft draft{
      .kind = kinds::kCreditCancel,
      .created_at = at,
      .tags = {{"d", c.spend.hex()}, {"e", c.spend.hex()}, {"credit", c.envelope}},
      .content = ""};
  if (!c.reason.empty()) draft.tags.push_back({"reason", c.reason});
  return checked(std::move(draft));
}

Result<CreditCancel> parse_credit_cancel(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditCancel));
  CreditCancel out;
  TRY(out.spend, required_id(event.tags, "e"));
  TRY(out.envelope, credit::read_envelope_id(event.tags));
  out.reason = text_tag(event.tags, "reason");
  TRY(credit::check_text(out.reason, "reason"));
  return out;
}

}  // namespace nipsa
