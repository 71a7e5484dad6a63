// key new, show, encrypt, decrypt: ordinary keys in files.
#include <filesystem>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/key_file.h"
#include "node/passphrase.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using nostr::PublicKey;

struct KeyArguments {
  std::string file;
  std::string out;
  std::string passphrase_file;
  bool encrypt = false;
};

Result<void> refuse_existing(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  return fail(Errc::kConflict, fmt::format("{} exists already", file), "keys are never overwritten");
}

Result<PublicKey> new_key(const KeyArguments& arguments) {
  TRY(refuse_existing(arguments.file));
  base::SystemRng rng;
  const nostr::SecretKey key = nostr::SecretKey::generate(rng);
  if (arguments.encrypt || !arguments.passphrase_file.empty()) {
    TRY(const frostr::SecretText phrase,
        read_passphrase(arguments.passphrase_file, "new passphrase", Typed::kTwice));
    TRY(save_encrypted_key_file(arguments.file, key, phrase.expose(), /*was_in_clear=*/false, rng));
  } else {
    TRY(save_key_file(arguments.file, key));
  }
  return key.public_key();
}

Result<PublicKey> show_key(const KeyArguments& arguments) {
  TRY(const nostr::SecretKey key, load_key_file(arguments.file, arguments.passphrase_file));
  return key.public_key();
}

/// In place unless --out names another file.
Result<PublicKey> encrypt_key(const KeyArguments& arguments) {
  TRY(const nostr::SecretKey key, load_key_file(arguments.file));
  if (!arguments.out.empty()) TRY(refuse_existing(arguments.out));
  TRY(const frostr::SecretText phrase,
      read_passphrase(arguments.passphrase_file, "new passphrase", Typed::kTwice));
  base::SystemRng rng;
  TRY(save_encrypted_key_file(arguments.out.empty() ? arguments.file : arguments.out, key,
                              phrase.expose(), /*was_in_clear=*/true, rng));
  return key.public_key();
}

Result<PublicKey> decrypt_key(const KeyArguments& arguments) {
  TRY(const nostr::SecretKey key, load_key_file(arguments.file, arguments.passphrase_file));
  TRY(refuse_existing(arguments.out));
  TRY(save_key_file(arguments.out, key));
  return key.public_key();
}

using KeyAct = Result<PublicKey> (*)(const KeyArguments&);

int run_key(const Context& context, const KeyArguments& arguments, KeyAct act) {
  const auto key = act(arguments);
  if (!key) return report(context, key.error());
  const std::string& file = arguments.out.empty() ? arguments.file : arguments.out;
  const std::string npub = nostr::encode_npub(*key);
  if (context.json)
    print_json({{"pubkey", key->hex()}, {"npub", npub}, {"file", file}});
  else
    print_line(fmt::format("{}\n{}", npub, key->hex()));
  return kOk;
}

}  // namespace

void add_key_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* key = app.add_subcommand("key", "Make, show and lock ordinary keys");
  key->require_subcommand(1);
  auto arguments = std::make_shared<KeyArguments>();
  const auto add = [&](const char* name, const char* description, KeyAct act, const char* examples) {
    auto* command = key->add_subcommand(name, description);
    command->add_option("file", arguments->file, "The key file")->required();
    command->add_option("--passphrase-file", arguments->passphrase_file,
                        "Holds the passphrase; - reads a line of stdin; default: ask at the terminal");
    command->footer(std::string("Examples:\n") + examples);
    command->callback([=, &context] {
      *chosen = [=, &context] { return run_key(context, *arguments, act); };
    });
    return command;
  };
  add("new", "Make a key in a new file, mode 0600", new_key,
      "  sovereign key new alice.key\n"
      "  sovereign key new vault.key --passphrase-file phrase.txt")
      ->add_flag("--encrypt", arguments->encrypt, "Lock it with a passphrase (NIP-49)");
  add("show", "Print the public key of a key file", show_key,
      "  sovereign key show me.key\n"
      "  sovereign key show me.key --json");
  add("encrypt", "Lock a key file with a passphrase (NIP-49)", encrypt_key,
      "  sovereign key encrypt me.key --out me.ncryptsec --passphrase-file phrase.txt")
      ->add_option("--out", arguments->out, "A new file; default: in place");
  add("decrypt", "Write a locked key in the clear into a new file", decrypt_key,
      "  sovereign key decrypt locked.key --out open.key --passphrase-file phrase.txt")
      ->add_option("--out", arguments->out, "A new file, mode 0600")
      ->required();
}

}  // namespace node::cli
