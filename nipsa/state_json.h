// Goals and memories as JSON: what the state, its overflow and the public goals share.
#pragma once

#include "nipsa/state.h"

namespace nipsa {

inline constexpr std::size_t kMaxEntries = 1'000;  ///< of any list in a state

Json goal_json(const Goal& goal);
Json memory_json(const Memory& memory);
/// E_JSON, E_NUM.
Result<Goal> read_goal(const Json& object);
Result<Memory> read_memory(const Json& object);

/// The entries of an array; E_JSON when it is none, E_SIZE over kMaxEntries.
template <class T>
Result<std::vector<T>> read_entries(const Json& array, std::string_view name,
                                    Result<T> (*read)(const Json&)) {
  if (!array.is_array()) return fail(Code::kJson, std::string(name) + " is not an array");
  if (array.size() > kMaxEntries)
    return fail(Code::kSize, std::string(name) + " has over 1000 entries");
  std::vector<T> out;
  for (const Json& item : array) {
    TRY(T value, read(item));
    out.push_back(std::move(value));
  }
  return out;
}

}  // namespace nipsa
