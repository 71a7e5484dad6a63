// Opening and sealing the state.
#include "node/state_keeper.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/base/json.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip44.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::string_view kFactsKey = "state";
constexpr std::string_view kAcceptedKey = "state-accepted";

StateFacts facts_of(const nipsa::State& state, std::optional<nostr::EventId> head,
                    std::size_t parts, base::UnixTime now) {
  return {.head = head,
          .tick_count = state.tick_count,
          .memories = state.memory.size(),
          .goals = state.goals.size(),
          .parts = parts,
          .at = now,
          .problem = {}};
}

std::size_t count_of(const Value& object, const char* name) {
  return static_cast<std::size_t>(std::max<std::int64_t>(0, base::json::int_or(object, name)));
}

}  // namespace

Value state_view(const StateFacts& facts) {
  Value out = {{"tick_count", facts.tick_count}, {"memories", facts.memories},
               {"goals", facts.goals},           {"parts", facts.parts},
               {"at", base::to_unix(facts.at)},  {"problem", facts.problem}};
  if (facts.head) out["head"] = facts.head->hex();
  return out;
}

Result<StateFacts> StateBook::facts() {
  TRY(const auto text, kv_.get(kFactsKey));
  if (!text) return StateFacts{};
  TRY(const Value json, base::json::parse(*text));
  StateFacts out{.head = {},
                 .tick_count = base::json::int_or(json, "tick_count"),
                 .memories = count_of(json, "memories"),
                 .goals = count_of(json, "goals"),
                 .parts = count_of(json, "parts"),
                 .at = base::unix_time(base::json::int_or(json, "at")),
                 .problem = base::json::string_or(json, "problem")};
  if (const auto head = nostr::EventId::from_hex(base::json::string_or(json, "head")))
    out.head = *head;
  return out;
}

Result<void> StateBook::keep(const StateFacts& facts) {
  return kv_.set(kFactsKey, base::json::dump(state_view(facts)));
}

Result<void> StateBook::keep_problem(const nostr::EventId& head, std::string_view why,
                                     base::UnixTime now) {
  TRY(StateFacts standing, facts());
  standing.head = head;
  standing.at = now;
  standing.problem = why;
  return keep(standing);
}

Result<StateFacts> StateBook::accept() {
  TRY(const StateFacts standing, facts());
  if (!standing.head || standing.problem.empty())
    return fail(Errc::kNotFound, "nothing is wrong with the state", "sovereign state show");
  TRY(kv_.set(kAcceptedKey, standing.head->hex()));
  return standing;
}

Result<bool> StateBook::is_accepted(const nostr::EventId& head) {
  TRY(const auto accepted, kv_.get(kAcceptedKey));
  return accepted == head.hex();
}

Result<Value> answer_state(StateBook& book, std::string_view method) {
  if (method == "state-accept") {
    TRY(const StateFacts accepted, book.accept());
    return state_view(accepted);
  }
  if (method != "state-show")
    return fail(Errc::kUnsupported, fmt::format("there is no method \"{}\"", method));
  TRY(const StateFacts facts, book.facts());
  return state_view(facts);
}

bool state_is_lost(const base::Error& error) {
  return nipsa::code_of(error).has_value();
}

StateKeeper::StateKeeper(Deps deps, std::vector<std::string> relays)
    : deps_(deps), relays_(std::move(relays)), events_(deps.db), book_(deps.db) {}

base::Task<Result<std::optional<nostr::Event>>> StateKeeper::newest_head() {
  const nostr::Address address{nipsa::kinds::kState, deps_.signer.public_key(), "state"};
  nostr::Filters filters{{.authors = {address.pubkey},
                          .kinds = {address.kind},
                          .tags = {{'d', {address.d}}},
                          .limit = 1}};
  const nostr::FetchResult found =
      co_await deps_.pool.fetch(relays_, std::move(filters), kFetchPatience);
  if (found.complete.empty())
    co_return fail(Errc::kUnavailable, "no relay says what the agent's state is");
  for (const nostr::EventPtr& event : found.events)
    CO_TRY(events_.insert(*event, deps_.clock.now()));
  co_return events_.head(address);
}

base::Task<Result<nostr::ConversationKey>> StateKeeper::own_key(nostr::EventId claim) {
  co_return co_await deps_.signer.nip44_key(deps_.signer.public_key(),
                                            {.purpose = "self", .tick = claim, .proof = {}});
}

base::Task<Result<StateKeeper::Opened>> StateKeeper::open(nostr::EventId claim) {
  // As it was before the relays were asked: other ticks save while this one waits.
  CO_TRY(StateFacts before, book_.facts());
  CO_TRY(const auto head, co_await newest_head());
  if (!head) co_return Opened{};
  auto opened = co_await open_head(*head, std::move(before), claim);
  if (!opened && state_is_lost(opened.error()))
    CO_TRY(book_.keep_problem(head->id, opened.error().detail, deps_.clock.now()));
  co_return opened;
}

