// Kinds 39240 to 39242: from what an agent would borrow to the credit it has.
#include <algorithm>
#include <array>
#include <utility>

#include "nipsa/credit_reading.h"

namespace nipsa {
namespace {

using credit::Detail;

constexpr std::array<std::string_view, 6> kStatuses{"offered", "accepted", "spent",
                                                    "settled", "revoked",  "defaulted"};
constexpr std::string_view kOfferedWord = "offered";
constexpr std::string_view kBps = "bps";
constexpr std::size_t kMaxKeyset = 256;

Result<void> check_deadline(UnixTime at, UnixTime expires) {
  if (expires <= at || base::to_unix(expires) > kMaxTime)
    return fail(Code::kNum, "exp is not after created_at");
  return {};
}

Result<UnixTime> read_expiry(const nostr::Tags& tags) {
  TRY(const auto text, required_tag(tags, "exp"));
  return parse_time(text, "exp");
}

Result<std::optional<UnixTime>> time_member(const Json& content, std::string_view name) {
  const auto it = content.find(name);
  if (it == content.end() || it->is_null()) return std::nullopt;
  if (!it->is_number_integer()) return fail(Code::kJson, std::string(name) + " is not an integer");
  const auto seconds = base::json::int_or(content, name, -1);
  if (seconds < 1 || seconds > kMaxTime) return fail(Code::kNum, std::string(name) + " is no time");
  return base::unix_time(seconds);
}

void add_key(nostr::Tags& tags, std::string_view name, const std::optional<nostr::PublicKey>& key) {
  if (key) tags.push_back({std::string(name), key->hex()});
}

void add_fee(Json& content, const Fee& fee) {
  content["fee_bps"] = fee.bps;
  content["fee"] = fee.str();
}

/// The intent an offer answers: its `d`, or what it marks so.
Result<nostr::EventId> intent_of(const nostr::Tags& tags) {
  TRY(const auto marked, credit::marked_event(tags, {"intent"}));
  if (marked) return *marked;
  TRY(const auto d, required_tag(tags, "d"));
  return parse_id(d, "d");
}

Result<void> read_offer_content(std::string_view text, std::optional<Fee> tagged, CreditOffer& out) {
  if (text.empty()) {
    if (!tagged) return fail(Code::kTagMissing, "fee");
    out.fee = *tagged;
    return {};
  }
  TRY(const Json content, credit::read_content(text));
  TRY(const auto stated, credit::fee_member(content));
  if (!tagged && !stated) return fail(Code::kTagMissing, "fee");
  if (tagged && stated && *tagged != *stated)
    return fail(Code::kConflict, "tag and content name two fees");
  out.fee = tagged ? *tagged : *stated;
  if (content.contains("max_sats")) {
    TRY(const Sat max, credit::positive_member(content, "max_sats"));
    if (max != out.max) return fail(Code::kConflict, "max and max_sats are two amounts");
  }
  out.requires_verifier = base::json::get_bool(content, "requires_verifier").value_or(false);
  return {};
}

Result<void> check_envelope(const CreditEnvelope& e) {
  TRY(credit::check_envelope_id(e.id));
  TRY(credit::check_purpose(e.purpose, Detail::kWhole));
  TRY(credit::check_positive(e.max, "max"));
  TRY(credit::check_rail(e.repay, "repay"));
  TRY(credit::check_rail(e.spend_rail, "spend_rail"));
  if (e.cashu_keyset.size() > kMaxKeyset) return fail(Code::kSize, "spend_cashu_keyset");
  TRY(credit::check_text(e.revoke_reason, "revoke_reason"));
  if (e.approval_threshold && !e.guardian)
    return fail(Code::kTagMissing, "guardian of the approval_threshold");
  return {};
}

Result<void> read_gates(const nostr::Tags& tags, CreditEnvelope& out) {
  TRY(out.guardian, optional_key(tags, "guardian"));
  TRY(const auto threshold, control_tag(tags, "approval_threshold"));
  if (threshold) {
    TRY(out.approval_threshold, parse_sats(*threshold, "approval_threshold"));
  }
  TRY(out.cancel_until, optional_time(tags, "cancel_until"));
  return {};
}

Result<void> read_terms(std::string_view content, CreditEnvelope& out) {
  if (content.empty()) return {};
  if (!content.starts_with('{')) {
    out.sealed = content;
    return {};
  }
  TRY(out.fee, decode_credit_terms(content));
  return {};
}

EnvelopeStatus read_status(std::string_view text) {
  const auto it = std::ranges::find(kStatuses, text);
  if (it == kStatuses.end()) return EnvelopeStatus::kRevoked;  // the strictest (P8)
  return static_cast<EnvelopeStatus>(it - kStatuses.begin());
}

}  // namespace

Sat Fee::of(Sat spent) const {
  constexpr std::int64_t kWhole = kMaxFeeBps;
  // Parted, because the product of the largest sum and the largest rate has no room.
  const std::int64_t rest = (spent.value % kWhole * bps + kWhole - 1) / kWhole;
  return {spent.value / kWhole * bps + rest + flat.value};
}

std::string Fee::str() const {
  return bps > 0 ? std::to_string(bps) + std::string(kBps) : std::to_string(flat.value);
}

Result<Fee> parse_fee(std::string_view text) {
  if (!text.ends_with(kBps)) {
    TRY(const Sat flat, parse_sats(text, "fee"));
    return Fee{.bps = 0, .flat = flat};
  }
  text.remove_suffix(kBps.size());
  TRY(const auto bps, parse_range(text, 0, kMaxFeeBps, "fee"));
  return Fee{.bps = static_cast<std::uint32_t>(bps), .flat = {}};
}

std::string_view envelope_status_name(EnvelopeStatus status) {
  return kStatuses[static_cast<std::size_t>(std::to_underlying(status))];
}

bool is_final(EnvelopeStatus status) {
  return status == EnvelopeStatus::kSettled || status == EnvelopeStatus::kRevoked ||
         status == EnvelopeStatus::kDefaulted;
}

Result<nostr::Draft> build_credit_intent(const CreditIntent& i, UnixTime at) {
  TRY(credit::check_purpose(i.purpose, Detail::kWhole));
  TRY(credit::check_positive(i.max, "max"));
  TRY(credit::check_positive(i.estimate, "estimate_sats"));
  if (i.estimate > i.max) return fail(Code::kNum, "estimate_sats is over max");
  TRY(check_deadline(at, i.expires));
  TRY(credit::check_rail(i.spend_rail, "spend_rail"));
  if (i.need.empty()) return fail(Code::kJson, "need is empty");
  TRY(credit::check_text(i.need, "need"));
  TRY(credit::check_text(i.notes, "notes"));
  Json content = {{"schema", 1}, {"need", i.need}, {"estimate_sats", i.estimate.value}};
  if (i.deadline) content["deadline"] = base::to_unix(*i.deadline);
  if (!i.notes.empty()) content["notes"] = i.notes;
  nostr::Draft draft{.kind = kinds::kCreditIntent,
                     .created_at = at,
                     .tags = {{"d", i.d}},
                     .content = base::json::dump(content)};
  credit::write_purpose(i.purpose, draft.tags);
  draft.tags.push_back(number_tag("max", i.max.value));
  draft.tags.push_back(time_tag("exp", i.expires));
  add_key(draft.tags, "provider", i.provider);
  credit::write_rail("spend_rail", i.spend_rail, draft.tags);
  return checked(std::move(draft));
}

Result<CreditIntent> parse_credit_intent(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditIntent));
  const auto& tags = event.tags;
  CreditIntent out;
  out.d = text_tag(tags, "d");
  TRY(out.purpose, credit::read_purpose(tags, Detail::kWhole));
  TRY(out.max, credit::positive_sats(tags, "max"));
  TRY(out.expires, read_expiry(tags));
  TRY(out.provider, optional_key(tags, "provider"));
  TRY(out.spend_rail, credit::read_rail(tags, "spend_rail"));
  TRY(const Json content, credit::read_content(event.content));
  TRY(out.need, credit::text_member(content, "need"));
  if (out.need.empty()) return fail(Code::kJson, "need is no text");
  TRY(out.estimate, credit::positive_member(content, "estimate_sats"));
  TRY(out.deadline, time_member(content, "deadline"));
  TRY(out.notes, credit::text_member(content, "notes"));
  return out;
}

