// GroupSide: what a home with a share needs to speak as its group for somebody else — the node key,
// the co-signers, and the voice that asks the operator where they want it.
#pragma once

#include <memory>
#include <string>

#include "frostr/bifrost_node.h"
#include "frostr/threshold_signer.h"
#include "node/config.h"
#include "node/group_voice.h"
#include "node/identity.h"
#include "node/publisher.h"
#include "node/runtime.h"
#include "nostr/client/directory.h"

namespace node {

/// Where the group speaks and whose word counts. kInvalid names the entry that is wrong.
base::Result<VoiceOptions> voice_options(const Config& config);
frostr::ThresholdOptions threshold_options(const Config& config);
base::Result<nostr::SecretKey> load_node_key(const Home& home, const Config& config);

/// For whom the group speaks, as operators and records are told.
struct SpokenFor {
  std::string action_class = "bunker";
  std::string reason = "a client of the bunker asks for it";
};

/// The group's identity for somebody else, a client of a bunker or a shop: what they want signed is judged by the
/// co-signers like all else, and waits for the operator where they ask for that. App thread.
class GroupSigner final : public nostr::Signer {
 public:
  /// References outlive the signer.
  GroupSigner(GroupVoice& voice, frostr::ThresholdSigner& signer, const base::Clock& clock, base::Rng& rng,
              SpokenFor whom)
      : voice_(voice), signer_(signer), clock_(clock), rng_(rng), whom_(std::move(whom)) {}

  nostr::PublicKey public_key() const override { return signer_.public_key(); }
  base::Task<base::Result<nostr::Event>> sign(nostr::Draft draft) override;
  base::Task<base::Result<std::string>> nip44_encrypt(nostr::PublicKey peer, std::string plaintext) override;
  base::Task<base::Result<std::string>> nip44_decrypt(nostr::PublicKey peer, std::string payload) override;
  base::Task<base::Result<std::string>> nip04_encrypt(nostr::PublicKey peer, std::string plaintext) override;
  base::Task<base::Result<std::string>> nip04_decrypt(nostr::PublicKey peer, std::string payload) override;

 private:
  GroupVoice& voice_;
  frostr::ThresholdSigner& signer_;
  const base::Clock& clock_;
  base::Rng& rng_;
  const SpokenFor whom_;
};

/// A node home's share at work without its agent. Lives in main's frame. App thread.
class GroupSide {
 public:
  /// `config` has an identity; `db` and `runtime` outlive this.
  static base::Result<std::unique_ptr<GroupSide>> create(Runtime& runtime, storage::Db& db, const Home& home,
                                                         const Config& config, SpokenFor whom = {});
  base::Task<base::Result<void>> start();
  base::Task<void> stop();
  nostr::Signer& signer() { return *signer_; }
  frostr::ThresholdSigner& threshold() { return *threshold_; }
  /// Drains the database's outbox from start() on; a home has one that does.
  Publisher& publisher() { return publisher_; }

 private:
  GroupSide(Runtime& runtime, storage::Db& db, nostr::SecretKey node, VoiceOptions options);

  Runtime& runtime_;
  nostr::KeySigner node_;
  const VoiceOptions options_;
  Publisher publisher_;
  nostr::RelayDirectory directory_;
  std::unique_ptr<frostr::BifrostNode> bifrost_;
  std::unique_ptr<frostr::ThresholdSigner> threshold_;
  std::unique_ptr<GroupVoice> voice_;
  std::unique_ptr<GroupSigner> signer_;
};

}  // namespace node
