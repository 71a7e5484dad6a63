// Reading a status like a doctor.
#include "node/doctor/live_checks.h"

#include <fmt/format.h>

#include "node/control.h"
#include "nostr/base/clock.h"

namespace node {
namespace {

using base::json::int_or;
using base::json::string_or;
using base::json::Value;

constexpr std::chrono::seconds kPatience{10};
constexpr std::int64_t kFewNonces = 5;

void read_cosigner(const Value& member, Findings& findings) {
  const std::string check = fmt::format("cosigner {}", int_or(member, "idx"));
  const std::int64_t nonces = int_or(member, "nonces");
  if (!member.value("online", false))
    findings.warn(check, "away", "sovereign cosigner on its machine; both must share a relay");
  else if (const std::string why = string_or(member, "why_not"); !why.empty())
    findings.warn(check, "online, but cannot be asked: " + why, "see its log");
  else if (nonces < kFewNonces)
    findings.warn(check, fmt::format("online, {} nonces left", nonces),
                  "they come by themselves within seconds; if not, see its log");
  else if (!member.value("judges", false))
    findings.warn(check, fmt::format("online, {} nonces, signs blindly", nonces),
                  "give it a policy: a group is as strong as its weakest judge");
  else
    findings.ok(check, fmt::format("online, {} nonces, judges by policy, {} ms away", nonces,
                                   int_or(member, "round_trip_ms")));
}

/// Blindness and absence of single members are told there; here it is what they come to.
void read_group(const Value& status, Findings& findings) {
  bool anybody_judges = false;
  for (const Value& member : status.value("cosigners", Value::array())) {
    read_cosigner(member, findings);
    anybody_judges = anybody_judges || member.value("judges", false);
  }
  if (!status.contains("cosigners")) return;
  if (!anybody_judges)
    findings.fail("group.judges", "no co-signer that is known judges what it signs",
                  "run `sovereign cosigner` with a policy on at least one other machine");
  if (!status.value("ready", true))
    findings.fail("group.ready", "cannot sign: " + string_or(status, "why_not"),
                  "start the co-signers that are away");
  else
    findings.ok("group.ready", "a quorum answers");
  if (status.contains("lease_elsewhere_until"))
    findings.fail("group.lease", "another process acts for this share",
                  "stop it; one home, one process: a copy of a home must not run");
}

void read_policy(const Value& status, Findings& findings) {
  const auto policy = base::json::get_object(status, "policy");
  if (!policy) return;
  if (const std::string why = string_or(*policy, "error"); !why.empty())
    findings.fail("policy.taken", "the file was not taken, the one before is in force: " + why,
                  "sovereign cosigner policy check");
  else
    findings.ok("policy.taken", "in force since " +
                                    base::format_utc(base::unix_time(int_or(*policy, "since"))));
}

void read_state(const Value& status, Findings& findings) {
  const auto state = base::json::get_object(status, "state");
  if (!state) return;
  if (const std::string why = string_or(*state, "problem"); !why.empty())
    findings.fail("state", "no tick runs, because it cannot be opened whole: " + why,
                  "bring back the relay that has it, or sovereign state accept");
  else
    findings.ok("state", fmt::format("{} memories of {} ticks", int_or(*state, "memories"),
                                     int_or(*state, "tick_count")));
}

void read_relays(const Value& status, Findings& findings) {
  for (const Value& relay : status.value("relays", Value::array())) {
    if (relay.value("connected", false)) continue;
    const std::string state = string_or(relay, "state");
    if (state.empty() || state == "idle" || state == "connecting") continue;
    findings.warn("process.relay " + string_or(relay, "url"),
                  state + ": " + string_or(relay, "last_error"), "the process tries again by itself");
  }
}

}  // namespace

Findings read_status(const Value& status) {
  Findings findings;
  findings.ok("process", "running as " + string_or(status, "role"));
  read_state(status, findings);
  if (const std::string why = string_or(status, "paused"); !why.empty())
    findings.warn("process.paused", "paused: " + why, "sovereign resume");
  read_policy(status, findings);
  read_group(status, findings);
  read_relays(status, findings);
  if (const auto outbox = base::json::get_object(status, "outbox"))
    if (const std::int64_t failed = int_or(*outbox, "failed"); failed > 0)
      findings.warn("process.outbox", fmt::format("{} publications failed", failed), "sovereign outbox");
  return findings;
}

Findings check_process(const Home& home) {
  const auto status = control_call(home.control_socket(), "status", Value::object(), kPatience);
  if (status) return read_status(*status);
  Findings findings;
  if (status.error().code == base::Errc::kUnavailable)
    findings.warn("process", "nothing runs for this home: co-signers and nonces were not looked at",
                  "sovereign run, or sovereign cosigner");
  else
    findings.fail("process", status.error().detail, "see its log; restart it");
  return findings;
}

}  // namespace node
