// The desk's world.
#include "tests/orchestration/support/desk_world.h"

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp

#include "nipsa/digest.h"
#include "nostr/event/event_json.h"
#include "orchestration/approvals/render.h"

namespace orchestration::testing {

namespace {

base::Task<void> stop_desk(Desk* desk) {
  co_await desk->stop();
}

}  // namespace

DeskWorld::DeskWorld(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) operators.push_back(std::make_unique<Person>(world));
  std::string pattern = std::filesystem::temp_directory_path() / "sovereign-desk-XXXXXX";
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
}

DeskWorld::~DeskWorld() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void DeskWorld::start(DeskOptions options) {
  if (options.operators.empty())
    for (const auto& person : operators) options.operators.push_back(person->pubkey());
  options.relays = {world.url()};
  options.inbox_relays = {world.url()};
  options_ = options;
  db = must(storage::open_database((directory_ / "desk.db").string()));
  desk = std::make_unique<Desk>(
      world.loop, world.pool, asker, *db, world.clock, world.rng, std::move(options),
      [this](const storage::Question& question) { changes.push_back(question.state); }, [] {});
  if (signer_apps) desk->use_signer_apps(signer_apps());
  desk->start();
  world.settle();
}

void DeskWorld::stop() {
  if (desk) world.loop.run_until_complete(stop_desk(desk.get()));
  desk.reset();
  db.reset();
}

void DeskWorld::pump() {
  storage::Outbox outbox(*db);
  for (const storage::OutboxJob& job : must(outbox.list_due(world.clock.now(), 1'000))) {
    auto outcomes = world.loop.run_until_complete(
        world.pool.publish({job.relay}, must(nostr::parse_event(job.event_json))));
    const bool accepted = outcomes.at(0).state == nostr::PublishOutcome::State::kAccepted;
    must(outbox.settle(job.id, job.relay,
                       accepted ? storage::RelayState::kAccepted : storage::RelayState::kUnknown,
                       outcomes.at(0).message, world.clock.now() + std::chrono::seconds(1)));
  }
}

Ask DeskWorld::wish(const Wish& wish) {
  nostr::UnsignedEvent event{.pubkey = requester.pubkey(),
                             .created_at = world.clock.now(),
                             .kind = 1,
                             .tags = {},
                             .content = wish.content};
  const nostr::Sha256 digest = nipsa::event_digest(event);
  nipsa::ApprovalRequest request{
      .guardian = desk_key(),
      .tick = nostr::EventId(nostr::sha256(std::string_view("a tick")).array()),
      .agent = requester.pubkey(),
      .action = wish.action_class,
      .action_hash = digest,
      .reason = wish.reason,
      .expires = world.clock.now() + wish.ttl};
  for (;;) {
    request.d = nipsa::random_d("apr-", world.rng);
    nostr::Event signed_request =
        nostr::sign_event(must(nipsa::build_approval_request(request, world.clock.now())),
                          requester.key(), world.rng);
    if (!nipsa::is_issuable(nipsa::approval_code(signed_request.id), {})) continue;
    return {.request = std::move(signed_request),
            .parsed = std::move(request),
            .digest = digest,
            .agent = requester.pubkey(),
            .action_class = wish.action_class,
            .description = describe_event(event),
            .action_json = nostr::to_json(event),
            .sats = wish.sats,
            .needs_proof = wish.needs_proof};
  }
}

base::Result<void> DeskWorld::put(Ask ask) {
  return world.loop.run_until_complete(desk->ask(std::move(ask)));
}

std::string DeskWorld::ask(Ask ask) {
  const std::string code = nipsa::format_code(nipsa::approval_code(ask.request.id));
  must(put(std::move(ask)));
  pump();
  return code;
}

storage::Question DeskWorld::question(const std::string& code) {
  return must(approvals().by_code(code)).at(0);
}

void DeskWorld::until_state(const std::string& code, storage::QuestionState wanted) {
  world.until([&] { return state(code) == wanted; });
  EXPECT_EQ(storage::name_of(state(code)), storage::name_of(wanted));
}

std::vector<storage::Signal> DeskWorld::signals(const std::string& code) {
  return must(approvals().signals(question(code).id));
}

std::vector<std::string> DeskWorld::verdicts(const std::string& code) {
  std::vector<std::string> out;
  for (const storage::Signal& signal : signals(code))
    out.push_back(std::string(storage::name_of(signal.verdict)) + "/" +
                  std::string(storage::name_of(signal.answer)));
  return out;
}

nostr::EventId DeskWorld::shown_id(const std::string& code, const Person& person) {
  nostr::EventId last;
  for (const storage::Presentation& shown : must(approvals().presentations(question(code).id)))
    if (shown.shown_to == person.pubkey()) last = shown.id;
  return last;
}

nostr::Event DeskWorld::decision_by(const Person& author, const std::string& code, bool approve,
                                    std::optional<nostr::Sha256> digest) {
  const storage::Question asked = question(code);
  const nipsa::ApprovalDecision decision{
      .request = asked.id,
      .requester = asked.requester,
      .decision = approve ? nipsa::Decision::kApproved : nipsa::Decision::kDenied,
      .action_hash = digest.value_or(asked.digest)};
  return nostr::sign_event(must(nipsa::build_approval_decision(decision, world.clock.now())),
                           author.key(), world.rng);
}

void DeskWorld::advance(std::chrono::seconds by) {
  stop();
  world.clock.advance(by);
  start();
}

}  // namespace orchestration::testing
