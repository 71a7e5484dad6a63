// Taking secrets out of what is recorded about a session (nip-sa 3.10, C68).
#pragma once

#include "nipsa/reading.h"

namespace nipsa {

/// Whether a member name means a secret: one of its words (split at _, - and case changes) is on the
/// list. tokens_in, tokens_out, tokens_total, max_tokens and author are not.
bool is_secret_key(std::string_view name);
/// `text` with everything that looks like a credential (nsec1…, sk-…, gh?_…, AKIA…, xox?-…, JWT,
/// Bearer …, PEM private keys) replaced by [REDACTED].
std::string redact_text(std::string_view text);
/// The same for a whole value: secret members become "[REDACTED]", strings pass redact_text().
Json redact(Json value);
/// A thinking step's body: content "<redacted>" and the hash of the original.
Json redact_thinking(std::string_view content);
/// SHA-256 of the RFC 8785 form of the redacted value: input_hash and output_hash. Numbers
/// other than integers within ±(2^53-1) are hashed as their text.
nostr::Sha256 redacted_hash(const Json& value);

}  // namespace nipsa
