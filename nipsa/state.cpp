// Kind 39201 around its ciphertext, pruning and merging.
#include "nipsa/state.h"

#include <algorithm>
#include <tuple>

namespace nipsa {

namespace {

/// `mine` and whatever of `theirs` has an id that `mine` lacks.
template <class T>
std::vector<T> united(std::vector<T> mine, const std::vector<T>& theirs) {
  for (const T& entry : theirs)
    if (std::ranges::find(mine, entry.id, &T::id) == mine.end()) mine.push_back(entry);
  return mine;
}

/// What `theirs` holds and `mine` does not.
void add_members(Json& mine, const Json& theirs) {
  if (!mine.is_object() || !theirs.is_object()) return;
  for (const auto& [name, value] : theirs.items())
    if (!mine.contains(name)) mine[name] = value;
}

}  // namespace

void sort_by_time(std::vector<Memory>& memory) {
  std::ranges::sort(memory, [](const Memory& a, const Memory& b) {
    return std::tie(a.timestamp, a.id, a.type, a.content) <
           std::tie(b.timestamp, b.id, b.type, b.content);
  });
}

Result<State> pruned(State state) {
  sort_by_time(state.memory);
  auto fits = encode_state(state);
  while (!fits && code_of(fits.error()) == Code::kSize && !state.memory.empty()) {
    // An eighth at a time: few encodings, and little more is forgotten than must be.
    const auto drop = std::max<std::size_t>(1, state.memory.size() / 8);
    state.memory.erase(state.memory.begin(),
                       state.memory.begin() + static_cast<std::ptrdiff_t>(drop));
    fits = encode_state(state);
  }
  if (!fits) return std::unexpected(std::move(fits).error());
  return state;
}

State merge_states(const State& mine, const State& theirs) {
  State out = mine;
  out.goals = united(mine.goals, theirs.goals);
  out.memory = united(mine.memory, theirs.memory);
  sort_by_time(out.memory);
  for (const auto& task : theirs.pending_tasks)
    if (std::ranges::find(out.pending_tasks, task) == out.pending_tasks.end())
      out.pending_tasks.push_back(task);
  add_members(out.beliefs, theirs.beliefs);
  add_members(out.extra, theirs.extra);
  out.balance = std::min(mine.balance, theirs.balance);
  out.budget.daily_limit = std::min(mine.budget.daily_limit, theirs.budget.daily_limit);
  out.budget.per_tick_limit = std::min(mine.budget.per_tick_limit, theirs.budget.per_tick_limit);
  out.budget.reserved = std::max(mine.budget.reserved, theirs.budget.reserved);
  out.budget.daily_spent = std::max(mine.budget.daily_spent, theirs.budget.daily_spent);
  out.budget.tick_spent = std::max(mine.budget.tick_spent, theirs.budget.tick_spent);
  out.budget.violations_today =
      std::max(mine.budget.violations_today, theirs.budget.violations_today);
  out.last_tick = std::max(mine.last_tick, theirs.last_tick);
  out.tick_count = std::max(mine.tick_count, theirs.tick_count);
  return out;
}

Result<nostr::Draft> build_state(std::string content, std::optional<nostr::EventId> prev,
                                 UnixTime at) {
  if (content.empty() || content.starts_with('{'))
    return fail(Code::kCrypto, "the content of a state must be encrypted");
  nostr::Draft draft{
      .kind = kinds::kState,
      .created_at = at,
      .tags = {{"d", "state"}, {"encrypted"}, number_tag("state_version", kStateVersion)},
      .content = std::move(content)};
  if (prev) draft.tags.push_back({"prev", prev->hex()});
  return checked(std::move(draft));
}

Result<StateHead> parse_state(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kState));
  TRY(require_d(event.tags, "state"));
  StateHead out;
  if (const auto text = nostr::tag_value(event.tags, "state_version")) {
    TRY(const auto version, parse_range(*text, 1, 1'000'000, "state_version"));
    if (version > kStateVersion)
      return fail(Code::kVersion,
                  "state_version is " + std::to_string(version) + ", 1 is supported");
  }
  if (const auto text = nostr::tag_value(event.tags, "prev")) {
    TRY(out.prev, parse_id(*text, "prev"));
  }
  const bool encrypted =
      std::ranges::any_of(event.tags, [](const auto& t) { return t[0] == "encrypted"; });
  out.plaintext = event.content.starts_with('{');
  if (!encrypted && !out.plaintext) return fail(Code::kTagMissing, "encrypted");
  out.content = event.content;
  return out;
}

}  // namespace nipsa
