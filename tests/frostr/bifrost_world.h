// A relay on loopback and members of one group on it, each with its own pool and database.
#pragma once

#include <filesystem>
#include <memory>

#include "frostr/threshold_signer.h"
#include "nostr/base/workers.h"
#include "nostr/server/relay.h"
#include "storage/events.h"
#include "tests/frostr/party.h"

namespace frostr::testing {

/// Loop, threads and the relay. Members come and go inside coroutines of the test.
struct World {
  explicit World(std::uint32_t threshold = 2, std::uint32_t members = 3)
      : workers(1),
        relay_db(must(storage::open_database(":memory:"))),
        relay_store(*relay_db),
        relay(must(nostr::Relay::start(loop, net, relay_store, clock, rng, {}))),
        cast(1, threshold, members) {}

  base::Loop loop;
  nostr::NetThread net;
  base::Workers workers;
  base::SystemClock clock;
  base::SystemRng rng;
  std::unique_ptr<storage::Db> relay_db;
  storage::EventDb relay_store;
  std::unique_ptr<nostr::Relay> relay;
  Cast cast;
};

/// One member on the relay.
struct Member {
  Member(World& world, std::uint32_t idx, Policy policy, const std::string& path = ":memory:", bool judges = true,
         bool own_mode = true)
      : db(must(storage::open_database(path))),
        pool(world.loop, world.net, world.workers, world.clock, world.rng) {
    BifrostOptions options;
    options.relays = {world.relay->url()};
    options.policy = std::move(policy);
    options.approvals = &book;
    options.coordinates = idx == 1;
    options.follow = idx != 1;
    options.cosigner.judges = judges && idx != 1;
    if (idx != 1) options.cosigner.service = world.cast.service.public_key();
    options.own_mode = own_mode;
    options.ping_timeout = std::chrono::milliseconds(400);
    node = must(BifrostNode::create({world.loop, pool, *db, world.clock, world.rng}, world.cast.group(),
                                    world.cast.share(idx).clone(), std::move(options)));
  }
  base::Task<void> stop() {
    co_await node->stop();
    co_await pool.stop();
  }

  std::unique_ptr<storage::Db> db;
  ScriptedBook book;
  nostr::Pool pool;
  std::unique_ptr<BifrostNode> node;
};

}  // namespace frostr::testing
