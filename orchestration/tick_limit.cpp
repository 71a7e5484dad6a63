#include "orchestration/tick_limit.h"

namespace orchestration {

base::Result<std::optional<base::Msat>> tick_limit(std::optional<base::Msat> common, const TickLimit& of_tick,
                                                   const std::string& tick) {
  if (!of_tick) return common;
  TRY(const std::optional<base::Msat> own, of_tick(tick));
  if (!own) return common;
  return !common || own->value < common->value ? own : common;
}

}  // namespace orchestration
