// Overflow of kind 39201 into kind 30078.
#include "nipsa/state_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "nipsa/state_json.h"
#include "nostr/crypto/hash.h"

namespace nipsa {
namespace {

constexpr const char* kRefs = "ext";
constexpr std::uint32_t kMaxNumber = 2 * kMaxStateParts;

Result<std::uint32_t> number_of(std::string_view d) {
  if (!d.starts_with(kStatePartPrefix)) return fail(Code::kKind, "this is no part of a state");
  TRY(const auto number,
      parse_range(d.substr(kStatePartPrefix.size()), 1, kMaxNumber, "number of the part"));
  return static_cast<std::uint32_t>(number);
}

Result<StatePartRef> read_ref(const Json& object) {
  const auto d = base::json::get_string(object, "d");
  if (!d) return fail(Code::kJson, "a part has no d");
  StatePartRef out;
  TRY(out.number, number_of(*d));
  TRY(out.sha256, parse_hash(base::json::string_or(object, "sha256"), "sha256 of a part"));
  const std::int64_t count = base::json::int_or(object, "count");
  if (count > 0 && count <= static_cast<std::int64_t>(kMaxEntries))
    out.count = static_cast<std::size_t>(count);
  return out;
}

Json refs_json(const std::vector<StatePartRef>& refs) {
  Json out = Json::array();
  for (const StatePartRef& ref : refs)
    out.push_back(
        {{"d", state_part_d(ref.number)}, {"sha256", ref.sha256.hex()}, {"count", ref.count}});
  return out;
}

std::string part_text(Json memory) {
  return base::json::dump(Json{{"schema_version", kStateVersion}, {"memory", std::move(memory)}});
}

/// Fills one part with the oldest of `memory`, which lose them. E_SIZE when not even one fits.
Result<std::string> take_part(std::vector<Memory>& memory) {
  Json list = Json::array();
  std::size_t size = part_text(list).size();
  for (const Memory& entry : memory) {
    Json json = memory_json(entry);
    size += base::json::dump(json).size() + (list.empty() ? 0 : 1);
    if (size > kStatePlaintextMax || list.size() == kMaxEntries) break;
    list.push_back(std::move(json));
  }
  if (list.empty()) return fail(Code::kSize, "a memory is larger than a part of a state");
  memory.erase(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(list.size()));
  return part_text(std::move(list));
}

/// Takes from `memory` what `ref` holds, if that is what it begins with.
bool take_standing(std::vector<Memory>& memory, const StatePartRef& ref) {
  if (ref.count == 0 || ref.count > memory.size()) return false;
  const auto end = memory.begin() + static_cast<std::ptrdiff_t>(ref.count);
  Json list = Json::array();
  for (auto entry = memory.begin(); entry != end; ++entry) list.push_back(memory_json(*entry));
  if (nostr::sha256(part_text(std::move(list))) != ref.sha256) return false;
  memory.erase(memory.begin(), end);
  return true;
}

bool fits_a_part(const Memory& entry) {
  return part_text(Json::array({memory_json(entry)})).size() <= kStatePlaintextMax;
}

class Numbers {
 public:
  explicit Numbers(std::span<const StatePartRef> standing) : standing_(standing) {}
  std::uint32_t next() {
    do ++last_;
    while (std::ranges::find(standing_, last_, &StatePartRef::number) != standing_.end());
    return last_;
  }

