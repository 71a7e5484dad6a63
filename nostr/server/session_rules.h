// What the relay allows one client, in figures.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event_json.h"
#include "nostr/event/message.h"
#include "nostr/nips/nip77.h"

namespace nostr {

struct SessionRules {
  EventLimits limits{.max_bytes = 65'536, .max_tags = 2'000, .max_tag_elements = 200};
  std::size_t max_message_bytes = 1u << 20;  ///< of any frame; the net thread's own bound is higher
  std::size_t max_tag_value_bytes = 65'536;
  std::chrono::seconds max_future{900};      ///< created_at ahead of our clock
  std::optional<std::chrono::seconds> max_past;           ///< created_at behind it
  std::optional<std::chrono::seconds> max_ephemeral_age;  ///< the same for kinds that are not kept
  std::vector<Kind> rejected_kinds;                       ///< refused by name

  std::size_t max_subscriptions = 64;   ///< per connection
  std::size_t max_sub_chars = kMaxSubChars;
  std::size_t max_filters = 20;         ///< per REQ
  std::size_t max_tag_filters = 32;     ///< `#x` members per filter
  std::size_t max_results = 500'000;    ///< stored events per filter, whatever its limit says

  std::size_t max_neg_sessions = 4;         ///< NIP-77, per connection; 0 refuses all
  std::size_t max_neg_records = 500'000;    ///< in all of them together
  std::size_t neg_frame_bytes = kNegFrame;  ///< of one answer, before hex
  std::chrono::seconds max_neg_idle{120};

  bool auth_for_private = true;
  /// Say behind EOSE whether there is more (NIP-67). Clients that check the length of a message, such
  /// as bifrost's, take such an EOSE for none.
  bool eose_hints = true;         ///< NIP-42 before private kinds are read by their p-tagged key
  std::vector<Kind> private_kinds{kinds::kLegacyDm, kinds::kGiftWrap};
  std::vector<std::string> urls;        ///< names of this relay that events may carry; filled by Relay
};

}  // namespace nostr
