// What the parties of a key generation tell each other over relays. Kind 20000 as the peer protocol,
// NIP-44 between host keys, the text one JSON object:
//   {"dkg": hex of the parameters' hash, "type": …, "data": base64url}   ("abort": "text" instead)
// The hash names the session: whoever runs with other keys, order or threshold does not fit.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/bytes.h"
#include "nostr/crypto/hash.h"

namespace frostr {

struct DkgMessage {
  enum class Type {
    kRound1,       ///< participant: commitment, proof, encrypted shares
    kDealings,     ///< coordinator: all of them, summed
    kRound2,       ///< participant: signature of the transcript
    kCertificate,  ///< coordinator: everybody's signature
    kAck,          ///< participant: holds the recovery data
    kDone,         ///< coordinator: all acknowledged
    kComplaint,    ///< participant: its share does not fit
    kEvidence,     ///< coordinator: what lets the complainant find out whose fault it is
    kAbort,        ///< either: gave up, and why
  };
  Type type = Type::kAbort;
  base::Bytes data;
  std::string text;  ///< kAbort only; a stranger's words, at most 300 bytes
};

std::string to_text(const nostr::Sha256& session, const DkgMessage& message);
struct ParsedDkgMessage {
  nostr::Sha256 session;
  DkgMessage message;
};
/// kInvalid for everything malformed, other protocols on the same kind included.
base::Result<ParsedDkgMessage> parse_dkg_message(std::string_view text);

}  // namespace frostr