base::Task<Result<StateKeeper::Opened>> StateKeeper::open_head(nostr::Event head,
                                                               StateFacts before,
                                                               nostr::EventId claim) {
  CO_TRY(const nipsa::StateHead parsed, nipsa::parse_state(head));
  CO_TRY(const bool accepted, book_.is_accepted(head.id));
  std::string plaintext = parsed.content;
  if (parsed.plaintext && !accepted)
    co_return nipsa::fail(nipsa::Code::kCrypto,
                          "the state lies on the relays unsealed, for everybody to read");
  if (!parsed.plaintext) {
    CO_TRY(const nostr::ConversationKey key, co_await own_key(claim));
    auto opened = nostr::nip44_decrypt(key, parsed.content);
    if (!opened)
      co_return nipsa::fail(nipsa::Code::kCrypto,
                            "the state does not open: " + opened.error().detail);
    plaintext = *std::move(opened);
  }
  CO_TRY(nipsa::State state, nipsa::decode_state(plaintext));
  // A relay that was restored, or somebody who wants the agent to forget: newer by date, older by
  // count.
  if (before.head && state.tick_count < before.tick_count && !accepted)
    co_return nipsa::fail(
        nipsa::Code::kConflict,
        fmt::format("the state on the relays counts {} ticks, this home has seen {}",
                    state.tick_count, before.tick_count));
  CO_TRY(std::vector<nipsa::StatePartRef> refs, nipsa::parts_of(state));
  if (!refs.empty()) {
    CO_TRY(state, co_await join(std::move(state), refs, claim, accepted));
  }
  CO_TRY(const StateFacts standing, book_.facts());
  StateFacts facts = facts_of(state, head.id, refs.size(), standing.at);
  const bool overtaken = facts.tick_count < standing.tick_count && !accepted;
  if (facts != standing && !overtaken) {
    facts.at = deps_.clock.now();
    CO_TRY(book_.keep(facts));
  }
  co_return Opened{.state = std::move(state), .head = std::move(head), .parts = std::move(refs)};
}

/// What this home has of the parts, opened.
Result<std::map<std::uint32_t, std::string>> StateKeeper::known_parts(
    const std::vector<nipsa::StatePartRef>& refs, const nostr::ConversationKey& key) {
  std::map<std::uint32_t, std::string> out;
  for (const nipsa::StatePartRef& ref : refs) {
    TRY(const auto event, events_.head({nostr::kinds::kAppData, deps_.signer.public_key(),
                                        nipsa::state_part_d(ref.number)}));
    if (!event) continue;
    const auto sealed = nipsa::parse_state_part(*event);
    if (!sealed) continue;
    if (auto opened = nostr::nip44_decrypt(key, sealed->content))
      out[ref.number] = *std::move(opened);
  }
  return out;
}

/// The head's parts, put together: of this home's store, else from the relays. While a relay is
/// away nothing is lost for good.
base::Task<Result<nipsa::State>> StateKeeper::join(nipsa::State head,
                                                   std::vector<nipsa::StatePartRef> refs,
                                                   nostr::EventId claim, bool without_lost) {
  CO_TRY(const nostr::ConversationKey key, co_await own_key(claim));
  CO_TRY(auto plaintexts, known_parts(refs, key));
  if (auto joined = nipsa::join_state(head, plaintexts)) co_return joined;
  nostr::Filter filter{.authors = {deps_.signer.public_key()}, .kinds = {nostr::kinds::kAppData}};
  for (const nipsa::StatePartRef& ref : refs)
    filter.tags['d'].push_back(nipsa::state_part_d(ref.number));
  nostr::Filters filters{std::move(filter)};
  const nostr::FetchResult found =
      co_await deps_.pool.fetch(relays_, std::move(filters), kFetchPatience);
  for (const nostr::EventPtr& event : found.events)
    CO_TRY(events_.insert(*event, deps_.clock.now()));
  CO_TRY(plaintexts, known_parts(refs, key));
  auto joined = nipsa::join_state(head, plaintexts);
  if (joined) co_return joined;
  if (found.complete.size() < relays_.size())
    co_return fail(Errc::kUnavailable, "not every relay answered: " + joined.error().detail);
  if (!without_lost) co_return joined;
  co_return nipsa::join_what_is_left(std::move(head), plaintexts);
}

Result<nostr::Draft> StateKeeper::part_draft(const nostr::ConversationKey& key,
                                             const nipsa::StatePart& part) {
  TRY(std::string content, nostr::nip44_encrypt(key, part.plaintext, deps_.rng));
  return nipsa::build_state_part(part.number, std::move(content), deps_.clock.now());
}

base::Task<Result<StateKeeper::Sealed>> StateKeeper::seal(Opened opened, nostr::EventId claim,
                                                          Overflow overflow) {
  const base::UnixTime now = deps_.clock.now();
  Sealed out;
  nipsa::FittedState fitted;
  if (overflow == Overflow::kForget) {
    const std::size_t before = opened.state.memory.size();
    CO_TRY(opened.state, nipsa::pruned(std::move(opened.state)));
    fitted.forgotten = before - opened.state.memory.size();
    CO_TRY(fitted.split.head, nipsa::encode_state(opened.state));
  } else {
    CO_TRY(fitted, nipsa::fit_state(opened.state, opened.parts));
  }
  CO_TRY(const nipsa::State head, nipsa::decode_state(fitted.split.head));
  CO_TRY(const auto refs, nipsa::parts_of(head));
  out.forgotten = fitted.forgotten;
  out.facts = facts_of(opened.state, {}, refs.size(), now);
  out.facts.memories -= overflow == Overflow::kForget ? 0 : fitted.forgotten;
  CO_TRY(const nostr::ConversationKey key, co_await own_key(claim));
  for (const nipsa::StatePart& part : fitted.split.parts) {
    CO_TRY(nostr::Draft draft, part_draft(key, part));
    out.parts.push_back(std::move(draft));
  }
  CO_TRY(std::string content, nostr::nip44_encrypt(key, fitted.split.head, deps_.rng));
  CO_TRY(out.head,
         nipsa::build_state(std::move(content),
                            opened.head ? std::optional(opened.head->id) : std::nullopt, now));
  if (out.forgotten > 0)
    LOG(kWarn, "state", "there was no room for the oldest memories",
        {{"forgotten", std::to_string(out.forgotten)}});
  co_return out;
}

}  // namespace node
