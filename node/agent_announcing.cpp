// Who the agent and its node say they are: relays, profile and schedule, once the co-signers are
// met.
#include <algorithm>

#include "nipsa/kinds.h"
#include "nipsa/profile.h"
#include "nipsa/schedule.h"
#include "node/agent_app.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip65.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using base::json::Value;

constexpr std::chrono::seconds kAnnouncePatience{3'600};
constexpr std::chrono::seconds kAnnounceRetry{3};
constexpr std::chrono::milliseconds kMeetPause{100};
constexpr int kMeetLooks = 50;  // for co-signers that are to be named in the profile
constexpr std::chrono::seconds kFetchPatience{8};

}  // namespace

/// The node writes to people: it needs a name and an inbox. Cheap, so it is said at every start.
void AgentApp::announce_node() {
  const UnixTime now = runtime_.clock.now();
  const Value profile = {{"name", config_.agent.name + " (node)"},
                         {"about", "runs the agent " + nostr::encode_npub(identity())},
                         {"bot", true}};
  const std::vector<std::string>& inbox =
      config_.node.inbox_relays.empty() ? options_.relays : config_.node.inbox_relays;
  std::vector<nostr::Draft> drafts;
  drafts.push_back({nostr::kinds::kMetadata, now, {}, base::json::dump(profile)});
  drafts.push_back(
      nostr::build_relay_list({.read = options_.relays, .write = options_.relays}, now));
  drafts.push_back(nostr::build_dm_relays(inbox, now));
  for (nostr::Draft& draft : drafts) {
    if (auto posted = publisher_.post_draft(node_key(), std::move(draft), options_.relays,
                                            "announcement", kAnnouncePatience);
        !posted)
      LOG(kError, "node", "cannot queue an announcement", {{"detail", posted.error().detail}});
  }
}

std::vector<nostr::Draft> AgentApp::agent_announcements() const {
  const UnixTime unstamped{};
  const Value metadata = {
      {"name", config_.agent.name}, {"about", config_.agent.about}, {"bot", true}};
  std::vector<nostr::Draft> drafts;
  drafts.push_back({nostr::kinds::kMetadata, unstamped, {}, base::json::dump(metadata)});
  drafts.push_back(
      nostr::build_relay_list({.read = options_.relays, .write = options_.relays}, unstamped));

  nipsa::Profile profile{.name = config_.agent.name,
                         .about = config_.agent.about,
                         .capabilities = {"reply"},
                         .version = SOVEREIGN_VERSION};
  profile.autonomy = nipsa::read_autonomy(config_.agent.level);
  profile.threshold = bifrost_->group().threshold();
  profile.members = static_cast<std::uint32_t>(bifrost_->group().members().size());
  for (const frostr::Readiness::Member& member : signer_->readiness().members)
    if (member.service)
      profile.signers.push_back(
          {.key = *member.service, .role = member.idx.value == 2 ? "marketplace" : "guardian"});
  if (!options_.operators.empty()) profile.operator_key = options_.operators.front();
  profile.guardians = options_.operators;
  profile.runners = {node_.public_key()};
  if (auto draft = nipsa::build_profile(profile, unstamped))
    drafts.push_back(*std::move(draft));
  else
    LOG(kError, "node", "cannot write the agent's profile", {{"detail", draft.error().detail}});

  nipsa::Schedule schedule{.heartbeat = config_.agent.heartbeat.count() > 0
                                            ? std::optional(config_.agent.heartbeat)
                                            : std::nullopt};
  if (wants("mention")) schedule.triggers.push_back({.type = nipsa::Trigger::Type::kMention});
  if (wants("dm")) schedule.triggers.push_back({.type = nipsa::Trigger::Type::kDm});
  if (auto draft = nipsa::build_schedule(schedule, unstamped))
    drafts.push_back(*std::move(draft));
  else
    LOG(kError, "node", "cannot write the agent's schedule", {{"detail", draft.error().detail}});
  return drafts;
}

/// Until every co-signer has said which key asks in its name, or those that are away have been
/// waited for.
base::Task<void> AgentApp::meet_cosigners() {
  for (int look = 0; look < kMeetLooks; ++look) {
    const auto members = signer_->readiness().members;
    if (std::ranges::all_of(members, &frostr::Readiness::Member::online)) co_return;
    co_await base::sleep_for(kMeetPause);
  }
}

/// Publishes what nobody has published under the group's key yet. Later changes need the operator.
base::Task<Result<void>> AgentApp::announce_missing() {
  nostr::Filters filters{{.authors = {identity()},
                          .kinds = {nostr::kinds::kMetadata, nostr::kinds::kRelayList,
                                    nipsa::kinds::kProfile, nipsa::kinds::kSchedule}}};
  const nostr::FetchResult found =
      co_await runtime_.pool.fetch(options_.relays, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  for (const nostr::EventPtr& event : found.events)
    CO_TRY(events_.insert(*event, runtime_.clock.now()));
  // Whose decisions count is what others learn from the profile, so it has to name them.
  CO_TRY(const auto profile, events_.head({nipsa::kinds::kProfile, identity(), "profile"}));
  if (!profile) co_await meet_cosigners();
  for (nostr::Draft& draft : agent_announcements()) {
    const nostr::Event shape{.pubkey = identity(), .kind = draft.kind, .tags = draft.tags};
    const auto address = nostr::address_of(shape);
    CO_TRY(const auto standing, events_.head(*address));
    if (standing) continue;
    Utterance utterance{.key = {"setup", address->str()},
                        .action_class = "announcement",
                        .draft = std::move(draft),
                        .reason = "introduces the agent"};
    CO_TRY(const orchestration::ActionResult said, co_await voice_->say(std::move(utterance)));
    if (said.status != orchestration::ActionStatus::kPublished)
      LOG(kWarn, "node", "not announced",
          {{"kind", std::to_string(address->kind)}, {"why", said.text}});
  }
  co_return Result<void>{};
}

base::Task<void> AgentApp::announce_agent() {
  for (;;) {
    auto done = co_await announce_missing();
    if (done) co_return;
    LOG(kDebug, "node", "announcement waits", {{"detail", done.error().detail}});
    co_await base::sleep_for(kAnnounceRetry);
  }
}

}  // namespace node
