// From wire forms to Heard.
#include "orchestration/approvals/heard.h"

#include <algorithm>

#include "nipsa/kinds.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip10.h"
#include "nostr/nips/nip22.h"
#include "nostr/nips/nip25.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using nostr::Event;
using nostr::EventId;
using nostr::UnsignedEvent;

/// Ids in `e` tags, in order, at most `most`.
std::vector<EventId> event_refs(const nostr::Tags& tags, std::size_t most) {
  std::vector<EventId> out;
  for (std::string_view value : nostr::tag_values(tags, "e")) {
    if (out.size() == most) break;
    if (auto id = EventId::from_hex(value)) out.push_back(*id);
  }
  return out;
}

/// The form of an unsigned event: the same for public events and for rumors.
std::optional<Heard> read_form(const UnsignedEvent& event, const EventId& id) {
  Heard heard{.id = id, .author = event.pubkey, .said_at = event.created_at, .text = event.content};
  switch (event.kind) {
    case nostr::kinds::kPrivateMessage:
      heard.channel = "nip17";
      heard.refers_to = event_refs(event.tags, 4);
      return heard;
    case nostr::kinds::kTextNote: {
      heard.channel = "note";
      if (const nostr::Thread thread = nostr::parse_thread(event.tags); thread.parent)
        heard.refers_to = {thread.parent->id};
      return heard;
    }
    case nostr::kinds::kComment: {
      heard.channel = "comment";
      const nostr::CommentTarget target = nostr::parse_comment(event.tags);
      if (target.parent) heard.refers_to = {target.parent->id};
      heard.address = target.parent_address;
      return heard;
    }
    case nostr::kinds::kReaction: {
      heard.form = Heard::Form::kReaction;
      heard.channel = "reaction";
      const nostr::ReactionTarget target = nostr::parse_reaction(event.tags);
      if (target.event) heard.refers_to = {*target.event};
      heard.address = target.address;
      return heard;
    }
    case nostr::kinds::kDeletion:
      heard.form = Heard::Form::kDeletion;
      heard.channel = "deletion";
      heard.refers_to = event_refs(event.tags, 64);
      return heard;
    default:
      return std::nullopt;
  }
}

/// A message names everybody it is for; one that was meant for others says nothing to us.
bool is_for(const UnsignedEvent& rumor, const nostr::PublicKey& self) {
  if (rumor.kind != nostr::kinds::kPrivateMessage) return true;
  const auto people = nostr::tag_values(rumor.tags, "p");
  return std::find(people.begin(), people.end(), self.hex()) != people.end();
}

Result<std::optional<Heard>> hear_order(const Event& event) {
  TRY(auto order, parse_signed_order(event));
  if (!order) return std::nullopt;
  return Heard{.id = event.id,
               .author = event.pubkey,
               .form = Heard::Form::kOrder,
               .channel = "order",
               .said_at = event.created_at,
               .order = *std::move(order),
               .raw_json = nostr::to_json(event)};
}

Result<std::optional<Heard>> hear_wrapped(const Event& event, const nostr::SecretKey& self) {
  TRY(const nostr::Rumor rumor, nostr::unwrap(event, self));
  std::optional<Heard> heard = hear_rumor(rumor, self.public_key());
  if (heard) heard->wrap_json = nostr::to_json(event);
  return heard;
}

Result<std::optional<Heard>> hear_legacy(const Event& event, const nostr::SecretKey& self) {
  if (nostr::tag_value(event.tags, "p") != self.public_key().hex()) return std::nullopt;
  TRY(const nostr::SharedX shared, nostr::ecdh(self, event.pubkey));
  TRY(std::string text, nostr::nip04_decrypt(shared, event.content));
  return Heard{.id = event.id,
               .author = event.pubkey,
               .channel = "nip04",
               .said_at = event.created_at,
               .text = std::move(text),
               .refers_to = event_refs(event.tags, 4),
               .raw_json = nostr::to_json(event)};
}

Result<std::optional<Heard>> hear_decision(const Event& event) {
  TRY(nipsa::ApprovalDecision decision, nipsa::parse_approval_decision(event));
  Heard heard{.id = event.id,
              .author = event.pubkey,
              .form = Heard::Form::kDecision,
              .channel = "39213",
              .said_at = event.created_at,
              .refers_to = {decision.request},
              .raw_json = nostr::to_json(event)};
  heard.decision = std::move(decision);
  return heard;
}

}  // namespace

std::optional<Heard> hear_rumor(const nostr::Rumor& rumor, const nostr::PublicKey& self) {
  if (!is_for(rumor.event, self)) return std::nullopt;
  std::optional<Heard> heard = read_form(rumor.event, rumor.id);
  if (heard) heard->raw_json = nostr::to_json(rumor.event);
  return heard;
}

Result<std::optional<Heard>> hear_open(const Event& event) {
  if (event.kind == nipsa::kinds::kApprovalDecision) return hear_decision(event);
  if (event.kind == nostr::kinds::kAppData) return hear_order(event);
  std::optional<Heard> heard = read_form(nostr::unsigned_part(event), event.id);
  if (heard && heard->channel == "nip17") return std::nullopt;  // a bare kind 14 is no message
  if (heard) heard->raw_json = nostr::to_json(event);
  return heard;
}

Result<std::optional<Heard>> hear(const Event& event, const nostr::SecretKey& self) {
  if (event.kind == nostr::kinds::kGiftWrap) return hear_wrapped(event, self);
  if (event.kind == nostr::kinds::kLegacyDm) return hear_legacy(event, self);
  return hear_open(event);
}

EventId derived_id(const EventId& message, const EventId& target) {
  return EventId(nostr::sha256(message.hex() + target.hex()).array());
}

}  // namespace orchestration
