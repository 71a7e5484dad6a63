#include "orchestration/hooks/notice_hook.h"

#include <memory>

#include <fmt/format.h>

namespace orchestration {
namespace {

constexpr base::seconds kDay{86'400};

struct Sent {
  base::UnixTime last{};
  base::UnixTime day{};      ///< when the count began
  std::size_t today = 0;
  std::size_t unsaid = 0;
  std::string stalled;       ///< session whose end has been told already
};

/// The operator's own no, and waiting for it, is no news to them.
bool is_known(std::string_view detail) { return detail.empty() || detail.starts_with("approval-") || detail == "action-refused"; }

}  // namespace

Hook notice_hook(const base::Clock& clock, std::function<void(const std::string& text)> tell) {
  Hook hook{.name = "notices", .priority = 10};
  hook.on_session = [&clock, tell = std::move(tell), sent = std::make_shared<Sent>()](const SessionNotice& notice) {
    const bool stalled = notice.phase == SessionPhase::kStalled;
    if (notice.of_task || (!stalled && notice.phase != SessionPhase::kEnded)) return;
    if (!stalled && (is_known(notice.detail) || sent->stalled == notice.session)) return;
    if (stalled) sent->stalled = notice.session;
    const base::UnixTime now = clock.now();
    if (sent->day + kDay <= now) {
      sent->day = now;
      sent->today = 0;
    }
    if (sent->last + kNoticePause > now || sent->today >= kMaxNoticesADay) {
      ++sent->unsaid;
      return;
    }
    sent->last = now;
    ++sent->today;
    std::string text = stalled ? fmt::format("Session {} stopped short: {}.", notice.session, notice.detail)
                               : fmt::format("Session {} did not come out well: {}.", notice.session, notice.detail);
    if (sent->unsaid > 0) text += fmt::format(" {} more since the last word.", std::exchange(sent->unsaid, 0));
    tell(text);
  };
  return hook;
}

}  // namespace orchestration
