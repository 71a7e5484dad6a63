// What a co-signer shows of its verdicts, record and leases, as JSON: the same whether the running
// process answers or a command reads the files of one that is not running.
#pragma once

#include "frostr/cosigner.h"
#include "nostr/base/json.h"
#include "storage/audit.h"
#include "storage/leases.h"

namespace node {

base::json::Value explained_view(const frostr::Explained& explained, const nostr::Sha256& policy);
base::json::Value audit_row_view(const storage::AuditRow& row);
base::json::Value lease_view(const storage::LeaseRow& row, base::UnixTime now);

/// A question about a verdict: `event` (JSON text), and optionally `requester` (default: the policy's
/// first), `at`, `tick`, `decision` (a 39213's JSON), `policy` (the text of another file).
struct PolicyTest {
  nostr::UnsignedEvent event;
  std::optional<std::uint32_t> requester;
  std::optional<base::UnixTime> at;
  frostr::SignReason reason;
  std::optional<std::string> policy;

  static base::Result<PolicyTest> read(const base::json::Value& params);
};
/// Answers it; `policy` and its hash are those in force.
base::Result<base::json::Value> run_policy_test(frostr::FactSource& facts, const PolicyTest& test,
                                                const frostr::Policy& policy,
                                                const nostr::Sha256& hash, base::UnixTime now);

/// Rows, newest first, at most `limit` (1 to 1000).
base::Result<base::json::Value> audit_list(storage::AuditLog& log, std::int64_t limit);
/// Holds the log against the anchors it keeps, whose signatures are checked, and those in `given`
/// (events or bare heads): rows, head and what is not anchored yet. kCrypto names what is wrong.
base::Result<base::json::Value> audit_report(storage::AuditLog& log, const storage::AuditHead& walked,
                                             const std::vector<std::string>& given,
                                             const nostr::PublicKey& service);

}  // namespace node
