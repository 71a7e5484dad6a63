// Tells a person how sessions end that did not come out well: what failed, and what stopped short.
#pragma once

#include <functional>
#include <string>

#include "nostr/base/clock.h"
#include "orchestration/hooks/hook.h"

namespace orchestration {

inline constexpr base::seconds kNoticePause{60};     ///< between two notices, whatever happens
inline constexpr std::size_t kMaxNoticesADay = 48;

/// Priority 10. `tell` gets one sentence. Tasks of other sessions are their parents' to speak of, and what the
/// operator decided is known already. Notices that come too fast are counted into the next one.
Hook notice_hook(const base::Clock& clock, std::function<void(const std::string& text)> tell);

}  // namespace orchestration
