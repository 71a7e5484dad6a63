// GroupVoice: one statement under the group's key, from draft to accepted by relays — once, however
// often the process dies on the way.
//
//~ The heart of "act only as far as the operator lets": stamp → ask the co-signers → perhaps the
//~ operator → signature → outbox → relays. Each arrow is a committed row of storage/actions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "frostr/threshold_signer.h"
#include "nipsa/approval.h"
#include "node/publisher.h"
#include "nostr/client/directory.h"
#include "nostr/client/feed.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/tools/outside.h"
#include "storage/actions.h"
#include "storage/cursors.h"
#include "storage/events.h"

namespace node {

struct VoiceOptions {
  std::vector<std::string> relays;             ///< where the group publishes; who is named, where they read
  std::vector<nostr::PublicKey> operators;     ///< whose own 39213 counts beside the asker's
  std::chrono::seconds approval_ttl{900};
  std::chrono::seconds patience{60};           ///< for co-signers that are away, per call of say()
};

/// What is to be said. The key names it for ever.
struct Utterance {
  orchestration::ActionKey key;
  std::string action_class;
  nostr::Draft draft;                    ///< created_at is stamped here
  std::string reason;
  bool ask = false;
  std::optional<nostr::EventId> tick;    ///< the 39210 it belongs to
  /// The signed event is given to whoever asked for it instead of relays, and created_at stays as the
  /// draft has it: they know it already.
  bool hand_over = false;
};

/// How the names of what a tick says by itself begin, its heads and its state: no model's call is named so.
inline constexpr std::string_view kRecordCall = "#";

/// The slot of everything that is handed over: it belongs to no tick.
inline constexpr std::string_view kHandOverTick = "bunker";

/// App thread. References outlive it.
class GroupVoice {
 public:
  GroupVoice(nostr::Pool& pool, storage::Db& db, const base::Clock& clock, base::Rng& rng,
             frostr::ThresholdSigner& signer, const nostr::KeySigner& node, Publisher& publisher,
             nostr::RelayDirectory& directory, VoiceOptions options, base::Loop& loop);

  /// Listens for decisions (39213) addressed to the node.
  void start();
  void stop();

  /// Writes down all of what say() is going to say, or nothing: together it survives a restart, or
  /// not at all.
  base::Result<void> propose(std::span<const Utterance> utterances);

  /// Says it, or carries on where an earlier call stopped, or repeats what came of it. kUnavailable:
  /// not decided yet and nothing lost; call again.
  base::Task<base::Result<orchestration::ActionResult>> say(Utterance utterance);

  /// Has `utterance` signed and gives back the event instead of publishing it (hand_over). Every
  /// failure is final: who is away now is asked anew under another key. kDenied, kTimeout (nobody
  /// answered in time), kUnavailable.
  base::Task<base::Result<nostr::Event>> sign_for(Utterance utterance);

  /// The newest event of the group at `address` that this node knows, from its store.
  base::Result<std::optional<nostr::Event>> head(const nostr::Address& address) { return events_.head(address); }

 private:
  using Step = base::Result<std::optional<orchestration::ActionResult>>;
  storage::ActionRow proposed(const Utterance& utterance) const;
  base::Task<Step> advance(const Utterance& utterance, storage::ActionRow row);
  base::Task<Step> request_signature(const Utterance& utterance, storage::ActionRow row);
  base::Task<Step> await_decision(storage::ActionRow row);
  base::Task<Step> await_relays(const Utterance& utterance, storage::ActionRow row);
  base::Result<void> stamp(const Utterance& utterance, storage::ActionRow& row);
  base::Result<void> stamp_anew(storage::ActionRow& row);
  base::Result<nostr::UnsignedEvent> dated_event(const storage::ActionRow& row);
  base::Result<void> keep_signature(const Utterance& utterance, const storage::ActionRow& row,
                                    const nostr::Event& event);
  base::Result<void> ask_operator(const Utterance& utterance, const storage::ActionRow& row,
                                  const frostr::ApprovalRequired& required);
  base::Result<nostr::Event> build_claim();
  base::Result<nostr::Event> build_question(const Utterance& utterance, const storage::ActionRow& row,
                                            const nostr::PublicKey& asker,
                                            const std::optional<nostr::EventId>& tick);
  base::Result<frostr::SignContext> context_for(const Utterance& utterance, const storage::ActionRow& row);
  void drop_handovers();
  bool take_answers(std::span<const nostr::Delivery> batch);
  base::Result<void> take_answer(const nostr::Event& event);
  base::Result<void> take_decision(const nostr::Event& event);
  base::Result<void> take_refusal(const nostr::Event& event, const nipsa::QuestionRefusal& refusal);
  base::Result<void> finish(const storage::ActionRow& row, storage::ActionState to, std::string_view text);

  nostr::Pool& pool_;
  storage::Db& db_;
  storage::Actions actions_;
  storage::EventDb events_;
  storage::Outbox outbox_;
  storage::Cursors cursors_;
  const base::Clock& clock_;
  base::Rng& rng_;
  frostr::ThresholdSigner& signer_;
  const nostr::KeySigner& node_;
  Publisher& publisher_;
  nostr::RelayDirectory& directory_;
  VoiceOptions options_;
  std::unique_ptr<nostr::Feed> decisions_;
  base::Signal decided_;
};

/// What a finished (or published) row tells a session.
orchestration::ActionResult result_of(const storage::ActionRow& row);

}  // namespace node
