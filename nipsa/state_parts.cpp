// Overflow of kind 39201 into kind 30078.
#include "nipsa/state_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "nipsa/state_json.h"
#include "nostr/crypto/hash.h"

namespace nipsa {
namespace {

constexpr std::string_view kPrefix = "nip-sa/state/";
constexpr const char* kRefs = "ext";
constexpr std::uint32_t kMaxNumber = 2 * kMaxStateParts;

Result<std::uint32_t> number_of(std::string_view d) {
  if (!d.starts_with(kPrefix)) return fail(Code::kKind, "this is no part of a state");
  TRY(const auto number, parse_range(d.substr(kPrefix.size()), 1, kMaxNumber, "number of the part"));
  return static_cast<std::uint32_t>(number);
}

Result<StatePartRef> read_ref(const Json& object) {
  const auto d = base::json::get_string(object, "d");
  if (!d) return fail(Code::kJson, "a part has no d");
  StatePartRef out;
  TRY(out.number, number_of(*d));
  TRY(out.sha256, parse_hash(base::json::string_or(object, "sha256"), "sha256 of a part"));
  return out;
}

Json refs_json(const std::vector<StatePart>& parts) {
  Json out = Json::array();
  for (const StatePart& part : parts)
    out.push_back({{"d", state_part_d(part.number)}, {"sha256", nostr::sha256(part.plaintext).hex()}});
  return out;
}

/// Fills one part with the oldest of `memory`, which lose them. E_SIZE when not even one fits.
Result<std::string> take_part(std::vector<Memory>& memory) {
  Json list = Json::array();
  std::string text;
  std::size_t taken = 0;
  for (const Memory& entry : memory) {
    list.push_back(memory_json(entry));
    std::string longer = base::json::dump(Json{{"schema_version", kStateVersion}, {"memory", list}});
    if (longer.size() > kStatePlaintextMax || list.size() > kMaxEntries) break;
    text = std::move(longer);
    ++taken;
  }
  if (taken == 0) return fail(Code::kSize, "a memory is larger than a part of a state");
  memory.erase(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(taken));
  return text;
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

/// How many of the newest memories the head holds with room for every reference there can be.
Result<std::size_t> room_of(const State& state) {
  State probe = state;
  probe.extra[kRefs] = refs_json(std::vector<StatePart>(kMaxStateParts, {kMaxNumber, ""}));
  std::size_t low = 0;
  std::size_t high = state.memory.size();
  const auto fits = [&](std::size_t newest) -> Result<void> {
    probe.memory.assign(state.memory.end() - static_cast<std::ptrdiff_t>(newest), state.memory.end());
    TRY(encode_state(probe));
    return {};
  };
  TRY(fits(0));
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

Result<std::vector<Memory>> read_part(std::string_view plaintext) {
  TRY(const Json part, parse_object(plaintext));
  const auto memory = part.find("memory");
  if (memory == part.end()) return fail(Code::kJson, "a part has no memory");
  return read_entries<Memory>(*memory, "memory", read_memory);
}

}  // namespace

std::string state_part_d(std::uint32_t number) {
  return std::string(kPrefix) + std::to_string(number);
}

Result<SplitState> split_state(State state, std::span<const StatePartRef> standing) {
  if (standing.size() > kMaxStateParts) return fail(Code::kSize, "the standing head has over 16 parts");
  sort_by_time(state.memory);
  state.extra.erase(kRefs);
  if (auto whole = encode_state(state)) return SplitState{*std::move(whole), {}};
  TRY(const std::size_t room, room_of(state));
  const auto border = state.memory.end() - static_cast<std::ptrdiff_t>(room);
  std::vector<Memory> older(state.memory.begin(), border);
  state.memory.erase(state.memory.begin(), border);
  SplitState out;
  Numbers numbers(standing);
  while (!older.empty()) {
    if (out.parts.size() == kMaxStateParts) return fail(Code::kSize, "the state needs over 16 parts");
    TRY(std::string text, take_part(older));
    out.parts.push_back({numbers.next(), std::move(text)});
  }
  state.extra[kRefs] = refs_json(out.parts);
  TRY(out.head, encode_state(state));
  return out;
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
  std::vector<Memory> newest = std::exchange(head.memory, {});
  for (const StatePartRef& ref : refs) {
    const auto part = plaintexts.find(ref.number);
    if (part == plaintexts.end()) return fail(Code::kRef, state_part_d(ref.number) + " is missing");
    if (nostr::sha256(part->second) != ref.sha256)
      return fail(Code::kHash, state_part_d(ref.number) + " is another than the head names");
    TRY(auto memory, read_part(part->second));
    head.memory.insert(head.memory.end(), std::make_move_iterator(memory.begin()),
                       std::make_move_iterator(memory.end()));
  }
  head.memory.insert(head.memory.end(), std::make_move_iterator(newest.begin()),
                     std::make_move_iterator(newest.end()));
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
