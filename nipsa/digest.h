// What an approval is an approval of: digests of events and of local actions, and the short code a
// person types (nip-sa 6.2).
#pragma once

#include "nipsa/reading.h"

namespace nipsa {

/// SHA-256 of the NIP-01 array of `event` with created_at 0: what is said, not when.
nostr::Sha256 event_digest(const nostr::UnsignedEvent& event);

/// An action that ends in no event of the group: a command, a file, a payment.
struct LocalAction {
  nostr::PublicKey agent;
  std::optional<nostr::EventId> tick;  ///< the 39210
  std::string action;                  ///< class, e.g. "shell"
  Sat sats;
  std::optional<nostr::PublicKey> payee;
  Json params = Json::object();
  std::string cwd;
  UnixTime expires;
};
/// SHA-256 of the RFC 8785 form of {v:1, agent, tick, action, sats, payee, params, cwd, expires}.
/// E_JSON when params hold a fraction.
Result<nostr::Sha256> action_digest(const LocalAction& action);

/// Eight Crockford characters naming a 39212; an address, not a secret.
std::string approval_code(const nostr::EventId& request);
/// "PNS7-EXJR".
std::string format_code(std::string_view code);
/// Upper case without dashes and spaces, O read as 0, I and L as 1; nullopt when that is no code.
std::optional<std::string> fold_code(std::string_view text);
/// Whether the code may be shown: it holds a digit, is no folded decision word, and is none of
/// `remembered`. Otherwise the request is rebuilt with a new `d`.
bool is_issuable(std::string_view code, const std::vector<std::string>& remembered);

}  // namespace nipsa
