// Labels on agents.
#include "nipsa/agent_label.h"

#include <algorithm>
#include <map>

#include "nipsa/credit.h"
#include "nipsa/label.h"
#include "nostr/nips/nip09.h"

namespace nipsa {
namespace {

constexpr std::string_view kCredit = "agent/credit";
constexpr std::string_view kOperator = "nip-sa.operator";
constexpr std::string_view kSuccess = "success";
constexpr std::string_view kDefault = "default";
constexpr std::string_view kControls = "controls";

nostr::Draft label_of(std::string_view space, std::string_view value, const nostr::PublicKey& agent,
                      UnixTime at) {
  return {.kind = kinds::kLabel,
          .created_at = at,
          .tags = {{"L", std::string(space)},
                   {"l", std::string(value), std::string(space)},
                   {"p", agent.hex()}},
          .content = ""};
}

Result<CreditLabel> ending_of(const nostr::Event& evidence) {
  CreditLabel out{.outcome = {}, .agent = {}, .evidence = evidence.id, .amount = {}};
  if (evidence.kind == kinds::kCreditReceipt) {
    TRY(const auto receipt, parse_credit_receipt(evidence));
    out.agent = receipt.agent;
    out.amount = receipt.spent;
    return out;
  }
  TRY(const auto notice, parse_credit_default(evidence));
  out.outcome = CreditOutcome::kDefault;
  out.agent = notice.agent;
  out.amount = notice.loss;
  return out;
}

Result<CreditOutcome> read_outcome(const nostr::Tags& tags) {
  const auto values = label_values(tags, kCredit);
  if (values.empty()) return fail(Code::kKind, "the label is of another namespace");
  if (std::ranges::any_of(values, [&](const std::string& value) { return value != values[0]; }))
    return fail(Code::kEnum, "the label names two outcomes");
  if (values[0] == kSuccess) return CreditOutcome::kSuccess;
  if (values[0] == kDefault) return CreditOutcome::kDefault;
  return fail(Code::kEnum, "the outcome is neither success nor default");
}

bool taken_back(const nostr::Event& label, std::span<const nostr::Event> deletions) {
  return std::ranges::any_of(deletions, [&](const nostr::Event& deletion) {
    return nostr::deletes(deletion, label) && nostr::check(deletion);
  });
}

void add(CreditStanding& standing, const CreditLabel& label) {
  const bool good = label.outcome == CreditOutcome::kSuccess;
  std::uint32_t& count = good ? standing.successes : standing.defaults;
  Sat& sum = good ? standing.repaid : standing.lost;
  ++count;
  sum.value = std::min(kMaxSats, sum.value + label.amount.value);
}

}  // namespace

Result<nostr::Draft> build_credit_label(const nostr::Event& evidence, UnixTime at) {
  TRY(const CreditLabel ending, ending_of(evidence));
  const bool good = ending.outcome == CreditOutcome::kSuccess;
  nostr::Draft draft = label_of(kCredit, good ? kSuccess : kDefault, ending.agent, at);
  draft.tags.push_back({"e", evidence.id.hex()});
  draft.tags.push_back(number_tag("amount", ending.amount.value));
  return draft;
}

Result<CreditLabel> parse_credit_label(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kLabel));
  CreditLabel out;
  TRY(out.outcome, read_outcome(event.tags));
  TRY(out.agent, required_key(event.tags, "p"));
  TRY(out.evidence, required_id(event.tags, "e"));
  TRY(const auto amount, required_tag(event.tags, "amount"));
  TRY(out.amount, parse_sats(amount, "amount"));
  return out;
}

CreditStanding credit_standing(const nostr::PublicKey& agent, std::span<const nostr::Event> labels,
                               std::span<const nostr::Event> deletions,
                               std::span<const nostr::PublicKey> issuers, UnixTime now) {
  std::map<std::pair<nostr::PublicKey, nostr::EventId>, CreditLabel> counted;
  for (const nostr::Event& event : labels) {
    const auto label = parse_credit_label(event);
    const bool trusted = std::ranges::find(issuers, event.pubkey) != issuers.end();
    if (!label || label->agent != agent || !trusted || event.pubkey == agent) continue;
    if (!check_event(event, kinds::kLabel, now) || taken_back(event, deletions)) continue;
    const auto [at, is_new] = counted.try_emplace({event.pubkey, label->evidence}, *label);
    if (!is_new && label->outcome == CreditOutcome::kDefault) at->second = *label;
  }
  CreditStanding out;
  for (const auto& [key, label] : counted) add(out, label);
  return out;
}

nostr::Draft build_operator_label(const nostr::PublicKey& agent, UnixTime at) {
  return label_of(kOperator, kControls, agent, at);
}

bool acknowledges_agent(const nostr::Event& label, const nostr::PublicKey& operator_key,
                        const nostr::PublicKey& agent, std::span<const nostr::Event> deletions) {
  if (label.pubkey != operator_key || !check_shape(label, kinds::kLabel) || !nostr::check(label))
    return false;
  const auto values = label_values(label.tags, kOperator);
  const auto named = nostr::tag_values(label.tags, "p");
  return std::ranges::find(values, kControls) != values.end() &&
         std::ranges::find(named, agent.hex()) != named.end() && !taken_back(label, deletions);
}

}  // namespace nipsa