Result<nostr::Draft> build_credit_offer(const CreditOffer& o, UnixTime at) {
  TRY(credit::check_purpose(o.purpose, Detail::kWhole));
  TRY(credit::check_positive(o.max, "max"));
  TRY(check_deadline(at, o.expires));
  TRY(parse_fee(o.fee.str()));
  Json content = {{"schema", 1},
                  {"max_sats", o.max.value},
                  {"requires_verifier", o.requires_verifier}};
  add_fee(content, o.fee);
  nostr::Draft draft{.kind = kinds::kCreditOffer,
                     .created_at = at,
                     .tags = {{"d", o.intent.hex()}, {"p", o.agent.hex()}},
                     .content = base::json::dump(content)};
  auto& tags = draft.tags;
  credit::write_purpose(o.purpose, tags);
  tags.push_back(number_tag("max", o.max.value));
  tags.push_back({"fee", o.fee.str()});
  tags.push_back(time_tag("exp", o.expires));
  tags.push_back({"issuer", o.issuer.hex()});
  add_key(tags, "lp", o.lp);
  tags.push_back({"status", std::string(kOfferedWord)});
  tags.push_back({"e", o.intent.hex(), "", "intent"});
  return checked(std::move(draft));
}

Result<CreditOffer> parse_credit_offer(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditOffer));
  const auto& tags = event.tags;
  CreditOffer out;
  TRY(out.issuer, required_key(tags, "issuer"));
  TRY(credit::check_issuer_is_author(event));
  TRY(out.intent, intent_of(tags));
  TRY(out.agent, required_key(tags, "p"));
  TRY(out.lp, optional_key(tags, "lp"));
  TRY(out.purpose, credit::read_purpose(tags, Detail::kWhole));
  TRY(out.max, credit::positive_sats(tags, "max"));
  TRY(out.expires, read_expiry(tags));
  TRY(credit::check_status(tags, kOfferedWord));
  TRY(const auto fee_text, control_tag(tags, "fee"));
  std::optional<Fee> fee;
  if (fee_text) {
    TRY(fee, parse_fee(*fee_text));
  }
  TRY(read_offer_content(event.content, fee, out));
  return out;
}

