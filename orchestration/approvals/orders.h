// Orders: what an operator tells a desk besides answering its questions, as a private message of one
// word or as a signed event that stands until the next one. Pure.
//
// A word must be the whole message, so that talk about pausing pauses nothing. What changes something
// carries a number that has to rise with each order of one operator: an old order that a relay brings
// again, or brings late, is not obeyed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"

namespace orchestration {

struct Order {
  enum class Kind {
    kList,    ///< what is open
    kInfo,    ///< one question in full
    kHelp,
    kStatus,  ///< what the process does or waits for
    kBudget,  ///< what was spent, and what may be
    kGrants,  ///< answers given in advance
    kPause,   ///< nothing runs and nothing is signed until kResume
    kResume,
    kRevoke,  ///< takes a grant back
    kStop,    ///< refuses everything that is open, and pauses
  };
  Kind kind = Kind::kHelp;
  std::string code;        ///< kInfo: in its shown form
  std::string reason;      ///< kPause: the operator's words, perhaps none
  std::int64_t grant = 0;  ///< kRevoke
  friend bool operator==(const Order&, const Order&) = default;
};

/// "list", "info CODE", "help", "status", "budget", "grants", "pause", "pause: WHY", "resume",
/// "revoke N", "stop all", in any case and with a full stop or not; nullopt for everything else,
/// which is talk. At most 200 bytes.
std::optional<Order> read_order(std::string_view text);

/// Whether the order changes something, and so is obeyed once and in turn.
bool changes_something(const Order& order);

/// The word of `order`, as it is written.
std::string order_text(const Order& order);

/// The answer to "help".
std::string_view help_text();

/// An order as an event: kind 30078 under a `d` of its own for each receiver, so that relays keep the
/// latest one for a receiver that is away.
struct SignedOrder {
  Order order;
  nostr::PublicKey to;      ///< the service key of the node or co-signer
  std::uint64_t nonce = 0;  ///< rises with each order of one author to one receiver
  friend bool operator==(const SignedOrder&, const SignedOrder&) = default;
};

/// The author signs it.
nostr::Draft build_signed_order(const SignedOrder& order, nostr::UnixTime at);
/// nullopt for app data that is no order; kInvalid for an order with a word, a receiver or a nonce
/// that cannot be read. Signatures were checked before.
base::Result<std::optional<SignedOrder>> parse_signed_order(const nostr::Event& event);

/// The nonce of an order said without one at `at`: between those of the seconds around it.
std::uint64_t nonce_at(nostr::UnixTime at);

}  // namespace orchestration
