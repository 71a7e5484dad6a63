// NIP-21: a scheme, then the longest run of bech32 characters.
#include "nostr/nips/nip21.h"

#include <algorithm>

namespace nostr {

namespace {

constexpr std::string_view kScheme = "nostr:";
constexpr std::size_t kMaxChars = 5'000;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::vector<Reference> find_references(std::string_view text, std::size_t max) {
  std::vector<Reference> out;
  std::size_t at = text.find(kScheme);
  while (at != std::string_view::npos && out.size() < max) {
    const auto body = text.substr(at + kScheme.size(), kMaxChars);
    const auto end = std::ranges::find_if_not(body, is_word);
    const auto length = kScheme.size() + static_cast<std::size_t>(end - body.begin());
    const bool starts_word = at == 0 || !is_word(text[at - 1]);
    if (starts_word && length > kScheme.size()) {
      auto entity = decode_entity(text.substr(at, length));
      if (entity && !std::holds_alternative<SecretKey>(*entity))
        out.push_back({at, length, *std::move(entity)});
    }
    at = text.find(kScheme, at + kScheme.size());
  }
  return out;
}

}  // namespace nostr
