// What is read: bfshare of bifrost 2.x and 1.x, sovshare, packages of bifrost-rs. What is written:
// bfshare, sovshare, and (from a threshold of shares, said twice) a key file.
#include "node/cli/credential_commands.h"

#include <filesystem>

#include <fmt/format.h>

#include "node/cli/frost_output.h"
#include "node/identity.h"
#include "node/key_file.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
namespace fs = std::filesystem;

struct CredentialArguments {
  std::string group;
  std::vector<std::string> shares;
  std::string from_passphrase_file;  ///< opens what is read
  std::string passphrase_file;       ///< seals what is written
  std::string out;
  bool whole_key = false;
};

Result<void> refuse_to_overwrite(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error))
    return fail(Errc::kConflict, fmt::format("{} exists", path.string()),
                "shares and keys are never overwritten: name another --out");
  return {};
}

Result<std::vector<frostr::SecretShare>> read_shares(const CredentialArguments& arguments,
                                                     const frostr::GroupPackage& group) {
  std::vector<frostr::SecretShare> out;
  for (const std::string& path : arguments.shares) {
    TRY(frostr::SecretShare share, load_share(path, arguments.from_passphrase_file, group));
    if (auto fits = frostr::check_share(share, group); !fits)
      return std::unexpected(base::in_context(path + " does not belong to " + arguments.group, fits.error()));
    out.push_back(std::move(share));
  }
  return out;
}

// ---- import ------------------------------------------------------------------------------------

Result<frostr::GroupPackage> import_shares(const CredentialArguments& arguments) {
  TRY(frostr::GroupPackage group, load_group(arguments.group));
  TRY(const std::vector<frostr::SecretShare> shares, read_shares(arguments, group));
  const fs::path dir(arguments.out);
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return fail(Errc::kIo, fmt::format("cannot create {}: {}", arguments.out, error.message()));
  const auto path_of = [&dir](const frostr::SecretShare& share) {
    return dir / fmt::format("share-{}.txt", share.idx.value);
  };
  for (const frostr::SecretShare& share : shares) TRY(refuse_to_overwrite(path_of(share)));
  TRY(const frostr::SecretText phrase, share_passphrase(arguments.passphrase_file));
  base::SystemRng rng;
  TRY(write_file(dir / "group.txt", frostr::encode_group(group) + "\n"));
  for (const frostr::SecretShare& share : shares) TRY(save_share(path_of(share), share, phrase.expose(), rng));
  return group;
}

int import_command(const Context& context, const CredentialArguments& arguments) {
  auto group = import_shares(arguments);
  if (!group) return report(context, group.error());
  progress(context,
           "What was imported may have been dealt by one machine, which then held the whole key, and may "
           "have been copied. `sovereign frost refresh` makes old copies worthless; a key that was ever "
           "whole elsewhere is safe only as a new one (`sovereign frost dkg`).");
  print_group(context, *group);
  return kOk;
}

// ---- export ------------------------------------------------------------------------------------

Result<void> export_share(const CredentialArguments& arguments, const frostr::SecretShare& share) {
  TRY(refuse_to_overwrite(arguments.out));
  TRY(const frostr::SecretText phrase, share_passphrase(arguments.passphrase_file));
  base::SystemRng rng;
  return save_share(arguments.out, share, phrase.expose(), rng);
}

Result<void> export_key(const CredentialArguments& arguments, std::span<const frostr::SecretShare> shares,
                        const frostr::GroupPackage& group) {
  TRY(refuse_to_overwrite(arguments.out));
  TRY(const frostr::SecretScalar whole, frostr::recombine(shares, group));
  TRY(const nostr::SecretKey key, nostr::SecretKey::from_bytes(whole.expose()));
  TRY(const frostr::SecretText phrase, share_passphrase(arguments.passphrase_file));
  if (phrase.expose().empty()) return save_key_file(arguments.out, key);
  base::SystemRng rng;
  return save_encrypted_key_file(arguments.out, key, phrase.expose(), /*was_in_clear=*/false, rng);
}

Result<frostr::GroupPackage> export_from(const CredentialArguments& arguments) {
  TRY(frostr::GroupPackage group, load_group(arguments.group));
  TRY(const std::vector<frostr::SecretShare> shares, read_shares(arguments, group));
  if (arguments.whole_key) {
    TRY(export_key(arguments, shares, group));
    return group;
  }
  if (shares.size() != 1)
    return fail(Errc::kInvalid, fmt::format("{} shares are named; one is exported at a time", shares.size()),
                "--whole-key puts a threshold of them together");
  TRY(export_share(arguments, shares.front()));
  return group;
}

int export_command(const Context& context, const CredentialArguments& arguments) {
  auto group = export_from(arguments);
  if (!group) return report(context, group.error());
  if (arguments.whole_key)
    progress(context, fmt::format("{} holds the whole key: from now on one machine, and whoever reads this "
                                  "file, can sign alone and asks nobody. No policy and no approval holds "
                                  "for it.", arguments.out));
  print_group(context, *group);
  return kOk;
}

void add_shared_options(CLI::App& command, CredentialArguments& arguments) {
  command.add_option("--group", arguments.group, "File with bfgroup1…")->required();
  command.add_option("--share", arguments.shares, "File with a share (repeat)")->required()->allow_extra_args(false);
  command.add_option("--from-passphrase-file", arguments.from_passphrase_file,
                     "Opens encrypted shares: sovshare1… and packages of bifrost-rs");
  command.add_option("--passphrase-file", arguments.passphrase_file, "Encrypt what is written with this passphrase");
}

}  // namespace

void add_credential_commands(CLI::App& frost, Context& context, Action* chosen) {
  auto importing = std::make_shared<CredentialArguments>();
  auto* import = frost.add_subcommand(
      "import", "Take over shares of other software: bfshare1… of any age, packages of bifrost-rs");
  add_shared_options(*import, *importing);
  import->add_option("--out", importing->out, "Folder for group.txt and share-N.txt")->required();
  import->footer(
      "Examples:\n"
      "  sovereign frost import --group group.txt --share share-1.txt --out mine\n"
      "  sovereign frost import --group group.txt --share share-1.txt --out sealed --passphrase-file phrase.txt\n"
      "An ordinary key becomes a group by `sovereign frost deal --secret-file FILE`.");
  import->callback([=, &context] { *chosen = [=, &context] { return import_command(context, *importing); }; });

  auto exporting = std::make_shared<CredentialArguments>();
  auto* leave = frost.add_subcommand(
      "export", "Write a share for other software, or put a threshold of them together as a key file");
  add_shared_options(*leave, *exporting);
  leave->add_option("--out", exporting->out, "File that is written, mode 0600")->required();
  leave->add_flag("--whole-key", exporting->whole_key,
                  "Recombine the key: ends what the shares are for, and cannot be taken back");
  leave->footer(
      "Examples:\n"
      "  sovereign frost export --group group.txt --share share-1.txt --out bfshare.txt\n"
      "  sovereign frost export --group group.txt --share share-1.txt --share share-2.txt --whole-key "
      "--out whole.key");
  leave->callback([=, &context] { *chosen = [=, &context] { return export_command(context, *exporting); }; });
}

}  // namespace node::cli
