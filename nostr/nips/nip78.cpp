// NIP-78: kind 30078.
#include "nostr/nips/nip78.h"

#include "nostr/event/tags.h"

namespace nostr {

Draft build_app_data(const AppData& data, UnixTime at) {
  Draft draft{
      .kind = kinds::kAppData, .created_at = at, .tags = {{"d", data.d}}, .content = data.content};
  draft.tags.insert(draft.tags.end(), data.tags.begin(), data.tags.end());
  return draft;
}

base::Result<AppData> parse_app_data(const Event& event) {
  if (event.kind != kinds::kAppData) return wrong_kind(event, "app data has 30078");
  const auto d = tag_value(event.tags, "d");
  if (!d) return base::fail(base::Errc::kInvalid, "app data has no d tag");
  AppData out{std::string(*d), event.content, event.tags};
  std::erase_if(out.tags, [](const Tag& tag) { return tag[0] == "d"; });
  return out;
}

}  // namespace nostr
