// Anchors of an audit log: its head, signed by the co-signer's service key, for others to keep.
#pragma once

#include "nostr/event/event.h"
#include "storage/audit.h"

namespace node {

/// Kind 30078 (NIP-78): one replaceable event a co-signer, whose earlier versions others may hold.
inline constexpr nostr::Kind kAnchorKind = 30078;

/// `{"v":1,"seq":N,"hash":"…"}` at d = "sovereign-audit:<share key>".
nostr::Event sign_anchor(const storage::AuditHead& head, const nostr::PublicKey& share,
                         const nostr::SecretKey& service, base::UnixTime now, base::Rng& rng);
/// The head an anchor names, if `signer` signed it. Also reads a bare `{"seq","hash"}` object, which
/// proves nothing about who said it.
base::Result<storage::AuditHead> read_anchor(std::string_view json,
                                             const std::optional<nostr::PublicKey>& signer);

/// Whether the log has grown enough since the last anchor, or long enough ago, to sign another.
bool anchor_due(const storage::AuditHead& head, const storage::AuditAnchor& last, base::UnixTime now);

}  // namespace node
