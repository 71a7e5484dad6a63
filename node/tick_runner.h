// TickRunner: one occasion to act, from its trigger to its report.
//
//~ planned → claimed (39210) → state opened → session → state saved (39201) → reported (39211).
//~ Every arrow is a committed phase of storage/ticks; a restart goes on from the last one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "nipsa/state.h"
#include "nipsa/tick.h"
#include "node/agent_book.h"
#include "node/config.h"
#include "node/delegated_work.h"
#include "node/outside.h"
#include "node/pause.h"
#include "node/skill_shelf.h"
#include "node/state_saver.h"
#include "node/tool_box.h"
#include "node/trajectory_record.h"
#include "orchestration/marketplace/skill_market.h"
#include "orchestration/session.h"
#include "storage/errands.h"
#include "storage/grants.h"
#include "storage/jobs.h"
#include "storage/sessions.h"
#include "storage/ticks.h"

namespace node {

/// Why an errand ended that the operator called off.
inline constexpr std::string_view kCalledOff = "called-off";

/// How a tick ended, for whoever waits for it.
struct TickOutcome {
  std::string slot;
  orchestration::SessionStatus status = orchestration::SessionStatus::kError;
  std::string detail;
  std::optional<nostr::EventId> result;  ///< the 39211
  std::string text;                      ///< the agent's last words; not for the public
  base::Msat cost;
  std::uint32_t turns = 0;
  std::uint32_t tool_calls = 0;
};

/// App thread. References outlive it.
class TickRunner {
 public:
  struct Deps {
    base::Loop& loop;
    base::Workers& workers;
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    base::Rng& rng;
    const nostr::KeySigner& node;
    frostr::ThresholdSigner& signer;
    GroupVoice& voice;
    NodeOutside& outside;
    Publisher& publisher;
    orchestration::Router& router;
    nostr::HttpClient& http;
    const Home& home;
    SkillShelf& shelf;
    orchestration::SkillMarket& market;
  };
  TickRunner(Deps deps, const Config& config, VoiceOptions options);
  ~TickRunner();

  /// Takes up unfinished ticks. `ended` is called after each tick.
  void start(std::function<void(const TickOutcome&)> ended);
  base::Task<void> stop();
  /// Opens a tick for `slot` inside the caller's transaction; false when its occasion was used.
  base::Result<bool> plan(const std::string& slot, orchestration::TriggerKind kind,
                          std::optional<nostr::EventId> event);
  /// Opens a tick for what the operator, at this machine, wants done; its slot. `agent` "" is who answers for
  /// the node; kNotFound or kDenied when there is no such one.
  base::Result<std::string> plan_errand(const std::string& text, const std::string& agent = "");
  /// Has an errand end as soon as it can: its session is cut off where it stands, and the tick reports so.
  /// kNotFound when there is none, kConflict when it has ended.
  base::Result<void> call_off(const std::string& slot);
  /// Has `hook` see what every agent does from now on. Names are unique.
  void watch(orchestration::Hook hook) { agents_.watch(std::move(hook)); }
  /// Who hears that a limit of what models cost fills up.
  void tell_limits(std::function<void(const std::string& text)> tell) { agents_.tell_limits(std::move(tell)); }
  /// The configuration's agents are others now; sessions under way keep theirs.
  void reload_agents();
  /// Runs planned ticks as soon as there is room.
  void wake() { wake_.notify(); }
  std::size_t running() const { return running_.size(); }
  /// What agents handed to each other.
  orchestration::TaskBoard& tasks() { return tasks_; }
  orchestration::PaceBook& pace() { return tool_box_.pace(); }

 private:
  struct Job;
  std::size_t busy();
  bool held() const;
  bool start_some(const std::vector<storage::TickRow>& open);
  base::Task<void> schedule();
  base::Task<void> run(std::string slot);
  base::Task<base::Result<TickOutcome>> advance(std::string slot);
  base::Task<base::Result<void>> claim(storage::TickRow row);
  base::Task<base::Result<void>> open_state(storage::TickRow row);
  base::Result<void> give_up(const storage::TickRow& row, std::string_view note, const std::string& why);
  base::Result<void> add_to_state(nipsa::State& state, const storage::TickRow& row,
                                  const orchestration::SessionResult& session);
  base::Task<base::Result<orchestration::SessionResult>> think(storage::TickRow row);
  base::Task<void> work(std::shared_ptr<Job> job, std::shared_ptr<orchestration::Session> session,
                        orchestration::Trigger trigger);
  base::Result<std::shared_ptr<const AgentBook::Page>> page_for(const storage::TickRow& row);
  base::Result<storage::JobRow> job_of(const storage::TickRow& row);
  base::Result<bool> is_called_off(const std::string& slot);
  base::Result<void> drop(const storage::TickRow& row);
  base::Task<base::Result<std::string>> narrow(storage::TickRow row,
                                               orchestration::Trigger trigger);
  base::Task<base::Result<orchestration::TaskEnd>> run_task(storage::TaskRow row);
  void abandon_task(const storage::TaskRow& row);
  orchestration::IssueChooser chooser(const orchestration::ToolContext& context);
  orchestration::SessionDeps session_deps(const AgentBook::Page& page, TrajectoryRecord& record);
  base::Task<base::Result<void>> save_state(storage::TickRow row, orchestration::SessionResult session);
  base::Task<base::Result<nostr::EventId>> report_result(storage::TickRow row, orchestration::SessionResult session);
  base::Result<orchestration::Trigger> trigger_of(const storage::TickRow& row);

  Deps deps_;
  const Config& config_;
  VoiceOptions options_;
  storage::Ticks ticks_;
  storage::Sessions sessions_;
  storage::Budgets budgets_;
  storage::EventDb events_;
  storage::Actions actions_;
  storage::Grants grants_;
  storage::Errands errands_;
  PauseSwitch pause_;
  StateKeeper state_;
  StateSaver saver_;
  orchestration::SkillBench bench_;
  DelegatedWork delegated_;
  ToolBox tool_box_;
  AgentBook agents_;
  orchestration::TaskBoard tasks_;
  orchestration::ToolRegistry tools_;
  std::function<void(const TickOutcome&)> ended_;
  std::set<std::string> running_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  ///< sessions at work, by tick
  bool stopping_ = false;
  std::map<std::string, base::UnixTime> retry_at_;
  bool saving_ = false;  ///< one tick at a time opens and saves the state
  base::Signal saved_;
  base::Signal wake_;
  base::Scope scope_;
};

}  // namespace node
