// The outbox model: who is read and reached where, with dead, private and far too many relays.
#include "nostr/client/routing.h"

#include <gtest/gtest.h>

#include "nostr/client/directory.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip65.h"
#include "tests/nostr/client/support/stored_relay.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::make_key;
using testing::StoredRelay;

constexpr UnixTime kNow = base::unix_time(1'800'000'000);

PublicKey person(std::uint64_t number) {
  return make_key(number).public_key();
}

Event signed_by(std::uint64_t author, Draft draft) {
  base::SeededRng rng(author + 99);
  return sign_event(std::move(draft), make_key(author), rng);
}

Event list_of(std::uint64_t author, std::vector<std::string> read, std::vector<std::string> write,
              std::int64_t age = 0) {
  return signed_by(author, build_relay_list({std::move(read), std::move(write)},
                                            kNow - std::chrono::seconds{age}));
}

std::string relay(int number) {
  return "wss://r" + std::to_string(number) + ".example.com";
}

std::size_t authors_in(const Route& route) {
  std::size_t count = 0;
  for (const auto& chunk : route.authors) count += chunk.size();
  return count;
}

void kill(RelayHealth& health, const std::string& url) {
  for (int i = 0; i < 3; ++i) health.failed(url, kNow - 600s + i * 120s);
}

TEST(Routing, FewRelaysThatManyShareCoverEveryone) {
  RelayBook book({});
  std::vector<PublicKey> authors;
  for (std::uint64_t i = 0; i < 50; ++i) {
    // Everybody has a relay of their own and one of two that many share.
    book.learn(list_of(i, {}, {relay(100 + static_cast<int>(i)), relay(static_cast<int>(i % 2))}));
    authors.push_back(person(i));
  }
  const auto routes = plan_reading(authors, book, RelayHealth(), {}, kNow, {.per_person = 1});
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(authors_in(routes[0]) + authors_in(routes[1]), 50u);
}

TEST(Routing, TheNumberOfConnectionsIsCappedAndNobodyIsLeftOut) {
  RelayBook book({});
  std::vector<PublicKey> authors;
  for (std::uint64_t i = 0; i < 60; ++i) {
    book.learn(list_of(i, {}, {relay(static_cast<int>(i))}));
    authors.push_back(person(i));
  }
  authors.push_back(person(1'000));  // has no list
  const auto routes = plan_reading(authors, book, RelayHealth(), {relay(500)}, kNow,
                                   {.max_relays = 10, .per_person = 2, .max_authors = 20});
  EXPECT_EQ(routes.size(), 10u);
  std::set<PublicKey> reached;
  for (const Route& route : routes)
    for (const auto& chunk : route.authors) {
      EXPECT_LE(chunk.size(), 20u);
      reached.insert(chunk.begin(), chunk.end());
    }
  EXPECT_EQ(reached.size(), authors.size());
}

TEST(Routing, DeadRelaysAreUsedOnlyWhereThereIsNoOther) {
  RelayBook book({});
  book.learn(list_of(1, {}, {relay(1), relay(2)}));
  book.learn(list_of(2, {}, {relay(1)}));
  RelayHealth health;
  kill(health, relay(1));
  const std::vector<PublicKey> first{person(1)}, both{person(1), person(2)};
  auto routes = plan_reading(first, book, health, {}, kNow, {.per_person = 1});
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_EQ(routes[0].relay, relay(2));
  routes = plan_reading(both, book, health, {}, kNow, {.per_person = 1});
  EXPECT_EQ(routes.size(), 2u);  // the second person has no other
}

TEST(Routing, WhatIsSaidToPeopleGoesWhereTheyRead) {
  RelayBook book({});
  book.learn(list_of(1, {relay(1), relay(2), relay(3)}, {relay(9)}));
  book.learn(list_of(2, {relay(4), relay(2)}, {}));
  RelayHealth health;
  kill(health, relay(1));
  const std::vector<PublicKey> to{person(1), person(2), person(3)};
  EXPECT_EQ(plan_publishing({relay(0)}, to, book, health, kNow),
            (std::vector{relay(0), relay(2), relay(4), relay(3)}));
  EXPECT_EQ(plan_publishing({relay(0)}, to, book, health, kNow, {.max_relays = 2}),
            (std::vector{relay(0), relay(2)}));
}

TEST(Routing, TheNewestListCountsAndTheContentOfKindThreeDoesNot) {
  RelayBook book({});
  EXPECT_TRUE(book.learn(list_of(1, {}, {relay(1)}, 100)));
  EXPECT_TRUE(book.learn(list_of(1, {}, {relay(2)}, 0)));
  EXPECT_FALSE(book.learn(list_of(1, {}, {relay(3)}, 50)));
  EXPECT_EQ(book.write_relays(person(1)), std::vector{relay(2)});
  EXPECT_FALSE(book.learn(signed_by(
      1, {kinds::kFollows, kNow + 10s, {}, R"({"wss://old.example.com":{"write":true}})"})));
  EXPECT_EQ(book.write_relays(person(1)), std::vector{relay(2)});
}

TEST(Routing, PrivateAddressesOfStrangersAreLeftOut) {
  RelayBook book({"ws://127.0.0.1:7777"});
  book.learn(signed_by(1, build_dm_relays({"ws://127.0.0.1:7777", "ws://127.0.0.1:8080",
                                           "ws://10.0.0.1", "ws://[::1]:80", "ws://localhost",
                                           "ws://printer.local", "ws://router", relay(1)},
                                          kNow)));
  EXPECT_EQ(book.dm_relays(person(1)), (std::vector<std::string>{"ws://127.0.0.1:7777", relay(1)}));
}

TEST(Routing, TheBookIsBounded) {
  RelayBook book({}, 10);
  for (std::uint64_t i = 0; i < 30; ++i) book.learn(list_of(i, {}, {relay(1)}));
  int known = 0;
  for (std::uint64_t i = 0; i < 30; ++i) known += book.has_relay_list(person(i)) ? 1 : 0;
  EXPECT_EQ(known, 10);
}

TEST(RelayHealth, ThreeFailuresAreDeathForAWhileAndOneAnswerIsLife) {
  RelayHealth health;
  UnixTime now = kNow;
  for (int i = 0; i < 5; ++i) health.failed(relay(1), now);  // at once: one failure
  EXPECT_FALSE(health.is_dead(relay(1), now));
  health.failed(relay(1), now += 60s);
  health.failed(relay(1), now += 60s);
  EXPECT_TRUE(health.is_dead(relay(1), now));
  EXPECT_TRUE(health.is_dead("WSS://R1.example.com/", now));
  EXPECT_FALSE(health.is_dead(relay(1), now + 3'600s));
  health.failed(relay(1), now += 3'600s);
  EXPECT_TRUE(health.is_dead(relay(1), now + 7'199s));
  health.answered(relay(1));
  EXPECT_FALSE(health.is_dead(relay(1), now));
  EXPECT_EQ(health.size(), 0u);
}

TEST(RelayHealth, IsBoundedAndDropsTheOldest) {
  RelayHealth health(nullptr, 3);
  for (int i = 0; i < 10; ++i) health.failed(relay(i), kNow + i * 60s);
  EXPECT_EQ(health.size(), 3u);
}

TEST(RelayDirectory, FindsListsAndDoesNotAskTwiceForThoseThatAreNot) {
  Harness h;
  const auto known = StoredRelay::start(h, {});
  known->keep({list_of(1, {relay(1)}, {relay(2)}), signed_by(1, build_dm_relays({relay(3)}, kNow))});
  RelayDirectory directory(*h.pool, h.clock, {known->url()});
  const auto locate = [&](std::uint64_t number) {
    h.loop.run_until_complete(directory.locate({person(number)}, kinds::kDmRelays, 10s));
  };
  locate(1);
  locate(1);
  EXPECT_EQ(directory.book().dm_relays(person(1)), std::vector{relay(3)});
  EXPECT_EQ(directory.book().read_relays(person(1)), std::vector{relay(1)});
  locate(2);
  locate(2);
  EXPECT_EQ(known->wire().count_reqs(), 2u);
}

TEST(RelayDirectory, NotesWhichRelaysThePoolReaches) {
  Harness h;
  const auto alive = StoredRelay::start(h, {});
  RelayDirectory directory(*h.pool, h.clock, {alive->url()});
  directory.health().failed(alive->url(), kNow);
  const std::string dead = "ws://127.0.0.1:1";
  const auto sub = h.pool->subscribe({alive->url(), dead}, testing::kind_filter(1), h.collect());
  h.until([&] { return h.status(alive->url()).connected && h.status(dead).attempts > 0; });
  directory.observe();
  EXPECT_EQ(directory.health().size(), 1u);  // the one that answers is forgotten
}

}  // namespace
}  // namespace nostr
