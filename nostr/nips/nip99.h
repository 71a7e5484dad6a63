// NIP-99: things for sale.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

struct Price {
  std::string amount;    ///< a decimal number as the seller wrote it
  std::string currency;  ///< ISO 4217 or like it: "USD", "BTC", "SATS"
  std::string per;       ///< "month", …; "" when paid once
  friend bool operator==(const Price&, const Price&) = default;
};
struct ListingImage {
  std::string url;
  std::string size;  ///< "640x480", "" when not said
  friend bool operator==(const ListingImage&, const ListingImage&) = default;
};

/// A classified listing (kind 30402), or one not yet public (30403).
struct Listing {
  std::string d;
  bool draft = false;
  std::string title;
  std::string summary;
  std::string description;               ///< Markdown
  std::optional<UnixTime> published_at;  ///< of the first version
  std::string location;
  std::string geohash;
  std::optional<Price> price;
  bool sold = false;
  std::vector<ListingImage> images;
  std::vector<std::string> topics;
  friend bool operator==(const Listing&, const Listing&) = default;
};

Draft build_listing(const Listing& listing, UnixTime at);
/// Liberal: a price that is no number is left out, at most 64 images and topics are kept. kInvalid
/// for another kind, or without a `d`.
base::Result<Listing> parse_listing(const Event& event);

}  // namespace nostr
