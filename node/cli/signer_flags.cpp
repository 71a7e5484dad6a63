// Opening a key file, or a session with a remote signer.
#include "node/cli/signer_flags.h"

#include <filesystem>

#include "node/key_file.h"
#include "nostr/client/remote_signer.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;

std::filesystem::path client_key_file(const Context& context, const nostr::PublicKey& signer) {
  return context.home().config_dir / ("bunker-client-" + signer.hex().substr(0, 16) + ".key");
}

base::Task<Result<OpenSigner>> open_remote(Runtime& runtime, const Context& context, std::string file) {
  CO_TRY(std::string text, read_secret_file(file));
  auto uri = nostr::parse_bunker_uri(std::string_view(text).substr(0, text.find_first_of(" \r\n")));
  base::wipe(text);
  if (!uri) co_return std::unexpected(base::in_context(file, uri.error()));
  const std::filesystem::path key_path = client_key_file(context, uri->signer);
  std::error_code error;
  const bool paired = std::filesystem::exists(key_path, error);
  nostr::SecretKey key = nostr::SecretKey::generate(runtime.rng);
  if (paired) {
    CO_TRY(key, load_key_file(key_path));
  }
  OpenSigner out;
  out.door = std::make_unique<nostr::KeySigner>(key.clone(), runtime.clock, runtime.rng);
  const std::vector<std::string> relays = uri->relays;
  for (const std::string& relay : relays) runtime.pool.set_auth(relay, out.door.get());
  auto made = co_await nostr::RemoteSigner::connect(runtime.pool, runtime.clock, runtime.rng, key.clone(),
                                                    *std::move(uri), {.paired = paired});
  if (!made) {
    for (const std::string& relay : relays) runtime.pool.set_auth(relay, nullptr);  // the door goes
    base::Error why = base::in_context(file, made.error());
    if (paired && why.code == Errc::kTimeout)
      why.hint = "if it sent this client away: remove " + key_path.string() + " and use a new bunker:// text";
    co_return std::unexpected(std::move(why));
  }
  if (!paired) {
    CO_TRY(context.home().ensure());
    CO_TRY(save_key_file(key_path, key));
  }
  out.signer = *std::move(made);
  // From here on the signer's relays are relays like others: what the command wants there, it wants
  // as the user.
  for (const std::string& relay : relays) runtime.pool.set_auth(relay, out.signer.get());
  co_return out;
}

base::Task<int> act_with_signer(Runtime& runtime, const Context& context, SignerFlags flags, SignerAct act) {
  auto opened = co_await open_signer(runtime, context, std::move(flags));
  if (!opened) {
    co_await runtime.pool.stop();
    co_return report(context, opened.error());
  }
  co_return co_await act(*opened->signer);
}

}  // namespace

void add_signer_flags(CLI::App& command, SignerFlags& flags, const std::string& what) {
  auto* key = command.add_option("--key-file", flags.key_file, what);
  command
      .add_option("--bunker-file", flags.bunker_file,
                  "Instead of a key: file with the bunker:// text of a remote signer (NIP-46)")
      ->excludes(key);
}

base::Task<Result<OpenSigner>> open_signer(Runtime& runtime, const Context& context, SignerFlags flags) {
  OpenSigner out;
  if (!flags.bunker_file.empty()) {
    CO_TRY(out, co_await open_remote(runtime, context, flags.bunker_file));
  } else {
    CO_TRY(nostr::SecretKey key, load_key_file(flags.key_file));
    out.signer = std::make_unique<nostr::KeySigner>(std::move(key), runtime.clock, runtime.rng);
  }
  runtime.pool.set_auth("", out.signer.get());
  co_return out;
}

int run_with_signer(Runtime& runtime, const Context& context, const SignerFlags& flags, SignerAct act) {
  if (!flags.any())
    return report_usage(context, {Errc::kInvalid, "no key to act with", "--key-file FILE or --bunker-file FILE"});
  return runtime.loop.run_until_complete(act_with_signer(runtime, context, flags, std::move(act)));
}

}  // namespace node::cli
