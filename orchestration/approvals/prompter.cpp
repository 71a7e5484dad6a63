// Asking signer apps.
#include "orchestration/approvals/prompter.h"

#include <fmt/format.h>

#include "nipsa/approval.h"
#include "nostr/base/log.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFasterThanReading{1'500};
constexpr int kTellingRow = 3;  // that many in a row are no accident
constexpr std::size_t kMaxAlt = 160;  // characters; what apps show before "details"

/// The first line of a text, as one line.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

struct Prompter::App {
  App(PromptTarget target_in, base::Loop& loop) : target(std::move(target_in)), changed(loop) {}

  PromptTarget target;
  std::unique_ptr<nostr::RemoteSigner> signer;
  bool connecting = false;
  int quick = 0;  ///< answers in a row that nobody can have read for
  base::Signal changed;
};

Result<nostr::Draft> draft_of_yes(const storage::Question& question, const std::string& agent_name,
                                  nostr::UnixTime at) {
  nipsa::ApprovalDecision decision{.request = question.id,
                                   .requester = question.requester,
                                   .decision = nipsa::Decision::kApproved,
                                   .agent = question.agent,
                                   .action = question.action_class,
                                   .action_hash = question.digest,
                                   .expires = question.expires_at};
  if (const auto tick = nostr::EventId::from_hex(question.tick)) decision.tick = *tick;
  TRY(nostr::Draft draft, nipsa::build_approval_decision(decision, at));
  std::string line = fmt::format("{}: {} asks to {}", question.code, base::escape_for_terminal(agent_name),
                                 first_line(question.summary));
  line.resize(std::min(line.size(), kMaxAlt));
  std::erase_if(draft.tags, [](const nostr::Tag& tag) { return tag.at(0) == "alt"; });
  draft.tags.push_back({"alt", line});
  draft.content = fmt::format("{} asks to {}\nexpires {}\nTo sign this is to allow exactly this, once. ({})",
                              base::escape_for_terminal(agent_name), question.summary,
                              base::format_utc(question.expires_at), question.code);
  return draft;
}

Prompter::Prompter(Deps deps, std::vector<PromptTarget> targets, Options options,
                   Callbacks callbacks)
    : deps_(deps),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      scope_(deps.loop) {
  for (PromptTarget& target : targets)
    apps_.push_back(std::make_unique<App>(std::move(target), deps.loop));
}

Prompter::~Prompter() = default;

Task<void> Prompter::stop() {
  open_.clear();
  co_await scope_.stop();
  for (auto& app : apps_) app->signer.reset();
}

void Prompter::ask(const storage::Question& question) {
  if (!open_.insert(question.id).second) return;
  for (auto& app : apps_) scope_.spawn("signer app", show(*app, question));
}

/// The connection to an app, made by the first question that needs it; others wait for that.
Task<Result<nostr::RemoteSigner*>> Prompter::reach(App& app) {
  while (app.connecting) co_await app.changed.wait_for(milliseconds(1'000));
  if (app.signer) co_return app.signer.get();
  app.connecting = true;
  struct Done {
    App& app;
    ~Done() {
      app.connecting = false;
      app.changed.notify();
    }
  } done{app};
  auto made = co_await nostr::RemoteSigner::connect(
      deps_.pool, deps_.clock, deps_.rng, app.target.client.clone(), app.target.uri,
      {.paired = app.target.paired,
       .permissions = {{"sign_event", nipsa::kinds::kApprovalDecision}},
       .name = options_.agent_name});
  if (!made) co_return std::unexpected(made.error());
  if (!app.target.paired && app.target.paired_now) app.target.paired_now();
  app.target.paired = true;
  app.signer = *std::move(made);
  co_return app.signer.get();
}

Task<void> Prompter::show(App& app, storage::Question question) {
  const auto wanted = [this, id = question.id] { return open_.contains(id); };
  while (wanted() && deps_.clock.now() <= question.expires_at) {
    auto signer = co_await reach(app);
    if (!signer) {
      LOG(kWarn, "desk", "a signer app cannot be reached", {{"detail", signer.error().detail}});
      co_await app.changed.wait_for(options_.retry_after);
      continue;
    }
    auto draft = draft_of_yes(question, options_.agent_name, deps_.clock.now());
    if (!draft) co_return;
    const auto asked = steady_clock::now();
    auto yes = co_await (*signer)->sign(
        *std::move(draft),
        {.at_most = question.expires_at - deps_.clock.now() + std::chrono::seconds(1),
         .again_after = options_.again_after,
         .wanted = wanted});
    if (yes) {
      note_speed(app, std::chrono::duration_cast<milliseconds>(steady_clock::now() - asked));
      callbacks_.signed_yes(*yes);
      co_return;
    }
    if (yes.error().code != Errc::kUnavailable) {
      LOG(kInfo, "desk", "no yes from a signer app",
          {{"code", question.code}, {"detail", yes.error().detail}});
      co_return;
    }
    co_await app.changed.wait_for(options_.retry_after);
  }
}

/// An app that signs whatever comes makes the gate void, and its owner may not know that it does.
void Prompter::note_speed(App& app, milliseconds taken) {
  app.quick = taken < kFasterThanReading ? app.quick + 1 : 0;
  if (app.quick != kTellingRow) return;
  LOG(kWarn, "desk", "a signer app signs faster than anybody reads",
      {{"user", app.signer->public_key().hex()}});
  callbacks_.signs_by_itself(app.signer->public_key());
}

}  // namespace orchestration
