// What the control socket of a co-signer answers.
#include <fmt/format.h>

#include "node/approvals_view.h"
#include "node/cosigner_app.h"
#include "node/cosigner_views.h"
#include "node/dashboard/meters.h"
#include "node/dashboard/views.h"
#include "node/desk_views.h"
#include "node/outbox_view.h"
#include "node/pause.h"
#include "node/record_view.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::int64_t kBarSeconds = 600;  // a revoked holder stays out, unless told otherwise

}  // namespace

base::Task<Result<Value>> CosignerApp::control(std::string method, Value params) {
  if (method == "status") co_return status();
  if (method == "pending") co_return pending_view(approvals_, runtime_.clock.now());
  if (method == "outbox") co_return answer_outbox(outbox_, params);
  if (method == "metrics") {
    const base::UnixTime now = runtime_.clock.now();
    CO_TRY(Value seen, status());
    CO_TRY(seen["meters"], meters_view({.verify_times = pool_.verify_times(),
                                        .published = publisher_.counts(),
                                        .approvals = approvals_,
                                        .inbox = questions_.get()},
                                       now));
    co_return Value{{"text", metrics_text(seen, now)}};
  }
  if (method == "record") co_return answer_record(*db_, {}, params);
  if (method == "approve" || method == "deny") {
    CO_TRY(const std::string code, base::json::get_string(params, "code"));
    CO_TRY(const storage::Question question, desk_->answer_here(code, method == "approve"));
    co_return question_view(question);
  }
  if (method.starts_with("approval-"))
    co_return answer_approvals(*db_, service_.key(), method, params);
  if (method.starts_with("policy-")) co_return control_policy(method, params);
  if (method.starts_with("lease-")) co_return control_lease(method, params);
  if (method.starts_with("audit-"))
    co_return co_await control_audit(std::move(method), std::move(params));
  co_return fail(Errc::kUnsupported, fmt::format("a co-signer has no method \"{}\"", method));
}

Result<Value> CosignerApp::status() {
  const base::UnixTime now = runtime_.clock.now();
  frostr::Cosigner& cosigner = bifrost_->cosigner();
  TRY(const storage::AuditHead head, cosigner.audit().log().head());
  TRY(const auto leases, cosigner.leases().list());
  Value status = {{"role", "cosigner"},
                  {"identity", bifrost_->group().identity().hex()},
                  {"share", share_key().hex()},
                  {"service", service_key().hex()},
                  {"relays", relay_view(pool_.status())},
                  {"paused", PauseSwitch(home_).reason().value_or("")},
                  {"policy",
                   {{"file", policy_source_.path().string()},
                    {"hash", policy_hash_.hex()},
                    {"since", base::to_unix(policy_since_)},
                    {"level", frostr::level_name(cosigner.policy().level)},
                    {"error", policy_error_}}},
                  {"audit", {{"rows", head.seq}, {"head", head.hash.hex()}}},
                  {"leases", Value::array()}};
  for (const storage::LeaseRow& row : leases) status["leases"].push_back(lease_view(row, now));
  status["operators"] = reach_view(*desk_);
  TRY(status["pending"], pending_view(approvals_, now));
  TRY(status["outbox"], outbox_view(outbox_));
  return status;
}

Result<Value> CosignerApp::control_policy(const std::string& method, const Value& params) {
  if (method == "policy-test") {
    TRY(const PolicyTest test, PolicyTest::read(params));
    frostr::Cosigner& cosigner = bifrost_->cosigner();
    return run_policy_test(cosigner.facts(), test, cosigner.policy(), policy_hash_,
                           runtime_.clock.now());
  }
  if (method == "policy-reload") {
    TRY(const bool changed, reload());
    return Value{{"changed", changed}, {"hash", policy_hash_.hex()}};
  }
  return fail(Errc::kUnsupported, fmt::format("a co-signer has no method \"{}\"", method));
}

Result<Value> CosignerApp::control_lease(const std::string& method, const Value& params) {
  const base::UnixTime now = runtime_.clock.now();
  frostr::Cosigner& cosigner = bifrost_->cosigner();
  if (method == "lease-list") {
    TRY(const auto rows, cosigner.leases().list());
    Value out = Value::array();
    for (const storage::LeaseRow& row : rows) out.push_back(lease_view(row, now));
    return out;
  }
  if (method == "lease-revoke") {
    TRY(const std::int64_t member, base::json::get_int(params, "member"));
    const std::int64_t bar = base::json::int_or(params, "bar", kBarSeconds);
    if (member < 1 || member > 0xffff'ffff || bar < 0 || bar > 86'400)
      return fail(Errc::kInvalid, "member is a share's number, bar 0 to 86400 seconds");
    TRY(const storage::LeaseRow ended,
        cosigner.revoke_lease(static_cast<std::uint32_t>(member), base::seconds(bar), now));
    return lease_view(ended, now);
  }
  return fail(Errc::kUnsupported, fmt::format("a co-signer has no method \"{}\"", method));
}

base::Task<Result<Value>> CosignerApp::control_audit(std::string method, Value params) {
  storage::AuditLog& log = bifrost_->cosigner().audit().log();
  if (method == "audit-list") co_return audit_list(log, base::json::int_or(params, "limit", 50));
  if (method == "audit-after") {
    CO_TRY(const auto rows, log.after(base::json::int_or(params, "seq")));
    Value out = Value::array();
    for (const storage::AuditRow& row : rows) out.push_back(audit_row_view(row));
    co_return out;
  }
  if (method == "audit-verify") {
    // In pieces, so that requests are answered in between.
    storage::AuditHead place;
    for (;;) {
      CO_TRY(const bool more, log.verify_some(place));
      if (!more) break;
      co_await base::next_turn();
    }
    std::vector<std::string> given;
    for (const Value& anchor : params.value("anchors", Value::array()))
      if (anchor.is_string()) given.push_back(anchor.get<std::string>());
    co_return audit_report(log, place, given, service_key());
  }
  co_return fail(Errc::kUnsupported, fmt::format("a co-signer has no method \"{}\"", method));
}

}  // namespace node
