// A state too large for one event: its older memories lie in events of kind 30078 (nip-sa 3.2).
//
// The plaintexts only; each is encrypted by the agent to itself like the state. Parts are published before
// the head that names them, under numbers the standing head does not use: whoever is killed in between
// leaves a head whose parts are all there.
#pragma once

#include <map>
#include <span>

#include "nipsa/state.h"

namespace nipsa {

inline constexpr std::size_t kMaxStateParts = 16;
inline constexpr std::string_view kStatePartPrefix = "nip-sa/state/";

/// A part as its head names it: {"d":"nip-sa/state/<number>","sha256":of its plaintext,"count":3}.
struct StatePartRef {
  std::uint32_t number = 0;  ///< 1..2 * kMaxStateParts
  nostr::Sha256 sha256;
  std::size_t count = 0;  ///< memories in it, so that it is found again (ours); 0: not told
  friend bool operator==(const StatePartRef&, const StatePartRef&) = default;
};

/// "nip-sa/state/3".
std::string state_part_d(std::uint32_t number);

struct StatePart {
  std::uint32_t number = 0;
  std::string plaintext;
};
struct SplitState {
  std::string head;              ///< plaintext, with the references in it
  std::vector<StatePart> parts;  ///< to be published before it; oldest memories first
};

/// The oldest memories go into parts as large as a state may be until the rest fits into the head.
/// Memories only ever follow one another, so most parts are what they were: one that `standing`
/// names already is named again and not in `parts`. A state that fits has none. E_SIZE when it does
/// not fit without any memory or needs over kMaxStateParts.
Result<SplitState> split_state(State state, std::span<const StatePartRef> standing);

struct FittedState {
  SplitState split;
  std::size_t forgotten = 0;  ///< memories that are in it no more
};
/// The last resort above kMaxStateParts: forgets what the oldest part holds until the rest needs no
/// more, and a memory that is larger than a part. E_SIZE when it does not fit even without any.
Result<FittedState> fit_state(State state, std::span<const StatePartRef> standing);

/// The parts a head names: E_JSON, E_SIZE, E_TAG_DUP for a number named twice.
Result<std::vector<StatePartRef>> parts_of(const State& head);
/// `head` with the memories of its parts, by number. E_REF for a part that is not there, E_HASH for one
/// that is another than the head names, E_JSON.
Result<State> join_state(State head, const std::map<std::uint32_t, std::string>& plaintexts);

/// The same of the parts that are there and right; the others are left out. Only for an operator
/// who said so.
Result<State> join_what_is_left(State head, const std::map<std::uint32_t, std::string>& plaintexts);

/// The event around a part's ciphertext. E_CRYPTO for plaintext.
Result<nostr::Draft> build_state_part(std::uint32_t number, std::string content, UnixTime at);
struct SealedStatePart {
  std::uint32_t number = 0;
  std::string content;
};
/// E_KIND for another application's data, E_CRYPTO for plaintext.
Result<SealedStatePart> parse_state_part(const nostr::Event& event);

}  // namespace nipsa
