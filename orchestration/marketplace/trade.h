// What buyer and seller of a licence say to each other, each as the text of a private message (NIP-17):
// an order, and its bill or the reason why there is none (nip-sa 4.4). Licence and delivery are the
// receipt: the licence's id is the order's.
//
// An order may be repeated: the same id is the same order for ever, and is answered the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "nipsa/skill_listing.h"
#include "nostr/event/event.h"

namespace orchestration {

struct SkillOrder {
  std::string id;            ///< 32 hex, chosen by the buyer
  nostr::Address skill;
  nostr::EventId manifest;
  nostr::EventId listing;    ///< the offer that is taken up: price and terms are its
  nostr::PublicKey agent;    ///< who shall hold the licence; the delivery goes to the sender
  friend bool operator==(const SkillOrder&, const SkillOrder&) = default;
};
struct SkillBill {
  std::string order;
  std::string invoice;       ///< BOLT-11 over exactly the price
  friend bool operator==(const SkillBill&, const SkillBill&) = default;
};
struct SkillRefusal {
  std::string order;
  std::string why;           ///< for a person; a stranger's words
  friend bool operator==(const SkillRefusal&, const SkillRefusal&) = default;
};
using TradeMessage = std::variant<SkillOrder, SkillBill, SkillRefusal>;

/// Whether `text` is 32 lower-case hex characters.
bool is_order_id(std::string_view text);
/// The rumor of `message` from one party to the other.
nostr::UnsignedEvent build_trade_message(const TradeMessage& message, const nostr::PublicKey& from,
                                         const nostr::PublicKey& to, base::UnixTime at);
/// nullopt for any other message; kInvalid for one that means to be of trade and cannot be read.
base::Result<std::optional<TradeMessage>> parse_trade_message(const nostr::UnsignedEvent& rumor);
/// The order a message is about.
const std::string& order_of(const TradeMessage& message);

}  // namespace orchestration
