// What the parties of a ceremony tell each other: one JSON object,
//   {"ceremony": hex of the invitation's id, "type": …, "data": base64url}   ("abort": and "text")
// The id names the session: whoever was invited to something else does not fit.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/bytes.h"
#include "nostr/crypto/hash.h"

namespace frostr {

struct CeremonyMessage {
  enum class Type {
    // A key generation.
    kRound1,       ///< participant: commitment, proof, encrypted shares
    kDealings,     ///< coordinator: all of them, summed
    kRound2,       ///< participant: signature of the transcript
    kCertificate,  ///< coordinator: everybody's signature
    kAck,          ///< participant: holds the recovery data
    kDone,         ///< coordinator: all acknowledged
    kComplaint,    ///< participant: its share does not fit
    kEvidence,     ///< coordinator: what lets the complainant find out whose fault it is
    // A renewal of shares.
    kDealing,      ///< dealer to each: its signed commitment, and the share for that party
    kSum,          ///< helper to who lost its share: its parts added up
    kConfirm,      ///< each to each: holds what is new, made of these dealings
    kRenewed,      ///< each to each: everybody confirmed, the old is gone
    // Any ceremony.
    kAbort,        ///< gave up, and why
  };
  Type type = Type::kAbort;
  base::Bytes data;
  std::string text;  ///< kAbort only; a stranger's words, at most 300 bytes
};

/// "participant 2" for position 1: how parties are called, everywhere.
std::string party_name(std::size_t position);

std::string to_text(const nostr::Sha256& session, const CeremonyMessage& message);
struct ParsedCeremonyMessage {
  nostr::Sha256 session;
  CeremonyMessage message;
};
/// kInvalid for everything malformed, other protocols on the same kind included.
base::Result<ParsedCeremonyMessage> parse_ceremony_message(std::string_view text);

}  // namespace frostr
