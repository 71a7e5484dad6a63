// NIP-51: the tags that describe a set, and those that are its items.
#include "nostr/nips/nip51.h"

#include <algorithm>

#include "nostr/base/json.h"
#include "nostr/event/tags.h"

namespace nostr {

namespace {

using Json = base::json::Value;

constexpr std::size_t kMaxItems = 10'000;
constexpr base::json::Limits kPrivate{.max_bytes = 262'144, .max_depth = 3};

struct Header {
  const char* name;
  std::string List::* member;
};
constexpr Header kHeaders[] = {{"d", &List::d},
                               {"title", &List::title},
                               {"image", &List::image},
                               {"description", &List::description}};

}  // namespace

PrivateForm private_form(std::string_view content) {
  if (content.empty()) return PrivateForm::kNone;
  return content.contains("?iv=") ? PrivateForm::kNip04 : PrivateForm::kNip44;
}

std::string build_private_items(const Tags& items) {
  return items.empty() ? std::string() : base::json::dump(items);
}

base::Result<Tags> parse_private_items(std::string_view json) {
  TRY(const Json value, base::json::parse(json, kPrivate));
  const auto is_item = [](const Json& item) {
    return item.is_array() && !item.empty() &&
           std::ranges::all_of(item, [](const Json& part) { return part.is_string(); });
  };
  if (!value.is_array() || value.size() > kMaxItems || !std::ranges::all_of(value, is_item))
    return base::fail(base::Errc::kInvalid, "private items are no array of tags");
  return value.get<Tags>();
}

Draft build_list(const List& list, std::string encrypted, UnixTime at) {
  Draft draft{.kind = list.kind, .created_at = at, .tags = {}, .content = std::move(encrypted)};
  const bool addressable = storage_class(list.kind) == StorageClass::kAddressable;
  for (const Header& header : kHeaders) {
    const std::string& value = list.*header.member;
    if (!value.empty() || (addressable && header.member == &List::d))
      draft.tags.push_back({header.name, value});
  }
  draft.tags.insert(draft.tags.end(), list.public_items.begin(), list.public_items.end());
  return draft;
}

base::Result<List> parse_list(const Event& event) {
  const StorageClass stored = storage_class(event.kind);
  if (stored != StorageClass::kReplaceable && stored != StorageClass::kAddressable)
    return wrong_kind(event, "which is no list");
  List out{.kind = event.kind};
  for (const Tag& tag : event.tags) {
    const auto header =
        std::ranges::find_if(kHeaders, [&](const Header& known) { return tag[0] == known.name; });
    if (header == std::end(kHeaders)) {
      if (out.public_items.size() < kMaxItems) out.public_items.push_back(tag);
    } else if (tag.size() > 1 && (out.*(header->member)).empty()) {
      out.*(header->member) = tag[1];
    }
  }
  return out;
}

}  // namespace nostr
