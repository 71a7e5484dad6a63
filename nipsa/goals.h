// Kind 39203: the goals an agent tells everybody (nip-sa 3.4).
#pragma once

#include <span>

#include "nipsa/state.h"

namespace nipsa {

inline constexpr std::size_t kMaxPublicGoals = 100;
inline constexpr std::size_t kMaxGoalsContent = 32'768;  ///< bytes

/// Of `goals` those that are marked for everybody (a member "public" that is true). Goals are private
/// until somebody says otherwise.
std::vector<Goal> public_goals(const std::vector<Goal>& goals);

/// Writes the six members of each goal and nothing else of it. E_JSON for a goal without id or
/// description or with a progress that is no number, E_SIZE.
Result<nostr::Draft> build_goals(std::span<const Goal> goals, UnixTime at);
/// Reads an object with `goals` or the array alone. What it says is for people: private goals are never
/// made from it. E_JSON, E_NUM, E_SIZE.
Result<std::vector<Goal>> parse_goals(const nostr::Event& event);

}  // namespace nipsa
