// key new, key show: ordinary keys in files.
#include <filesystem>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;

void print_key(const Context& context, const nostr::PublicKey& key, const std::string& file) {
  const std::string npub = nostr::encode_npub(key);
  if (context.json)
    print_json({{"pubkey", key.hex()}, {"npub", npub}, {"file", file}});
  else
    print_line(fmt::format("{}\n{}", npub, key.hex()));
}

int new_key(const Context& context, const std::string& file) {
  std::error_code error;
  if (std::filesystem::exists(file, error))
    return report(context, {Errc::kConflict, fmt::format("{} exists already", file),
                            "keys are never overwritten"});
  base::SystemRng rng;
  const nostr::SecretKey key = nostr::SecretKey::generate(rng);
  if (auto saved = save_key_file(file, key); !saved) return report(context, saved.error());
  print_key(context, key.public_key(), file);
  return kOk;
}

int show_key(const Context& context, const std::string& file) {
  auto key = load_key_file(file);
  if (!key) return report(context, key.error());
  print_key(context, key->public_key(), file);
  return kOk;
}

}  // namespace

void add_key_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* key = app.add_subcommand("key", "Make and show ordinary keys");
  key->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto* fresh = key->add_subcommand("new", "Make a key in a new file, mode 0600");
  fresh->add_option("file", *file, "Where to write it")->required();
  fresh->callback([=, &context] { *chosen = [=, &context] { return new_key(context, *file); }; });
  auto* show = key->add_subcommand("show", "Print the public key of a key file");
  show->add_option("file", *file, "The key file")->required();
  show->callback([=, &context] { *chosen = [=, &context] { return show_key(context, *file); }; });
}

}  // namespace node::cli
