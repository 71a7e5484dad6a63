#include "node/delegated_work.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"

namespace node {

using base::Result;

namespace {

constexpr std::string_view kRefused = "delegation-";

}  // namespace

nipsa::Capabilities delegated_capabilities(const nipsa::Delegation& delegation) {
  nipsa::Capabilities out = delegation.capabilities;
  std::erase(out, std::string(orchestration::skill_grant(orchestration::Capability::kSpend)));
  return out;
}

DelegatedWork::DelegatedWork(Deps deps, std::vector<std::string> relays, nostr::PublicKey agent)
    : deps_(deps), relays_(std::move(relays)), agent_(agent), events_(deps.db) {}

base::Task<Result<std::string>> DelegatedWork::begin(std::string tick, nostr::Event event) {
  if (deps_.bench.has(tick, event.id.hex())) co_return std::string();
  auto found = co_await judge_delegation(deps_.pool, relays_, event, deps_.clock.now());
  // Not one at all; whatever else went wrong may go right later.
  if (!found && nipsa::code_of(found.error())) co_return std::string(kRefused) + "invalid";
  if (!found) co_return std::unexpected(std::move(found).error());
  const bool mine = found->given.delegation.delegate == agent_;
  if (!mine || found->state != DelegationFinding::State::kLive) {
    LOG(kWarn, "delegation", "nothing is done under it",
        {{"id", event.id.hex()}, {"why", mine ? found->why : "it is to another key"}});
    co_return std::string(kRefused) +
        std::string(mine ? delegation_state_name(found->state) : "invalid");
  }
  deps_.bench.put(tick, narrowing(found->given));
  co_return std::string();
}

orchestration::SkillInUse DelegatedWork::narrowing(const nipsa::GivenDelegation& given) {
  orchestration::SkillInUse out;
  out.noun = "delegation";
  out.name = given.delegation.d;
  out.licence = given.event.id.hex();
  out.granted = delegated_capabilities(given.delegation);
  // Each delegation above it may be taken back as well; those are looked at when the tick begins.
  out.still_good = [this, id = given.event.id,
                    expires = given.delegation.expires]() -> Result<void> {
    if (deps_.clock.now() >= expires) return nipsa::fail(nipsa::Code::kExpired, "its time is over");
    TRY(const bool stands, events_.has(id));
    if (!stands) return nipsa::fail(nipsa::Code::kRevoked, "it was taken back");
    return {};
  };
  return out;
}

}  // namespace node
