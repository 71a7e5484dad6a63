// Heard: any event an operator's client can answer with, reduced to who said what about what. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event.h"
#include "nostr/nips/nip59.h"
#include "nipsa/approval.h"
#include "orchestration/approvals/orders.h"

namespace orchestration {

/// One message, authenticated: signature checked by the pool, seal and rumor author compared.
struct Heard {
  enum class Form { kText, kReaction, kDecision, kDeletion, kOrder };
  nostr::EventId id;        ///< of the event, or of the rumor inside a wrap
  nostr::PublicKey author;
  Form form = Form::kText;
  std::string channel;      ///< nip17, nip04, note, comment, reaction, 39213, deletion, order
  base::UnixTime said_at;   ///< of the event or rumor, never of a wrap
  std::string text;         ///< decrypted; reactions: their content
  std::vector<nostr::EventId> refers_to;  ///< what it answers; deletions: what they take back
  std::optional<nostr::Address> address;  ///< a reaction or comment may name what it answers so
  std::optional<nipsa::ApprovalDecision> decision;
  std::optional<SignedOrder> order;
  std::string raw_json;     ///< the event or rumor
  std::string wrap_json;    ///< the wrap it came in, or ""

  /// Notes, comments and reactions for all to see. Any app the operator once let sign such things
  /// can make them without a tap, so they are worth little.
  bool is_public() const {
    return wrap_json.empty() && channel != "nip04" && form != Form::kDecision &&
           form != Form::kOrder;
  }
};

/// Reads `event` as something said to `self`. nullopt for kinds and shapes that are no answer;
/// errors for forgeries and garbage (worth counting, never worth answering).
base::Result<std::optional<Heard>> hear(const nostr::Event& event, const nostr::SecretKey& self);
/// The same for what anybody can read: notes, comments, reactions, deletions, 39213 and orders.
base::Result<std::optional<Heard>> hear_open(const nostr::Event& event);
/// The same for a message that came out of a seal and is for `self`; `wrap_json` stays empty.
std::optional<Heard> hear_rumor(const nostr::Rumor& rumor, const nostr::PublicKey& self);

/// Names what follows from `message` for `target`, once for each thing that one message is about: a
/// refusal of everything for each question, a deletion for each answer it takes back.
nostr::EventId derived_id(const nostr::EventId& message, const nostr::EventId& target);

}  // namespace orchestration
