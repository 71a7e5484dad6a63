// Signing and reading anchors.
#include "node/audit_anchor.h"

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::json::Value;

constexpr std::int64_t kRows = 256;
constexpr std::chrono::seconds kAge{3'600};

base::Result<storage::AuditHead> read_head(const Value& value) {
  storage::AuditHead head;
  TRY(head.seq, base::json::get_int(value, "seq"));
  TRY(const std::string hash, base::json::get_string(value, "hash"));
  TRY(head.hash, nostr::Sha256::from_hex(hash));
  if (head.seq < 1) return fail(Errc::kInvalid, "an anchor's seq is at least 1");
  return head;
}

}  // namespace

nostr::Event sign_anchor(const storage::AuditHead& head, const nostr::PublicKey& share,
                         const nostr::SecretKey& service, base::UnixTime now, base::Rng& rng) {
  const Value content = {{"v", 1}, {"seq", head.seq}, {"hash", head.hash.hex()}};
  return nostr::sign_event({kAnchorKind,
                            now,
                            {{"d", "sovereign-audit:" + share.hex()}},
                            base::json::dump(content)},
                           service, rng);
}

base::Result<storage::AuditHead> read_anchor(std::string_view json,
                                             const std::optional<nostr::PublicKey>& signer) {
  TRY(const Value value, base::json::parse(json));
  if (value.is_object() && !value.contains("sig")) return read_head(value);
  TRY(const nostr::Event event, nostr::parse_event(json));
  TRY(nostr::check(event));
  if (event.kind != kAnchorKind) return fail(Errc::kInvalid, "that event is no anchor");
  if (signer && event.pubkey != *signer)
    return fail(Errc::kInvalid, "that anchor was signed by another key", event.pubkey.hex());
  TRY(const Value content, base::json::parse(event.content));
  return read_head(content);
}

bool anchor_due(const storage::AuditHead& head, const storage::AuditAnchor& last,
                base::UnixTime now) {
  if (head.seq <= last.head.seq) return false;
  return head.seq - last.head.seq >= kRows || now - last.time >= kAge;
}

}  // namespace node
