// Runtime: the threads and sources every program and network command stands on, in building order.
#pragma once

#include "nostr/base/clock.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "nostr/base/workers.h"
#include "nostr/client/pool.h"
#include "nostr/net/net_thread.h"

namespace node {

/// App loop, net thread, workers and relay pool. Lives in main's frame; members die in reverse.
struct Runtime {
  explicit Runtime(nostr::PoolOptions options = {}) : pool(loop, net, workers, clock, rng, options) {}

  base::SystemClock clock;
  base::SystemRng rng;
  base::Loop loop;
  nostr::NetThread net;
  base::Workers workers;
  nostr::Pool pool;
};

}  // namespace node
