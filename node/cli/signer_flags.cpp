// Opening a key file, or a session with a remote signer.
#include "node/cli/signer_flags.h"

#include "node/key_file.h"
#include "node/remote_pairing.h"
#include "nostr/client/remote_signer.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;

base::Task<Result<OpenSigner>> open_remote(Runtime& runtime, const Context& context, std::string file) {
  CO_TRY(const Pairing pairing, load_pairing(context.home(), file, runtime.rng));
  OpenSigner out;
  out.door = std::make_unique<nostr::KeySigner>(pairing.client.clone(), runtime.clock, runtime.rng);
  const std::vector<std::string> relays = pairing.uri.relays;
  for (const std::string& relay : relays) runtime.pool.set_auth(relay, out.door.get());
  auto made = co_await nostr::RemoteSigner::connect(runtime.pool, runtime.clock, runtime.rng,
                                                    pairing.client.clone(), pairing.uri,
                                                    {.paired = pairing.paired});
  if (!made) {
    for (const std::string& relay : relays) runtime.pool.set_auth(relay, nullptr);  // the door goes
    base::Error why = base::in_context(file, made.error());
    if (pairing.paired && why.code == Errc::kTimeout)
      why.hint = "if it sent this client away: remove " + pairing.key_file.string() + " and use a new bunker:// text";
    co_return std::unexpected(std::move(why));
  }
  if (!pairing.paired) CO_TRY(keep_pairing(context.home(), pairing));
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
