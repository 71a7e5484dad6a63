// Heard: any event an operator's client can answer with, reduced to who said what about what. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event.h"
#include "nostr/nips/nip59.h"
#include "nipsa/approval.h"

namespace orchestration {

/// One message, authenticated: signature checked by the pool, seal and rumor author compared.
struct Heard {
  enum class Form { kText, kReaction, kDecision, kDeletion };
  nostr::EventId id;        ///< of the event, or of the rumor inside a wrap
  nostr::PublicKey author;
  Form form = Form::kText;
  std::string channel;      ///< nip17, nip04, note, comment, reaction, 39213, deletion
  base::UnixTime said_at;   ///< of the event or rumor, never of a wrap
  std::string text;         ///< decrypted; reactions: their content
  std::vector<nostr::EventId> refers_to;  ///< what it answers; deletions: what they take back
  std::optional<nostr::Address> address;  ///< a reaction or comment may name what it answers so
  std::optional<nipsa::ApprovalDecision> decision;
  std::string raw_json;     ///< the event or rumor
  std::string wrap_json;    ///< the wrap it came in, or ""

  /// Notes, comments and reactions for all to see. Any app the operator once let sign such things
  /// can make them without a tap, so they are worth little.
  bool is_public() const {
    return wrap_json.empty() && channel != "nip04" && form != Form::kDecision;
  }
};

/// Reads `event` as something said to `self`. nullopt for kinds and shapes that are no answer;
/// errors for forgeries and garbage (worth counting, never worth answering).
base::Result<std::optional<Heard>> hear(const nostr::Event& event, const nostr::SecretKey& self);

}  // namespace orchestration
