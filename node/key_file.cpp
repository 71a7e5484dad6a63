// Reading and writing ordinary secret keys.
#include "node/key_file.h"

#include "node/passphrase.h"
#include "nostr/base/bytes.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip49.h"

namespace node {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

base::Result<nostr::SecretKey> open_ncryptsec(const std::filesystem::path& path,
                                              std::string_view text,
                                              const std::string& passphrase_file) {
  TRY(const frostr::SecretText phrase,
      read_passphrase(passphrase_file, "passphrase of " + path.string()));
  auto opened = nostr::nip49_decrypt(text, phrase.expose());
  if (!opened) return std::unexpected(base::in_context(path.string(), opened.error()));
  return std::move(opened->key);
}

}  // namespace

base::Result<nostr::SecretKey> load_key_file(const std::filesystem::path& path,
                                             const std::string& passphrase_file) {
  TRY(std::string text, read_secret_file(path));
  if (nostr::is_ncryptsec(text)) return open_ncryptsec(path, trim(text), passphrase_file);
  auto key = nostr::parse_secret_key(trim(text));
  base::wipe(text);
  if (!key)
    return std::unexpected(base::Error{base::Errc::kInvalid, path.string() + " holds no secret key",
                                       "one line: 64 hex characters, nsec1… or ncryptsec1…"});
  return key;
}

base::Result<void> save_key_file(const std::filesystem::path& path, const nostr::SecretKey& key) {
  std::string text = base::hex_encode(key.expose());
  text += '\n';
  auto written = write_file(path, text, 0600);
  base::wipe(text);
  return written;
}

base::Result<void> save_encrypted_key_file(const std::filesystem::path& path,
                                           const nostr::SecretKey& key, std::string_view passphrase,
                                           bool was_in_clear, base::Rng& rng) {
  TRY(const std::string text,
      nostr::nip49_encrypt(
          key, passphrase,
          was_in_clear ? nostr::KeyHandling::kInsecure : nostr::KeyHandling::kSecure, rng));
  return write_file(path, text + '\n', 0600);
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
