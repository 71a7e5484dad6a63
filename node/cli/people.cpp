// Finding people, and saying who was found.
#include "node/cli/people.h"

#include <fmt/format.h>

#include "node/names.h"
#include "nostr/nips/nip19.h"

namespace node::cli {

base::Task<base::Result<nostr::PublicKey>> find_person(Runtime& runtime, const Context& context,
                                                       std::string text) {
  Names names(runtime.loop, runtime.clock, {.cache = context.home().data_dir / "names.json"});
  CO_TRY(const nostr::PublicKey key, co_await names.find(text));
  if (text.contains('.'))
    progress(context, fmt::format("{} is {} ({})", text, nostr::encode_npub(key), key.hex()));
  co_return key;
}

base::Task<base::Result<std::vector<nostr::PublicKey>>> find_people(
    Runtime& runtime, const Context& context, std::vector<std::string> texts) {
  std::vector<nostr::PublicKey> keys;
  for (const std::string& text : texts) {
    CO_TRY(const nostr::PublicKey key, co_await find_person(runtime, context, text));
    keys.push_back(key);
  }
  co_return keys;
}

}  // namespace node::cli
