// NIP-89: 31990 in `k` and platform tags, 31989 in `a` tags.
#include "nostr/nips/nip89.h"

#include <algorithm>

#include "nostr/event/tags.h"

namespace nostr {

namespace {

using base::Errc;
using base::fail;

constexpr std::size_t kMaxEntries = 256;
constexpr std::string_view kPlaceholder = "<bech32>";

/// The prefix of a bech32 text, "" when it is none.
std::string_view type_of(std::string_view entity) {
  const bool plain = std::ranges::all_of(
      entity, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  const auto separator = entity.find('1');
  return plain && separator != std::string_view::npos ? entity.substr(0, separator)
                                                      : std::string_view();
}

}  // namespace

Draft build_handler_info(const HandlerInfo& info, UnixTime at) {
  Draft draft{.kind = kinds::kHandlerInfo,
              .created_at = at,
              .tags = {{"d", info.d}},
              .content = info.metadata};
  for (const Kind kind : info.kinds) draft.tags.push_back({"k", std::to_string(kind)});
  for (const auto& link : info.links) {
    draft.tags.push_back(without_empty_end({link.platform, link.url, link.entity}, 2));
  }
  draft.tags.insert(draft.tags.end(), info.tags.begin(), info.tags.end());
  return draft;
}

base::Result<HandlerInfo> parse_handler_info(const Event& event) {
  if (event.kind != kinds::kHandlerInfo) return wrong_kind(event, "handler information has 31990");
  HandlerInfo out{.d = std::string(tag_value(event.tags, "d").value_or("")),
                  .metadata = event.content};
  for (const Tag& tag : event.tags) {
    if (tag[0] == "d") continue;
    if (tag[0] == "k") {
      const auto kind = parse_kind(tag_element(tag, 1));
      if (kind && out.kinds.size() < kMaxEntries) out.kinds.push_back(*kind);
    } else if (tag_element(tag, 1).contains(kPlaceholder)) {
      if (out.links.size() < kMaxEntries)
        out.links.push_back({tag[0], tag[1], tag_element(tag, 2)});
    } else if (out.tags.size() < kMaxEntries) {
      out.tags.push_back(tag);
    }
  }
  return out;
}

base::Result<std::string> handler_url(const HandlerInfo& info, std::string_view platform,
                                      std::string_view entity) {
  const auto type = type_of(entity);
  if (type.empty()) return fail(Errc::kInvalid, "not a bech32 entity");
  const HandlerLink* best = nullptr;
  for (const auto& link : info.links) {
    if (link.platform != platform) continue;
    if (link.entity == type) {
      best = &link;
      break;
    }
    if (link.entity.empty() && best == nullptr) best = &link;
  }
  if (best == nullptr) return fail(Errc::kNotFound, "the app opens no such entity there");
  std::string url = best->url;
  if (const auto at = url.find(kPlaceholder); at != std::string::npos)
    url.replace(at, kPlaceholder.size(), entity);
  return url;
}

Draft build_handler_recommendation(const HandlerRecommendation& recommendation, UnixTime at) {
  Draft draft{.kind = kinds::kHandlerRecommendation,
              .created_at = at,
              .tags = {{"d", std::to_string(recommendation.kind)}},
              .content = ""};
  for (const auto& item : recommendation.handlers) {
    draft.tags.push_back(
        without_empty_end({"a", item.handler.str(), item.relay, item.platform}, 2));
  }
  return draft;
}

base::Result<HandlerRecommendation> parse_handler_recommendation(const Event& event) {
  if (event.kind != kinds::kHandlerRecommendation)
    return wrong_kind(event, "a recommendation has 31989");
  const auto kind = parse_kind(tag_value(event.tags, "d").value_or(""));
  if (!kind) return fail(Errc::kInvalid, "recommendation names no kind in its d tag");
  HandlerRecommendation out{.kind = *kind};
  for (const Tag& tag : event.tags) {
    if (tag[0] != "a" || out.handlers.size() == kMaxEntries) continue;
    auto address = Address::parse(tag_element(tag, 1));
    if (address && address->kind == kinds::kHandlerInfo)
      out.handlers.push_back({*std::move(address), tag_element(tag, 2), tag_element(tag, 3)});
  }
  return out;
}

Tag client_tag(std::string_view name, const Address& handler, std::string_view relay) {
  return without_empty_end({"client", std::string(name), handler.str(), std::string(relay)}, 3);
}

}  // namespace nostr
