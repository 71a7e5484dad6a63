// Errands: what the operator, at this machine, wants done, from being written down to how it came out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/money.h"
#include "storage/db.h"

namespace storage {

enum class ErrandOutcome { kNone, kSuccess, kPartial, kError };

template <>
struct EnumText<ErrandOutcome> {
  static constexpr std::array<std::string_view, 4> kNames{"", "success", "partial", "error"};
};

struct ErrandRow {
  std::string slot;         ///< of its tick
  std::string agent;        ///< id of who is to do it; "" is who answers for the node
  std::string text;         ///< the operator's words
  bool called_off = false;  ///< it is to end as soon as it can
  ErrandOutcome outcome = ErrandOutcome::kNone;
  std::string detail;       ///< why it came out so
  std::string said;         ///< the agent's last words
  std::int64_t turns = 0;
  std::int64_t calls = 0;
  base::Msat cost;
  UnixTime created;
  std::optional<UnixTime> ended;
};

/// App thread. Changes are kFull.
class Errands {
 public:
  explicit Errands(Db& db) : db_(db) {}

  /// Inside the transaction that plans its tick. kConflict when the slot exists.
  Result<void> add(std::string_view slot, std::string_view agent, std::string_view text, UnixTime now);
  /// False when it has ended, or was called off before: nothing changed.
  Result<bool> call_off(std::string_view slot);
  /// How it came out; only the first time counts. `how` gives outcome, detail, said, turns, calls and cost.
  Result<void> end(const ErrandRow& how, UnixTime now);

  Result<std::optional<ErrandRow>> get(std::string_view slot);
  /// Newest first.
  Result<std::vector<ErrandRow>> history(std::int64_t limit);
  /// Forgets what ended before `before`, and of the rest all that ended but the newest `keep`.
  Result<void> prune(UnixTime before, std::int64_t keep);

 private:
  Db& db_;
};

}  // namespace storage
