// Trajectory: the signed, chained record of a session, derived from its transcript.
//
// Steps are a pure function of what is committed, in an order that only ever grows; the recorder
// appends those the record does not hold yet. So a restart neither repeats a step nor loses one.
// Source: NIP-SA kinds 39230 and 39231.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nipsa/chain.h"
#include "nipsa/trajectory.h"
#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "orchestration/transcript.h"
#include "orchestration/trigger.h"

namespace orchestration {

/// What a record holds so far.
struct TrajectoryPosition {
  std::optional<nostr::EventId> first_head;
  std::optional<nostr::EventId> last_head;  ///< set once the record is closed
  std::vector<nostr::EventId> events;       ///< the 39231, seq 1 … N
};

/// Implemented by `node`. App thread. Everything is durable when a call returns.
class TrajectorySink {
 public:
  virtual ~TrajectorySink() = default;
  /// Empty for a session never heard of.
  virtual base::Task<base::Result<TrajectoryPosition>> position(std::string session) = 0;
  /// A 39230 that the group signs: the first, or (`last`) the one that closes. kUnavailable when it
  /// cannot be signed now.
  virtual base::Task<base::Result<nostr::EventId>> put_head(std::string session, bool last,
                                                            nostr::Draft head) = 0;
  /// A 39231 that the node signs, after putting its content under NIP-44 to the operator.
  virtual base::Task<base::Result<nostr::EventId>> append(std::string session, std::uint32_t seq,
                                                          nostr::Draft step) = 0;
};

/// One step, before it has a place in the chain.
struct Step {
  std::string type;             ///< nipsa::step_type
  base::json::Value members;    ///< of the body, already redacted
  base::UnixTime at;            ///< when it happened
  std::string action_type;
  std::string tool;
  std::optional<nostr::Sha256> input_hash;
  std::optional<nostr::Sha256> output_hash;
  std::optional<nostr::EventId> decision;
  std::optional<nostr::EventId> parent_session;  ///< of whoever delegated what is done
};

/// The end of a list of steps: those from some place on, and how many there are in all.
struct StepList {
  std::size_t total = 0;
  std::vector<Step> rest;
};

/// Takes what is known to be secret out of a text.
using HideSecrets = std::function<void(std::string& text)>;

/// The steps of `transcript` from number `from` (0 is the first): the trigger, each model turn, each
/// tool call when it starts and when it is finished. What is there for any state of a transcript is
/// a prefix of what is there later. Texts are redacted, after `hide` where there is one, and cut at 8 000 bytes.
StepList steps_of(const Trigger& trigger, base::UnixTime started, const Transcript& transcript, std::size_t from = 0,
                  const HideSecrets& hide = {});

/// Which session is recorded, under which names.
struct TrajectorySubject {
  std::string session;  ///< the `d` of its 39230
  nostr::PublicKey agent;
  nostr::PublicKey writer;
  std::string model;
  base::UnixTime started;
  nostr::EventId tick;
};

struct TrajectorySummary {
  nostr::EventId first_head;
  nostr::EventId last_head;
  nostr::Sha256 hash;  ///< chain-v1
  std::uint32_t count = 0;
};

class TrajectoryRecorder {
 public:
  /// All references outlive the recorder.
  TrajectoryRecorder(TrajectorySink& sink, const base::Clock& clock, base::Rng& rng, TrajectorySubject subject);

  /// Finds the record or begins it by publishing the first head.
  base::Task<base::Result<void>> open();
  /// How many steps the record holds: where the next steps_of() begins.
  std::size_t recorded() const { return position_.events.size(); }
  /// Appends `steps.rest`, which begins at recorded().
  base::Task<base::Result<void>> record(StepList steps);
  /// The same, then appends `session_end` as the last step and publishes the closing head; repeats
  /// nothing.
  base::Task<base::Result<TrajectorySummary>> close(StepList steps, base::json::Value totals);

 private:
  base::Task<base::Result<void>> append(Step step);
  nostr::Sha256 chain() const;

  TrajectorySink& sink_;
  const base::Clock& clock_;
  base::Rng& rng_;
  TrajectorySubject subject_;
  TrajectoryPosition position_;
};

}  // namespace orchestration