 private:
  std::span<const StatePartRef> standing_;
  std::uint32_t last_ = 0;
};

Result<std::vector<Memory>> read_part(std::string_view plaintext) {
  TRY(const Json part, parse_object(plaintext));
  const auto memory = part.find("memory");
  if (memory == part.end()) return fail(Code::kJson, "a part has no memory");
  return read_entries<Memory>(*memory, "memory", read_memory);
}

}  // namespace

std::string state_part_d(std::uint32_t number) {
  return std::string(kStatePartPrefix) + std::to_string(number);
}

Result<SplitState> split_state(State state, std::span<const StatePartRef> standing) {
  if (standing.size() > kMaxStateParts) return fail(Code::kSize, "the standing head has over 16 parts");
  sort_by_time(state.memory);
  state.extra.erase(kRefs);
  Numbers numbers(standing);
  std::vector<StatePartRef> refs;
  SplitState out;
  for (;;) {
    if (!refs.empty()) state.extra[kRefs] = refs_json(refs);
    auto head = encode_state(state);
    if (head) {
      out.head = *std::move(head);
      return out;
    }
    if (code_of(head.error()) != Code::kSize || state.memory.empty())
      return std::unexpected(std::move(head).error());
    if (refs.size() == kMaxStateParts) return fail(Code::kSize, "the state needs over 16 parts");
    const auto kept = std::ranges::find_if(
        standing, [&](const StatePartRef& ref) { return take_standing(state.memory, ref); });
    if (kept != standing.end()) {
      refs.push_back(*kept);
      continue;
    }
    const std::size_t before = state.memory.size();
    TRY(std::string text, take_part(state.memory));
    refs.push_back({numbers.next(), nostr::sha256(text), before - state.memory.size()});
    out.parts.push_back({refs.back().number, std::move(text)});
  }
}

Result<FittedState> fit_state(State state, std::span<const StatePartRef> standing) {
  FittedState out;
  sort_by_time(state.memory);
  out.forgotten =
      std::erase_if(state.memory, [](const Memory& entry) { return !fits_a_part(entry); });
  for (;;) {
    auto split = split_state(state, standing);
    if (split) {
      out.split = *std::move(split);
      return out;
    }
    if (code_of(split.error()) != Code::kSize || state.memory.empty())
      return std::unexpected(std::move(split).error());
    const std::size_t before = state.memory.size();
    const bool stood = std::ranges::any_of(
        standing, [&](const StatePartRef& ref) { return take_standing(state.memory, ref); });
    if (!stood) TRY(take_part(state.memory));
    out.forgotten += before - state.memory.size();
  }
}

Result<std::vector<StatePartRef>> parts_of(const State& head) {
  std::vector<StatePartRef> out;
  const auto list = head.extra.find(kRefs);
  if (list == head.extra.end() || list->is_null()) return out;
  TRY(out, read_entries<StatePartRef>(*list, kRefs, read_ref));
  if (out.size() > kMaxStateParts) return fail(Code::kSize, "the state names over 16 parts");
  for (const StatePartRef& ref : out)
    if (std::ranges::count(out, ref.number, &StatePartRef::number) > 1)
      return fail(Code::kTagDup, state_part_d(ref.number));
  return out;
}

Result<State> join_state(State head, const std::map<std::uint32_t, std::string>& plaintexts) {
  TRY(const auto refs, parts_of(head));
  for (const StatePartRef& ref : refs) {
    const auto part = plaintexts.find(ref.number);
    if (part == plaintexts.end()) return fail(Code::kRef, state_part_d(ref.number) + " is missing");
    if (nostr::sha256(part->second) != ref.sha256)
      return fail(Code::kHash, state_part_d(ref.number) + " is another than the head names");
  }
  return join_what_is_left(std::move(head), plaintexts);
}

Result<State> join_what_is_left(State head,
                                const std::map<std::uint32_t, std::string>& plaintexts) {
  TRY(const auto refs, parts_of(head));
  for (const StatePartRef& ref : refs) {
    const auto part = plaintexts.find(ref.number);
    if (part == plaintexts.end() || nostr::sha256(part->second) != ref.sha256) continue;
    TRY(auto memory, read_part(part->second));
    head.memory.insert(head.memory.end(), std::make_move_iterator(memory.begin()),
                       std::make_move_iterator(memory.end()));
  }
  sort_by_time(head.memory);
  head.extra.erase(kRefs);
  return head;
}

Result<nostr::Draft> build_state_part(std::uint32_t number, std::string content, UnixTime at) {
  if (number < 1 || number > kMaxNumber) return fail(Code::kNum, "number of the part");
  if (content.empty() || content.starts_with('{'))
    return fail(Code::kCrypto, "the content of a part must be encrypted");
  return checked({.kind = nostr::kinds::kAppData,
                  .created_at = at,
                  .tags = {{"d", state_part_d(number)}, {"encrypted"}},
                  .content = std::move(content)});
}

Result<SealedStatePart> parse_state_part(const nostr::Event& event) {
  TRY(check_shape(event, nostr::kinds::kAppData));
  SealedStatePart out;
  TRY(out.number, number_of(text_tag(event.tags, "d")));
  if (event.content.empty() || event.content.starts_with('{'))
    return fail(Code::kCrypto, "the part is not encrypted");
  out.content = event.content;
  return out;
}

}  // namespace nipsa
