#include "node/answered.h"

#include "nipsa/kinds.h"
#include "nipsa/tick.h"

namespace node {
namespace {

constexpr std::chrono::seconds kPatience{8};

}  // namespace

base::Task<base::Result<std::set<nostr::EventId>>> answered_since(nostr::Pool& pool,
                                                                  std::vector<std::string> relays,
                                                                  nostr::PublicKey runner,
                                                                  base::UnixTime since) {
  nostr::Filters filters{{.authors = {runner},
                          .kinds = {nipsa::kinds::kTickRequest, nipsa::kinds::kTickResult},
                          .since = since}};
  const nostr::FetchResult found =
      co_await pool.fetch(std::move(relays), std::move(filters), kPatience);
  if (found.complete.empty()) co_return base::fail(base::Errc::kUnavailable, "no relay answered");
  std::set<nostr::EventId> ended;
  for (const nostr::EventPtr& event : found.events)
    if (const auto result = nipsa::parse_tick_result(*event)) ended.insert(result->request);
  std::set<nostr::EventId> out;
  for (const nostr::EventPtr& event : found.events) {
    if (!ended.contains(event->id)) continue;
    const auto claim = nipsa::parse_tick_request(*event);
    if (claim && claim->trigger_event) out.insert(claim->trigger_event->id);
  }
  co_return out;
}

}  // namespace node
