// A timer that its own handler keeps alive.
#include "nostr/base/loop_timer.h"

#include <exception>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "nostr/base/loop_io.h"

namespace base {

void call_after(Loop& loop, std::chrono::milliseconds delay, std::function<void()> fn) {
  auto timer = std::make_shared<boost::asio::steady_timer>(loop.impl().io, delay);
  timer->async_wait([timer, &loop, fn = std::move(fn)](const boost::system::error_code& error) {
    if (error) return;
    try {
      fn();
    } catch (...) {
      loop.impl().report("timer", std::current_exception());
    }
  });
}

}  // namespace base
