// NIP-89: which app handles a kind, by its own word and by recommendation.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// Where an app opens things: `<bech32>` in the URL stands for the NIP-19 entity.
struct HandlerLink {
  std::string platform;  ///< "web", "ios", "android", …
  std::string url;
  std::string entity;  ///< "nevent", "nprofile", …; "" for whatever has no link of its own
  friend bool operator==(const HandlerLink&, const HandlerLink&) = default;
};
/// What an app, or a service such as a bunker or a job worker, says it handles (kind 31990).
struct HandlerInfo {
  std::string d;
  std::vector<Kind> kinds;
  std::vector<HandlerLink> links;
  std::string metadata;  ///< JSON as in kind 0, "" where the author's own profile applies
  Tags tags;             ///< all others, e.g. what NIP-90 workers add
  friend bool operator==(const HandlerInfo&, const HandlerInfo&) = default;
};
Draft build_handler_info(const HandlerInfo& info, UnixTime at);
/// Liberal: malformed kinds are left out, at most 256 kinds, links and tags are kept. kInvalid for
/// another kind.
base::Result<HandlerInfo> parse_handler_info(const Event& event);
/// The URL that opens `entity` (a NIP-19 text) on `platform`: the link for its type, else the
/// generic one. kNotFound without either, kInvalid when `entity` is no lower-case bech32 text.
base::Result<std::string> handler_url(const HandlerInfo& info, std::string_view platform,
                                      std::string_view entity);

struct RecommendedHandler {
  Address handler;  ///< of a 31990
  std::string relay;
  std::string platform;
  friend bool operator==(const RecommendedHandler&, const RecommendedHandler&) = default;
};
/// Whom somebody recommends for a kind (kind 31989).
struct HandlerRecommendation {
  Kind kind = 0;  ///< that is handled
  std::vector<RecommendedHandler> handlers;
  friend bool operator==(const HandlerRecommendation&, const HandlerRecommendation&) = default;
};
Draft build_handler_recommendation(const HandlerRecommendation& recommendation, UnixTime at);
/// kInvalid for another kind, or a `d` that is no kind. At most 256 handlers are kept.
base::Result<HandlerRecommendation> parse_handler_recommendation(const Event& event);

/// The tag by which an app signs what it publishes ("Client tag").
Tag client_tag(std::string_view name, const Address& handler, std::string_view relay);

}  // namespace nostr
