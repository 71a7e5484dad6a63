// What one relay takes at a time: its NIP-11 document is the hint, its refusals are the truth.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

#include "nostr/event/filter.h"
#include "nostr/nips/nip11.h"

namespace nostr {

/// Upper bounds of what is sent; kUnknown where nothing is known.
struct RelayLimits {
  static constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();
  std::size_t subscriptions = kUnknown;  ///< REQs open at the same time
  std::size_t filters = kUnknown;        ///< per REQ
  std::size_t message_bytes = kUnknown;  ///< of a frame we send
  std::size_t events = kUnknown;         ///< the largest `limit` of a filter

  /// Narrows by a document. Values that would forbid any conversation are mistakes and ignored.
  void read(const RelayLimitation& document);
  friend bool operator==(const RelayLimits&, const RelayLimits&) = default;
};

/// What the words of a refusal complain about, as far as relays in the field can be understood.
enum class Refusal {
  kNone,
  kSubscriptions,  ///< too many REQs at a time
  kFilters,        ///< too many filters in one REQ
  kSize,           ///< frame, or a list in a filter, too large
  kRate,           ///< too much too fast
  kClock,          ///< created_at too far from the relay's time
};
Refusal refusal_of(std::string_view message);

/// `filters` cut into as few REQs as `limits` ask for, in order; one group when everything fits.
/// A filter that is too large alone is cut along its longest list, which asks for the same events;
/// its `limit` then applies to each piece. What cannot be cut further is left as it is.
std::vector<Filters> split_filters(const Filters& filters, const RelayLimits& limits);
/// Whether the REQ of `filters` stays within `limits`.
bool fits(const Filters& filters, const RelayLimits& limits);
/// `filters` with each `limit` at most what the relay serves.
Filters clamp_limits(Filters filters, const RelayLimits& limits);

}  // namespace nostr
