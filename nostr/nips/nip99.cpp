// NIP-99: a listing's tags.
#include "nostr/nips/nip99.h"

#include <algorithm>

#include "nostr/event/tags.h"

namespace nostr {

namespace {

constexpr std::size_t kMaxEntries = 64;

void put(Tags& tags, const char* name, const std::string& value) {
  if (!value.empty()) tags.push_back({name, value});
}

bool is_decimal(std::string_view text) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.size() <= 20 &&
           std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  const auto dot = text.find('.');
  return digits(text.substr(0, dot)) &&
         (dot == std::string_view::npos || digits(text.substr(dot + 1)));
}

std::optional<Price> read_price(const Tags& tags) {
  const Tag* tag = find_tag(tags, "price");
  if (tag == nullptr || !is_decimal((*tag)[1])) return std::nullopt;
  return Price{(*tag)[1], tag_element(*tag, 2), tag_element(*tag, 3)};
}

std::optional<UnixTime> read_time(std::string_view text) {
  const auto at = base::parse_number<std::int64_t>(text, 0, 0xffff'ffff);
  return at ? std::optional(base::unix_time(*at)) : std::nullopt;
}

}  // namespace

Draft build_listing(const Listing& listing, UnixTime at) {
  Draft out{.kind = listing.draft ? kinds::kClassifiedDraft : kinds::kClassified,
            .created_at = at,
            .tags = {{"d", listing.d}},
            .content = listing.description};
  put(out.tags, "title", listing.title);
  put(out.tags, "summary", listing.summary);
  if (listing.published_at)
    out.tags.push_back({"published_at", std::to_string(base::to_unix(*listing.published_at))});
  put(out.tags, "location", listing.location);
  put(out.tags, "g", listing.geohash);
  if (listing.price) {
    out.tags.push_back({"price", listing.price->amount, listing.price->currency});
    if (!listing.price->per.empty()) out.tags.back().push_back(listing.price->per);
  }
  out.tags.push_back({"status", listing.sold ? "sold" : "active"});
  for (const auto& image : listing.images) {
    out.tags.push_back({"image", image.url});
    if (!image.size.empty()) out.tags.back().push_back(image.size);
  }
  for (const auto& topic : listing.topics) out.tags.push_back({"t", topic});
  return out;
}

base::Result<Listing> parse_listing(const Event& event) {
  if (event.kind != kinds::kClassified && event.kind != kinds::kClassifiedDraft)
    return wrong_kind(event, "a listing has 30402");
  const auto text = [&](std::string_view name) {
    return std::string(tag_value(event.tags, name).value_or(""));
  };
  if (!tag_value(event.tags, "d")) return base::fail(base::Errc::kInvalid, "listing has no d tag");
  Listing out{.d = text("d"),
              .draft = event.kind == kinds::kClassifiedDraft,
              .title = text("title"),
              .summary = text("summary"),
              .description = event.content,
              .published_at = read_time(text("published_at")),
              .location = text("location"),
              .geohash = text("g"),
              .price = read_price(event.tags),
              .sold = text("status") == "sold"};
  for (const Tag& tag : event.tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "image" && out.images.size() < kMaxEntries)
      out.images.push_back({tag[1], tag_element(tag, 2)});
    if (tag[0] == "t" && out.topics.size() < kMaxEntries) out.topics.push_back(tag[1]);
  }
  return out;
}

}  // namespace nostr
