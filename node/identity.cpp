// Loading group and share files.
#include "node/identity.h"

#include "frostr/wire/credential.h"
#include "frostr/wire/rs_package.h"
#include "node/passphrase.h"
#include "nostr/base/log.h"
#include "storage/kv.h"

namespace node {
namespace {

using base::Result;

constexpr std::string_view kHomeKey = "lease-home";
constexpr std::string_view kStartsKey = "starts";

/// The one line of a text file, without surrounding white space.
std::string_view only_line(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

void warn(const std::string& path, const std::string& warning) {
  if (!warning.empty()) LOG(kWarn, "frost", warning, {{"file", path}});
}

}  // namespace

Result<frostr::GroupPackage> load_group(const std::string& path) {
  TRY(const std::string text, read_file(path));
  auto credential = frostr::decode_group(only_line(text));
  if (!credential) return std::unexpected(base::in_context(path, credential.error()));
  warn(path, credential->warning);
  return std::move(credential->group);
}

Result<frostr::SecretShare> load_share(const std::string& path, const std::string& passphrase_file,
                                       const frostr::GroupPackage& group) {
  TRY(std::string text, read_secret_file(path));
  const frostr::SecretText wiped(std::move(text));
  const std::string_view line = only_line(wiped.expose());
  const bool from_rs = frostr::is_rs_package(line);
  if (!from_rs && !frostr::is_encrypted_share(line)) {
    auto credential = frostr::decode_share(line);
    if (!credential) return std::unexpected(base::in_context(path, credential.error()));
    warn(path, credential->warning);
    return std::move(credential->share);
  }
  if (passphrase_file.empty())
    return base::fail(base::Errc::kInvalid, path + " is encrypted", "name a --passphrase-file");
  TRY(std::string phrase, read_secret_file(passphrase_file));
  const frostr::SecretText wiped_phrase(std::move(phrase));
  const std::string_view passphrase = only_line(wiped_phrase.expose());
  auto share = from_rs ? frostr::open_rs_package(line, passphrase, group)
                       : frostr::decrypt_share(line, passphrase);
  if (!share) return std::unexpected(base::in_context(path, share.error()));
  return share;
}

Result<ThresholdIdentity> load_identity(const std::string& group_path,
                                        const std::string& share_path,
                                        const std::string& passphrase_file) {
  TRY(frostr::GroupPackage group, load_group(group_path));
  TRY(frostr::SecretShare share, load_share(share_path, passphrase_file, group));
  if (auto fits = frostr::check_share(share, group); !fits)
    return std::unexpected(
        base::in_context(share_path + " does not belong to " + group_path, fits.error()));
  return ThresholdIdentity{std::move(group), std::move(share)};
}

Result<void> save_share(const std::filesystem::path& path, const frostr::SecretShare& share,
                        std::string_view passphrase, base::Rng& rng) {
  if (passphrase.empty()) {
    const frostr::SecretText text = frostr::encode_share(share);
    const frostr::SecretText line(std::string(text.expose()) + "\n");
    return write_file(path, line.expose(), 0600);
  }
  TRY(const std::string text, frostr::encrypt_share(share, passphrase, rng));
  return write_file(path, text + "\n", 0600);
}

Result<frostr::SecretText> share_passphrase(const std::string& file) {
  if (file.empty()) return frostr::SecretText("");
  return read_passphrase(file, "");
}

Result<void> install_identity(const Home& home, const std::string& group_path,
                              const std::string& share_path) {
  TRY(const std::string group, read_file(group_path));
  TRY(write_file(home.config_dir / "group.txt", group));
  TRY(std::string share, read_secret_file(share_path));
  const frostr::SecretText wiped(std::move(share));
  return write_file(home.config_dir / "share.txt", wiped.expose(), 0600);
}

Result<void> forget_lease_name(storage::Db& db) {
  return storage::Kv(db).erase(kHomeKey);
}

Result<frostr::BifrostOptions::Lease> next_lease(storage::Db& db, const nostr::SecretKey& runner,
                                                 base::Rng& rng) {
  storage::Kv kv(db);
  TRY(auto name, kv.get(kHomeKey));
  if (!name) {
    name = rng.hex(16);
    TRY(kv.set(kHomeKey, *name));
  }
  TRY(const std::int64_t generation, kv.bump(kStartsKey));
  return frostr::BifrostOptions::Lease{&runner, *name, generation};
}

}  // namespace node
