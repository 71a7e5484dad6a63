// Saving the state: written down whole, then said piece by piece.
#include "node/state_saver.h"

#include "nostr/base/failpoint.h"

namespace node {

using base::Errc;
using base::Result;
using base::Task;
using nostr::EventId;
using Overflow = StateKeeper::Overflow;

namespace {

constexpr std::string_view kFirst = "#state";
constexpr std::string_view kSecond = "#state-again";

std::string part_prefix(std::string_view name) {
  return std::string(name) + "-part-";
}

Utterance utterance_of(std::string slot, EventId claim, std::string call_id, nostr::Draft draft) {
  return {.key = {std::move(slot), std::move(call_id)},
          .action_class = "state",
          .draft = std::move(draft),
          .tick = claim};
}

}  // namespace

StateSaver::StateSaver(Deps deps) : deps_(deps), actions_(deps.db), book_(deps.db) {}

Task<Result<std::string>> StateSaver::save(std::string slot, EventId claim, Change change) {
  CO_TRY(std::string why_not,
         co_await attempt(slot, claim, change, std::string(kFirst), Overflow::kParts));
  // Another head came in between: what this tick adds is added to that one, once. Or co-signers
  // know nothing of parts: better to forget the oldest than to remember nothing new.
  const bool refuses_parts = why_not.starts_with("kind-not-");
  if (!refuses_parts && !why_not.starts_with("stale-prev")) co_return why_not;
  const Overflow overflow = refuses_parts ? Overflow::kForget : Overflow::kParts;
  co_return co_await attempt(slot, claim, change, std::string(kSecond), overflow);
}

Task<Result<StateKeeper::Sealed>> StateSaver::next(EventId claim, Change change,
                                                   Overflow overflow) {
  CO_TRY(StateKeeper::Opened opened, co_await deps_.keeper.open(claim));
  CO_TRY(change(opened.state));
  co_return co_await deps_.keeper.seal(std::move(opened), claim, overflow);
}

/// All of it before the first part is said: after a crash the parts that are out are those the head
/// names.
Result<void> StateSaver::propose(const std::string& slot, EventId claim, const std::string& name,
                                 StateKeeper::Sealed& sealed) {
  std::vector<Utterance> all;
  for (nostr::Draft& part : sealed.parts) {
    std::string call_id = part_prefix(name) + std::to_string(all.size() + 1);
    all.push_back(utterance_of(slot, claim, std::move(call_id), std::move(part)));
  }
  all.push_back(utterance_of(slot, claim, name, std::move(sealed.head)));
  TRY(deps_.voice.propose(all));
  FAILPOINT("state-proposed");
  return {};
}

/// Says what was written down under `call_id`; why it will not be said, or "".
Task<Result<std::string>> StateSaver::say(std::string slot, EventId claim, std::string call_id) {
  Utterance utterance = utterance_of(std::move(slot), claim, std::move(call_id), {});
  CO_TRY(const orchestration::ActionResult said, co_await deps_.voice.say(std::move(utterance)));
  if (said.status == orchestration::ActionStatus::kPublished) co_return std::string();
  co_return said.text.empty() ? "no relay took it" : said.text;
}

/// A head is not said whose parts are not out; nor are the parts that were to come.
Result<void> StateSaver::give_up(const std::string& slot, const std::string& name,
                                 const std::string& why) {
  using storage::ActionState;
  TRY(const auto rows, actions_.list(slot));
  for (const storage::ActionRow& row : rows) {
    const bool ours = row.call_id == name || row.call_id.starts_with(part_prefix(name));
    if (!ours || row.state != ActionState::kProposed) continue;
    TRY(actions_.set_state(slot, row.call_id, row.state, ActionState::kFailed, why,
                           deps_.clock.now()));
  }
  return {};
}

Task<Result<std::string>> StateSaver::attempt(std::string slot, EventId claim, Change change,
                                              std::string name, Overflow overflow) {
  CO_TRY(const auto standing, actions_.get(slot, name));
  std::optional<StateFacts> facts;
  if (!standing) {
    auto sealed = co_await next(claim, std::move(change), overflow);
    // Refused or lost for good: the tick ends without it, rather than never.
    if (!sealed && (sealed.error().code == Errc::kDenied || state_is_lost(sealed.error())))
      co_return sealed.error().detail;
    if (!sealed) co_return std::unexpected(std::move(sealed).error());
    facts = sealed->facts;
    CO_TRY(propose(slot, claim, name, *sealed));
  }
  CO_TRY(const auto rows, actions_.list(slot));
  for (const storage::ActionRow& part : rows) {
    if (!part.call_id.starts_with(part_prefix(name))) continue;
    CO_TRY(const std::string why_not, co_await say(slot, claim, part.call_id));
    if (!why_not.empty()) {
      CO_TRY(give_up(slot, name, why_not));
      co_return why_not;
    }
    FAILPOINT("state-part-published");
  }
  CO_TRY(std::string why_not, co_await say(slot, claim, name));
  if (why_not.empty() && facts) {
    CO_TRY(const auto head, actions_.get(slot, name));
    facts->head = head->event_id;
    CO_TRY(book_.keep(*facts));
  }
  co_return why_not;
}

}  // namespace node