std::string encode_credit_terms(const Fee& fee) {
  Json repayment = Json::object();
  add_fee(repayment, fee);
  return base::json::dump(Json{{"schema", 1}, {"repayment", std::move(repayment)}});
}

Result<std::optional<Fee>> decode_credit_terms(std::string_view plaintext) {
  TRY(const Json content, credit::read_content(plaintext));
  const auto repayment = content.find("repayment");
  if (repayment == content.end() || repayment->is_null()) return std::nullopt;
  if (!repayment->is_object()) return fail(Code::kJson, "repayment is not an object");
  return credit::fee_member(*repayment);
}

Result<nostr::Draft> build_credit_envelope(const CreditEnvelope& e, UnixTime at) {
  TRY(check_envelope(e));
  if (!is_final(e.status)) {
    TRY(check_deadline(at, e.expires));
  }
  if (e.fee && !e.sealed.empty()) return fail(Code::kTagDup, "terms in clear and sealed");
  if (e.sealed.starts_with('{')) return fail(Code::kCrypto, "sealed terms are no ciphertext");
  std::string content = e.sealed;
  if (e.fee) {
    TRY(parse_fee(e.fee->str()));
    content = encode_credit_terms(*e.fee);
  }
  nostr::Draft draft{.kind = kinds::kCreditEnvelope,
                     .created_at = at,
                     .tags = {{"d", e.id}, {"p", e.agent.hex()}, {"issuer", e.issuer.hex()}},
                     .content = std::move(content)};
  auto& tags = draft.tags;
  add_key(tags, "lp", e.lp);
  add_key(tags, "provider", e.provider);
  add_key(tags, "verifier", e.verifier);
  credit::write_purpose(e.purpose, tags);
  tags.push_back(number_tag("max", e.max.value));
  tags.push_back(time_tag("exp", e.expires));
  tags.push_back({"status", std::string(envelope_status_name(e.status))});
  credit::write_rail("repay", e.repay, tags);
  credit::write_rail("spend_rail", e.spend_rail, tags);
  if (!e.cashu_keyset.empty()) tags.push_back({"spend_cashu_keyset", e.cashu_keyset});
  add_key(tags, "guardian", e.guardian);
  if (e.approval_threshold)
    tags.push_back(number_tag("approval_threshold", e.approval_threshold->value));
  if (e.cancel_until) tags.push_back(time_tag("cancel_until", *e.cancel_until));
  if (!e.revoke_reason.empty()) tags.push_back({"revoke_reason", e.revoke_reason});
  return checked(std::move(draft));
}

Result<CreditEnvelope> parse_credit_envelope(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kCreditEnvelope));
  const auto& tags = event.tags;
  CreditEnvelope out;
  TRY(out.issuer, required_key(tags, "issuer"));
  TRY(credit::check_issuer_is_author(event));
  TRY(const auto d, required_tag(tags, "d"));
  TRY(credit::check_envelope_id(d));
  out.id = d;
  TRY(out.agent, required_key(tags, "p"));
  TRY(out.lp, optional_key(tags, "lp"));
  TRY(out.provider, optional_key(tags, "provider"));
  TRY(out.verifier, optional_key(tags, "verifier"));
  TRY(out.purpose, credit::read_purpose(tags, Detail::kWhole));
  TRY(out.max, credit::positive_sats(tags, "max"));
  TRY(out.expires, read_expiry(tags));
  TRY(const auto status, required_tag(tags, "status"));
  out.status = read_status(status);
  TRY(out.repay, credit::read_rail(tags, "repay"));
  TRY(out.spend_rail, credit::read_rail(tags, "spend_rail"));
  out.cashu_keyset = text_tag(tags, "spend_cashu_keyset");
  TRY(read_gates(tags, out));
  out.revoke_reason = text_tag(tags, "revoke_reason");
  TRY(read_terms(event.content, out));
  TRY(check_envelope(out));
  return out;
}

}  // namespace nipsa
