// JSON of verdicts, audit rows and leases.
#include "node/cosigner_views.h"

#include <algorithm>

#include <fmt/format.h>

#include "frostr/policy_file.h"
#include "node/audit_anchor.h"
#include "nostr/event/event_json.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

std::string_view outcome_name(frostr::Verdict::Outcome outcome) {
  switch (outcome) {
    case frostr::Verdict::Outcome::kSign:
      return "sign";
    case frostr::Verdict::Outcome::kAsk:
      return "ask";
    case frostr::Verdict::Outcome::kRefuse:
      return "refuse";
  }
  return "refuse";
}

}  // namespace

Value explained_view(const frostr::Explained& explained, const nostr::Sha256& policy) {
  Value steps = Value::array();
  for (const frostr::Step& step : explained.trace)
    steps.push_back({{"rule", step.rule}, {"value", step.value}, {"result", step.result}});
  return {{"verdict", outcome_name(explained.verdict.outcome)},
          {"reason", explained.verdict.reason},
          {"by_approval", explained.verdict.by_approval},
          {"needs_proof", explained.verdict.needs_proof},
          {"digest", explained.verdict.digest.hex()},
          {"policy", policy.hex()},
          {"steps", std::move(steps)}};
}

Value audit_row_view(const storage::AuditRow& row) {
  Value out = {{"seq", row.seq},
               {"time", base::to_unix(row.entry.time)},
               {"requester", row.entry.requester},
               {"kind", row.entry.kind},
               {"verdict", row.entry.verdict},
               {"reason", row.entry.reason},
               {"prev", row.prev.hex()},
               {"hash", row.hash.hex()}};
  if (row.entry.digest) out["digest"] = row.entry.digest->hex();
  if (row.entry.event_id) out["event_id"] = row.entry.event_id->hex();
  return out;
}

Value lease_view(const storage::LeaseRow& row, base::UnixTime now) {
  Value out = {{"member", row.member},
               {"held", now < row.until},
               {"runner", row.runner.hex()},
               {"home", row.home},
               {"start", row.generation},
               {"boot", row.boot},
               {"since", base::to_unix(row.since)},
               {"until", base::to_unix(row.until)}};
  if (now < row.barred_until) {
    out["barred"] = row.barred;
    out["barred_until"] = base::to_unix(row.barred_until);
  }
  return out;
}

Result<PolicyTest> PolicyTest::read(const Value& params) {
  PolicyTest out;
  TRY(const std::string event, base::json::get_string(params, "event"));
  auto parsed = nostr::parse_unsigned_event(event);
  if (!parsed) return std::unexpected(base::in_context("event", std::move(parsed).error()));
  out.event = *std::move(parsed);
  if (params.contains("requester")) {
    TRY(const std::int64_t idx, base::json::get_int(params, "requester"));
    if (idx < 1 || idx > 0xffff'ffff) return fail(Errc::kInvalid, "requester is no share's number");
    out.requester = static_cast<std::uint32_t>(idx);
  }
  if (params.contains("at")) {
    TRY(const std::int64_t at, base::json::get_int(params, "at"));
    // Outside this range the windows that are counted back from it would not be times any more.
    if (at < 0 || at > 253'402'300'799) return fail(Errc::kInvalid, "at is no Unix time");
    out.at = base::unix_time(at);
  }
  out.reason.tick = base::json::string_or(params, "tick");
  if (params.contains("decision")) {
    TRY(const std::string decision, base::json::get_string(params, "decision"));
    TRY(out.reason.decision, nostr::parse_event(decision));
  }
  if (params.contains("policy")) {
    TRY(out.policy, base::json::get_string(params, "policy"));
  }
  return out;
}

Result<Value> run_policy_test(frostr::FactSource& facts, const PolicyTest& test,
                              const frostr::Policy& policy, const nostr::Sha256& hash,
                              base::UnixTime now) {
  frostr::Policy other;
  nostr::Sha256 other_hash;
  if (test.policy) {
    TRY(other, frostr::parse_policy(*test.policy));
    other_hash = nostr::sha256(*test.policy);
  }
  const frostr::Policy& used = test.policy ? other : policy;
  if (!test.requester && used.requesters.empty())
    return fail(Errc::kInvalid, "the policy names no requester", "add [[requesters]]");
  const frostr::ShareIndex member{test.requester.value_or(
      used.requesters.empty() ? 0 : used.requesters.front().idx)};
  TRY(const frostr::Explained explained,
      frostr::explain(facts, used, test.event, member, test.reason, test.at.value_or(now)));
  return explained_view(explained, test.policy ? other_hash : hash);
}

Result<Value> audit_list(storage::AuditLog& log, std::int64_t limit) {
  TRY(const auto rows,
      log.tail(static_cast<std::size_t>(std::clamp<std::int64_t>(limit, 1, 1'000))));
  Value out = Value::array();
  for (const storage::AuditRow& row : rows) out.push_back(audit_row_view(row));
  return out;
}

Result<Value> audit_report(storage::AuditLog& log, const storage::AuditHead& walked,
                           const std::vector<std::string>& given, const nostr::PublicKey& service) {
  TRY(const auto kept, log.anchors());
  for (const storage::AuditAnchor& anchor : kept) {
    auto head = read_anchor(anchor.event_json, service);
    if (!head || *head != anchor.head)
      return fail(Errc::kCrypto, fmt::format("the anchor at row {} is not what this co-signer signed",
                                             anchor.head.seq));
    TRY(log.check_anchor(*head));
  }
  for (const std::string& json : given) {
    TRY(const storage::AuditHead head, read_anchor(json, service));
    TRY(log.check_anchor(head));
  }
  const std::int64_t anchored = kept.empty() ? 0 : kept.front().head.seq;
  return Value{{"rows", walked.seq},
               {"head", walked.hash.hex()},
               {"anchors", kept.size() + given.size()},
               {"anchored", anchored},
               {"not_anchored", walked.seq - anchored}};
}

}  // namespace node
