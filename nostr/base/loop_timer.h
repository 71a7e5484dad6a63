// A call that comes later, for code that is no coroutine.
#pragma once

#include <chrono>
#include <functional>

#include "nostr/base/loop.h"

namespace base {

/// Calls `fn` on the loop after `delay`, never before this returns. It cannot be withdrawn: what `fn`
/// refers to must be owned by it or known to live (a weak_ptr). Never called once the loop is gone.
void call_after(Loop& loop, std::chrono::milliseconds delay, std::function<void()> fn);

}  // namespace base
