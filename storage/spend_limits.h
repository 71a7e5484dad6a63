// Spend limits the operator set at run time: they stand beside those of the configuration and win.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

/// What a limit is about.
enum class Dimension { kNode, kAgent, kTask, kSkill, kCounterparty };
template <>
struct EnumText<Dimension> {
  static constexpr std::array<std::string_view, 5> kNames{"node", "agent", "task", "skill",
                                                          "counterparty"};
};

/// Over what it counts. A tick is one run of an agent.
enum class Per { kTick, kHour, kDay };
template <>
struct EnumText<Per> {
  static constexpr std::array<std::string_view, 3> kNames{"tick", "hour", "day"};
};

/// The name that stands for everyone who has no limit of their own.
inline constexpr std::string_view kEveryone = "*";

struct SpendLimit {
  Dimension dimension = Dimension::kNode;
  std::string name;           ///< of the agent, task, …; kEveryone; "" for the node
  Per per = Per::kDay;
  std::optional<Msat> limit;  ///< nullopt: explicitly without
  UnixTime changed;
};

/// App thread. Changes are kFull.
class SpendLimits {
 public:
  explicit SpendLimits(Db& db) : db_(db) {}

  /// Sets or replaces one. kInvalid for an amount outside 0..21 million bitcoin.
  Result<void> set(const SpendLimit& limit);
  /// Back to the configuration's word; no error when there was none.
  Result<void> erase(Dimension dimension, std::string_view name, Per per);
  Result<std::optional<SpendLimit>> get(Dimension dimension, std::string_view name, Per per);
  Result<std::vector<SpendLimit>> list();

 private:
  Db& db_;
};

}  // namespace storage
