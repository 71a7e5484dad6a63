// Reading and writing ordinary secret keys.
#include "node/key_file.h"

#include "nostr/base/bytes.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

base::Result<nostr::SecretKey> load_key_file(const std::filesystem::path& path) {
  TRY(std::string text, read_secret_file(path));
  auto key = nostr::parse_secret_key(trim(text));
  base::wipe(text);
  if (!key)
    return std::unexpected(base::Error{base::Errc::kInvalid, path.string() + " holds no secret key",
                                       "one line: 64 hex characters or nsec1…"});
  return key;
}

base::Result<void> save_key_file(const std::filesystem::path& path, const nostr::SecretKey& key) {
  std::string text = base::hex_encode(key.expose());
  text += '\n';
  auto written = write_file(path, text, 0600);
  base::wipe(text);
  return written;
}

base::Result<nostr::SecretKey> load_or_create_key_file(const std::filesystem::path& path,
                                                       base::Rng& rng) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return load_key_file(path);
  nostr::SecretKey key = nostr::SecretKey::generate(rng);
  TRY(save_key_file(path, key));
  return key;
}

}  // namespace node
