// TrajectoryRecord: the record of a session as signed events — steps by the node, heads by the group.
#pragma once

#include "node/group_voice.h"
#include "orchestration/trajectory.h"
#include "storage/trajectories.h"

namespace node {

/// One tick's record. Content goes under NIP-44 to the first operator; the session head is public.
class TrajectoryRecord final : public orchestration::TrajectorySink {
 public:
  struct Deps {
    storage::Db& db;
    const base::Clock& clock;
    base::Rng& rng;
    const nostr::KeySigner& node;
    GroupVoice& voice;
    Publisher& publisher;
  };
  /// `task`: that of the session, when it is not the tick's own.
  TrajectoryRecord(Deps deps, VoiceOptions options, std::string slot, nostr::EventId claim,
                   nostr::PublicKey agent, std::string task = "");

  base::Task<base::Result<orchestration::TrajectoryPosition>> position(std::string session) override;
  base::Task<base::Result<nostr::EventId>> put_head(std::string session, bool last, nostr::Draft head) override;
  base::Task<base::Result<nostr::EventId>> append(std::string session, std::uint32_t seq, nostr::Draft step) override;

 private:
  Deps deps_;
  VoiceOptions options_;
  std::string slot_;
  nostr::EventId claim_;
  nostr::PublicKey agent_;
  std::string task_;
  storage::Trajectories trajectories_;
};

}  // namespace node
