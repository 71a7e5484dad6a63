// Signing and storing the record.
#include "node/trajectory_record.h"

#include "nipsa/trajectory.h"
#include "nostr/base/failpoint.h"
#include "nostr/nips/nip44.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using storage::Durability;
using storage::Tx;

constexpr std::chrono::seconds kPublishPatience{86'400};

}  // namespace

TrajectoryRecord::TrajectoryRecord(Deps deps, VoiceOptions options, std::string slot,
                                   nostr::EventId claim, nostr::PublicKey agent, std::string task)
    : deps_(deps),
      options_(std::move(options)),
      slot_(std::move(slot)),
      claim_(claim),
      agent_(agent),
      task_(std::move(task)),
      trajectories_(deps.db) {}

base::Task<Result<orchestration::TrajectoryPosition>> TrajectoryRecord::position(
    std::string session) {
  orchestration::TrajectoryPosition position;
  CO_TRY(const auto row, trajectories_.get(session));
  if (!row) co_return position;
  position.first_head = row->first_head;
  position.last_head = row->last_head;
  CO_TRY(const auto steps, trajectories_.steps(session));
  for (const storage::StepRow& step : steps) position.events.push_back(step.event_id);
  co_return position;
}

base::Task<Result<nostr::EventId>> TrajectoryRecord::put_head(std::string session, bool last,
                                                              nostr::Draft head) {
  const nostr::UnsignedEvent event = nostr::with_author(head, agent_);
  Utterance utterance{.key = {slot_, (last ? "#head-last" : "#head-first") + (task_.empty() ? "" : ":" + task_)},
                      .action_class = "trajectory",
                      .draft = std::move(head),
                      .tick = claim_};
  CO_TRY(const orchestration::ActionResult said, co_await deps_.voice.say(std::move(utterance)));
  if (said.status != orchestration::ActionStatus::kPublished)
    co_return fail(Errc::kUnavailable, "the session head was not signed: " + said.text);
  nostr::Event shape{.kind = event.kind, .tags = event.tags, .content = event.content};
  shape.pubkey = agent_;
  CO_TRY(const nipsa::TrajectorySession parsed, nipsa::parse_trajectory_session(shape));
  if (last) {
    CO_TRY(trajectories_.close(session, parsed.end->hash, *said.event_id, deps_.clock.now()));
    co_return *said.event_id;
  }
  CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  CO_TRY(trajectories_.add({.d = session,
                            .tick = slot_,
                            .writer = deps_.node.public_key(),
                            .agent = agent_,
                            .model = parsed.model,
                            .started = parsed.started_at}));
  CO_TRY(trajectories_.set_first_head(session, *said.event_id));
  CO_TRY(tx.commit());
  co_return *said.event_id;
}

base::Task<Result<nostr::EventId>> TrajectoryRecord::append(std::string session, std::uint32_t seq,
                                                            nostr::Draft step) {
  const nostr::PublicKey reader =
      options_.operators.empty() ? deps_.node.public_key() : options_.operators.front();
  CO_TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(deps_.node.key(), reader));
  CO_TRY(step.content, nostr::nip44_encrypt(key, step.content, deps_.rng));
  const nostr::Event event = nostr::sign_event(std::move(step), deps_.node.key(), deps_.rng);
  CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  CO_TRY(trajectories_.append(session, seq, event));
  CO_TRY(deps_.publisher.post(event, options_.relays, "trajectory", kPublishPatience));
  CO_TRY(tx.commit());
  FAILPOINT("step-committed");
  co_return event.id;
}

}  // namespace node
