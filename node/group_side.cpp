// The group's voice lent to clients.
#include "node/group_side.h"

#include <fmt/format.h>

#include "node/key_file.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip65.h"

namespace node {

using base::Result;
using base::Task;

// ---- what a configuration says of it
// ---------------------------------------------------------

Result<VoiceOptions> voice_options(const Config& config) {
  VoiceOptions options{.approval_ttl = config.agent.approval_ttl};
  for (const std::string& relay : config.node.relays) {
    if (!nostr::is_relay_url(relay))
      return base::fail(base::Errc::kInvalid, fmt::format("node.relays: \"{}\" is no relay URL", relay),
                  "ws:// or wss://");
    options.relays.push_back(nostr::normalize_relay_url(relay));
  }
  if (options.relays.empty())
    return base::fail(base::Errc::kInvalid, "node.relays is empty", "name at least one relay in config.toml");
  TRY(options.operators, keys_of(config.node.operators, "node.operators"));
  return options;
}

frostr::ThresholdOptions threshold_options(const Config& config) {
  frostr::ThresholdOptions out;
  for (const std::uint32_t judge : config.peers.judges) out.judges.push_back({judge});
  return out;
}

Result<nostr::SecretKey> load_node_key(const Home& home, const Config& config) {
  return load_key_file(config.node.key_file.empty() ? home.node_key_file()
                                                    : std::filesystem::path(config.node.key_file));
}

// ---- GroupSigner
// -------------------------------------------------------------------------------

Task<Result<nostr::Event>> GroupSigner::sign(nostr::Draft draft) {
  if (draft.created_at == base::UnixTime{}) draft.created_at = clock_.now();
  Utterance utterance{.key = {std::string(kHandOverTick), rng_.hex(16)},
                      .action_class = whom_.action_class,
                      .draft = std::move(draft),
                      .reason = whom_.reason};
  co_return co_await voice_.sign_for(std::move(utterance));
}

Task<Result<std::string>> GroupSigner::nip44_encrypt(nostr::PublicKey peer, std::string plaintext) {
  return signer_.nip44_encrypt(peer, std::move(plaintext));
}

Task<Result<std::string>> GroupSigner::nip44_decrypt(nostr::PublicKey peer, std::string payload) {
  return signer_.nip44_decrypt(peer, std::move(payload));
}

Task<Result<std::string>> GroupSigner::nip04_encrypt(nostr::PublicKey peer, std::string plaintext) {
  return signer_.nip04_encrypt(peer, std::move(plaintext));
}

Task<Result<std::string>> GroupSigner::nip04_decrypt(nostr::PublicKey peer, std::string payload) {
  return signer_.nip04_decrypt(peer, std::move(payload));
}

// ---- GroupSide
// ---------------------------------------------------------------------------------

GroupSide::GroupSide(Runtime& runtime, storage::Db& db, nostr::SecretKey node, VoiceOptions options)
    : runtime_(runtime),
      node_(std::move(node), runtime.clock, runtime.rng),
      options_(std::move(options)),
      publisher_(runtime.loop, runtime.pool, db, runtime.clock),
      directory_(runtime.pool, runtime.clock, options_.relays) {}

Result<std::unique_ptr<GroupSide>> GroupSide::create(Runtime& runtime, storage::Db& db, const Home& home,
                                                     const Config& config, SpokenFor whom) {
  TRY(VoiceOptions options, voice_options(config));
  TRY(ThresholdIdentity identity,
      load_identity(config.identity.group, config.identity.share, config.identity.passphrase_file));
  TRY(nostr::SecretKey key, load_node_key(home, config));
  std::unique_ptr<GroupSide> made(new GroupSide(runtime, db, std::move(key), std::move(options)));
  TRY(const frostr::BifrostOptions::Lease lease, next_lease(db, made->node_.key(), runtime.rng));
  TRY(made->bifrost_,
      frostr::BifrostNode::create(
          {runtime.loop, runtime.pool, db, runtime.clock, runtime.rng}, std::move(identity.group),
          std::move(identity.share),
          {.relays = made->options_.relays, .cosigner = {.judges = false}, .lease = lease}));
  made->threshold_ = std::make_unique<frostr::ThresholdSigner>(*made->bifrost_, threshold_options(config));
  made->voice_ = std::make_unique<GroupVoice>(runtime.pool, db, runtime.clock, runtime.rng, *made->threshold_,
                                              made->node_, made->publisher_, made->directory_, made->options_,
                                              runtime.loop);
  made->signer_ =
      std::make_unique<GroupSigner>(*made->voice_, *made->threshold_, runtime.clock, runtime.rng, std::move(whom));
  return made;
}

Task<Result<void>> GroupSide::start() {
  publisher_.sign_for(node_);
  publisher_.start();
  voice_->start();
  if (auto connected = co_await bifrost_->start(); !connected)
    LOG(kWarn, "node", "no relay yet; trying on", {{"detail", connected.error().detail}});
  co_return Result<void>{};
}

Task<void> GroupSide::stop() {
  voice_->stop();
  co_await bifrost_->stop();
  co_await publisher_.stop();
}

}  // namespace node
