// EventDb: the rules of NIP-01, NIP-09 and NIP-40, filters, order, and a naive model beside it.
#include "storage/events.h"

#include <algorithm>
#include <random>

#include "nostr/nips/nip62.h"
#include "storage/event_codec.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using nostr::Filter;
using testing::make_event;
using testing::must;
using testing::named;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr UnixTime kNow = unix_time(2'000'000'000);

class EventsTest : public StorageTest {
 protected:
  StoreOutcome insert(const Event& event) { return must(EventDb(*db_).insert(event, kNow)); }
  std::vector<Event> query(const nostr::Filters& filters, std::size_t cap = 1000) {
    return must(EventDb(*db_).query(filters, cap, kNow));
  }
  std::vector<std::string> contents(const nostr::Filters& filters, std::size_t cap = 1000) {
    std::vector<std::string> out;
    for (const Event& event : query(filters, cap)) out.push_back(event.content);
    return out;
  }
  std::optional<Event> head(std::string_view author, nostr::Kind kind, std::string d = "") {
    return must(
        EventDb(*db_).head({.kind = kind, .pubkey = named<PublicKey>(author), .d = std::move(d)}));
  }
};

using Words = std::vector<std::string>;

TEST(EventCodecTest, PackingKeepsEveryByte) {
  Event event = make_event("a", 30078, 1'700'000'000,
                           {{"d", ""}, {"e", std::string(300, 'f'), "wss://r", ""}, {"x"}},
                           std::string("a\0b\xff", 4));
  event.sig = nostr::Signature::from_bytes(base::Bytes(64, 7)).value();
  std::string packed;
  pack_event(event, packed);
  EXPECT_EQ(must(unpack_event(base::as_bytes(packed))), event);
  EXPECT_EQ(must(packed_id(base::as_bytes(packed))), event.id);
}

TEST(EventCodecTest, EveryTruncationOfTheTagsIsAnError) {
  const Event event = make_event("a", 1, 5, {{"t", "x"}, {"p", std::string(200, 'y')}});
  std::string packed;
  pack_event(event, packed);
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_FALSE(unpack_event(base::as_bytes(packed).first(size)).has_value()) << size;
}

TEST_F(EventsTest, AStoredEventComesBackWhole) {
  const Event event = make_event("a", 1, 100, {{"t", "x"}}, "hello");
  EXPECT_EQ(insert(event), StoreOutcome::kStored);
  EXPECT_EQ(insert(event), StoreOutcome::kDuplicate);
  EXPECT_EQ(must(EventDb(*db_).get(event.id)), event);
  EXPECT_TRUE(must(EventDb(*db_).has(event.id)));
  EXPECT_FALSE(must(EventDb(*db_).has(named<EventId>("other"))));
  reopen();
  EXPECT_EQ(must(EventDb(*db_).get(event.id)), event);
}

TEST_F(EventsTest, ReplaceableKeepsTheNewestPerAuthorAndKind) {
  EXPECT_EQ(insert(make_event("a", 0, 100, {}, "old")), StoreOutcome::kStored);
  EXPECT_EQ(insert(make_event("a", 0, 200, {}, "new")), StoreOutcome::kStored);
  EXPECT_EQ(insert(make_event("a", 0, 150, {}, "late")), StoreOutcome::kReplaced);
  EXPECT_EQ(insert(make_event("b", 0, 50, {}, "other")), StoreOutcome::kStored);
  EXPECT_EQ(contents({Filter{.kinds = {0}}}), (Words{"new", "other"}));
  EXPECT_EQ(head("a", 0)->content, "new");
}

TEST_F(EventsTest, OnATieTheLowestIdStands) {
  Event x = make_event("a", 10002, 100, {}, "x");
  Event y = make_event("a", 10002, 100, {}, "y");
  if (y.id < x.id) std::swap(x, y);
  EXPECT_EQ(insert(y), StoreOutcome::kStored);
  EXPECT_EQ(insert(x), StoreOutcome::kStored);
  EXPECT_EQ(insert(y), StoreOutcome::kReplaced);
  EXPECT_EQ(head("a", 10002)->id, x.id);
}

TEST_F(EventsTest, AddressableIsPerDTag) {
  insert(make_event("a", 39201, 100, {{"d", "state"}}, "s1"));
  insert(make_event("a", 39201, 101, {{"d", "state"}}, "s2"));
  insert(make_event("a", 39201, 100, {{"d", "other"}}, "o"));
  insert(make_event("a", 39201, 100, {}, "empty"));
  EXPECT_EQ(head("a", 39201, "state")->content, "s2");
  EXPECT_EQ(head("a", 39201, "other")->content, "o");
  EXPECT_EQ(head("a", 39201, "")->content, "empty");
  EXPECT_EQ(contents({Filter{
                .authors = {named<PublicKey>("a")}, .kinds = {39201}, .tags = {{'d', {"state"}}}}}),
            (Words{"s2"}));
}

TEST_F(EventsTest, AnAuthorDeletesItsOwnEventsById) {
  const Event mine = make_event("a", 1, 100);
  const Event theirs = make_event("b", 1, 100);
  insert(mine);
  insert(theirs);
  insert(make_event("a", 5, 200, {{"e", mine.id.hex()}, {"e", theirs.id.hex()}, {"e", "junk"}}));
  EXPECT_FALSE(must(EventDb(*db_).has(mine.id)));
  EXPECT_TRUE(must(EventDb(*db_).has(theirs.id)));
  EXPECT_EQ(insert(mine), StoreOutcome::kDeleted);
  EXPECT_EQ(query({Filter{.kinds = {5}}}).size(), 1u) << "the request itself stays";
}

TEST_F(EventsTest, ADeletionThatComesFirstKeepsTheEventOut) {
  const Event mine = make_event("a", 1, 100);
  insert(make_event("b", 5, 200, {{"e", mine.id.hex()}}));
  EXPECT_EQ(insert(mine), StoreOutcome::kStored) << "a stranger's request has no effect";
  const Event other = make_event("a", 1, 101);
  insert(make_event("a", 5, 50, {{"e", other.id.hex()}}));
  EXPECT_EQ(insert(other), StoreOutcome::kDeleted);
}

TEST_F(EventsTest, ADeletionByAddressReachesUpToItsTime) {
  const std::string address = "39201:" + named<PublicKey>("a").hex() + ":state";
  insert(make_event("a", 39201, 100, {{"d", "state"}}, "old"));
  insert(make_event("a", 5, 150, {{"a", address}}));
  EXPECT_FALSE(head("a", 39201, "state").has_value());
  EXPECT_EQ(insert(make_event("a", 39201, 150, {{"d", "state"}}, "same")), StoreOutcome::kDeleted);
  EXPECT_EQ(insert(make_event("a", 39201, 151, {{"d", "state"}}, "later")), StoreOutcome::kStored);
  insert(make_event("b", 5, 500, {{"a", address}}));
  EXPECT_TRUE(head("a", 39201, "state").has_value()) << "only the author";
  insert(make_event("a", 5, 120, {{"a", address}}));
  EXPECT_TRUE(head("a", 39201, "state").has_value()) << "an older request does not reach it";
}

TEST_F(EventsTest, ADeletionCannotBeDeleted) {
  const Event note = make_event("a", 1, 100);
  const Event deletion = make_event("a", 5, 200, {{"e", note.id.hex()}});
  insert(note);
  insert(deletion);
  insert(make_event("a", 5, 300, {{"e", deletion.id.hex()}}));
  EXPECT_TRUE(must(EventDb(*db_).has(deletion.id)));
  EXPECT_EQ(insert(note), StoreOutcome::kDeleted);
}

TEST_F(EventsTest, ExpiredEventsAreRefusedHiddenAndPurged) {
  EventDb events(*db_);
  const Event event = make_event("a", 1, 100, {{"expiration", "1000"}, {"t", "x"}});
  EXPECT_EQ(must(events.insert(event, unix_time(1000))), StoreOutcome::kExpired);
  EXPECT_EQ(must(events.insert(event, unix_time(999))), StoreOutcome::kStored);
  const nostr::Filters by_tag{Filter{.tags = {{'t', {"x"}}}}};
  EXPECT_EQ(must(events.query(by_tag, 10, unix_time(999))).size(), 1u);
  EXPECT_EQ(must(events.query(by_tag, 10, unix_time(1000))).size(), 0u);
  EXPECT_EQ(must(events.count(by_tag, unix_time(1000))), 0u);
  EXPECT_EQ(must(events.purge_expired(unix_time(999))), 0u);
  EXPECT_EQ(must(events.purge_expired(unix_time(1000))), 1u);
  EXPECT_FALSE(must(events.has(event.id)));
  EXPECT_EQ(
      *must(db_->one("SELECT count(*) FROM event_tags", [](Row& r) { return r.take<int>(); })), 0);
}

TEST_F(EventsTest, NewestFirstThenLowestIdAndTheLimitCutsThere) {
  std::vector<Event> events;
  for (int i = 0; i < 60; ++i)
    events.push_back(make_event("a", 1, 100 + i / 20, {}, std::to_string(i)));
  must(EventDb(*db_).insert_batch(events, kNow));
  std::sort(events.begin(), events.end(), nostr::replaces);
  for (const std::uint32_t limit : {0u, 1u, 19u, 20u, 21u, 50u, 60u, 100u}) {
    const std::vector<Event> expected(events.begin(),
                                      events.begin() + std::min<int>(static_cast<int>(limit), 60));
    EXPECT_EQ(query({Filter{.kinds = {1}, .limit = limit}}), expected) << limit;
    EXPECT_EQ(query({Filter{.authors = {named<PublicKey>("a")}, .limit = limit}}), expected)
        << limit;
  }
  EXPECT_EQ(query({Filter{}}, 7).size(), 7u) << "the cap holds without a limit";
}

TEST_F(EventsTest, OneBatchIsOneCommit) {
  EventDb events(*db_);
  std::vector<Event> batch;
  for (int i = 0; i < 10; ++i) batch.push_back(make_event("a", 1, i));
  batch.push_back(batch.front());
  const auto outcomes = must(events.insert_batch(batch, kNow));
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), StoreOutcome::kStored), 10);
  EXPECT_EQ(outcomes.back(), StoreOutcome::kDuplicate);
}

// --- the naive model
// -------------------------------------------------------------------------------

/// The rules written without an index: a list of what stands and a list of all deletions seen.
class Model {
 public:
  StoreOutcome insert(const Event& event, UnixTime now) {
    const auto expires = nostr::tag_value(event.tags, "expiration");
    if (expires && std::stoll(std::string(*expires)) <= base::to_unix(now))
      return StoreOutcome::kExpired;
    for (const Event& deletion : deletions_)
      if (covers(deletion, event)) return StoreOutcome::kDeleted;
    const auto address = nostr::address_of(event);
    for (const Event& old : standing_) {
      if (old.id == event.id) return StoreOutcome::kDuplicate;
      if (address && nostr::address_of(old) == address && !nostr::replaces(event, old))
        return StoreOutcome::kReplaced;
    }
    std::erase_if(standing_, [&](const Event& old) {
      return (address && nostr::address_of(old) == address) ||
             (event.kind == 5 && covers(event, old));
    });
    standing_.push_back(event);
    if (event.kind == 5) deletions_.push_back(event);
    return StoreOutcome::kStored;
  }

  std::vector<Event> query(const Filter& filter) const {
    std::vector<Event> out;
    for (const Event& event : standing_)
      if (nostr::matches(filter, event)) out.push_back(event);
    std::sort(out.begin(), out.end(), nostr::replaces);
    if (filter.limit && out.size() > *filter.limit) out.resize(*filter.limit);
    return out;
  }

 private:
  static bool covers(const Event& deletion, const Event& event) {
    if (event.kind == 5 || deletion.pubkey != event.pubkey) return false;
    const auto address = nostr::address_of(event);
    for (const nostr::Tag& tag : deletion.tags) {
      if (tag[0] == "e" && tag[1] == event.id.hex()) return true;
      if (tag[0] == "a" && address && tag[1] == address->str() &&
          event.created_at <= deletion.created_at)
        return true;
    }
    return false;
  }

  std::vector<Event> standing_;
  std::vector<Event> deletions_;
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Event event() {
    const std::string author(1, static_cast<char>('a' + below(3)));
    constexpr std::array<nostr::Kind, 6> kKinds{1, 1, 0, 10002, 30078, 5};
    const nostr::Kind kind = kKinds[below(kKinds.size())];
    nostr::Tags tags;
    if (kind == 30078) tags.push_back({"d", std::string(below(3), 'd')});
    if (below(2) == 0) tags.push_back({"t", std::string(1, static_cast<char>('x' + below(3)))});
    if (below(3) == 0) tags.push_back({"p", std::string(1, static_cast<char>('m' + below(2)))});
    if (below(9) == 0) tags.push_back({"expiration", "5"});
    if (kind == 5 && !made_.empty()) {
      const Event& target = made_[below(made_.size())];
      const auto address = nostr::address_of(target);
      if (address && below(2) == 0)
        tags.push_back({"a", address->str()});
      else
        tags.push_back({"e", target.id.hex()});
    }
    made_.push_back(make_event(author, kind, static_cast<std::int64_t>(10 + below(12)), tags,
                               std::to_string(below(4))));
    return made_[below(4) == 0 ? below(made_.size())
                               : made_.size() - 1];  // sometimes an old one again
  }

  Filter filter() {
    Filter out;
    if (below(2) == 0)
      for (std::size_t i = below(3); i > 0; --i)
        out.authors.push_back(named<PublicKey>(std::string(1, static_cast<char>('a' + below(4)))));
    if (below(2) == 0)
      for (const nostr::Kind kind : std::array<nostr::Kind, 4>{1, 0, 30078, 5})
        if (below(2) == 0) out.kinds.push_back(kind);
    if (below(2) == 0) out.tags['t'] = {"x", "y"};
    if (below(3) == 0) out.tags['p'] = {"m"};
    if (below(4) == 0) out.tags['d'] = {"", "d"};
    if (below(6) == 0 && !made_.empty())
      out.ids = {made_[below(made_.size())].id, made_.front().id};
    if (below(3) == 0) out.since = unix_time(static_cast<std::int64_t>(10 + below(12)));
    if (below(3) == 0) out.until = unix_time(static_cast<std::int64_t>(10 + below(12)));
    if (below(2) == 0) out.limit = static_cast<std::uint32_t>(below(12));
    return out;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::mt19937 random_;
  std::vector<Event> made_;
};

TEST(EventsPropertyTest, TheStoreAgreesWithTheNaiveModel) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    const TempHome home;
    auto db = home.open();
    EventDb events(*db);
    Model model;
    Generator generator(seed);
    Tx tx = must(Tx::begin(*db, Durability::kNormal));
    for (int i = 0; i < 150; ++i) {
      const Event event = generator.event();
      ASSERT_EQ(must(events.insert(event, kNow)), model.insert(event, kNow))
          << "seed " << seed << " step " << i;
      const Filter filter = generator.filter();
      ASSERT_EQ(must(events.query({filter}, 1000, kNow)), model.query(filter))
          << "seed " << seed << " step " << i << ' ' << nostr::to_json(filter);
    }
    must(tx.commit());
  }
}

TEST_F(EventsTest, SeveralFiltersGiveEachEventOnce) {
  insert(make_event("a", 1, 100, {{"t", "x"}}, "1"));
  insert(make_event("a", 1, 101, {{"t", "y"}}, "2"));
  insert(make_event("b", 7, 102, {}, "3"));
  const nostr::Filters filters{Filter{.kinds = {1}}, Filter{.tags = {{'t', {"x"}}}},
                               Filter{.kinds = {7}}};
  EXPECT_EQ(contents(filters), (Words{"3", "2", "1"}));
  EXPECT_EQ(contents(filters, 2), (Words{"3", "2"}));
  EXPECT_EQ(must(EventDb(*db_).count(filters, kNow)), 3u);
}

TEST_F(EventsTest, LongResultsArePagedWithoutLossOrRepetition) {
  std::vector<Event> batch;
  for (int i = 0; i < 3000; ++i)
    batch.push_back(make_event(i % 2 ? "a" : "b", i % 3 ? 1 : 7, 100 + i / 700, {{"t", "x"}},
                               std::to_string(i)));
  must(EventDb(*db_).insert_batch(batch, kNow));
  std::sort(batch.begin(), batch.end(), nostr::replaces);
  EXPECT_EQ(query({Filter{}}, 10'000), batch);
  EXPECT_EQ(query({Filter{.tags = {{'t', {"x"}}}}}, 10'000), batch);
  std::erase_if(batch, [](const Event& e) { return e.kind != 7; });
  EXPECT_EQ(query({Filter{.kinds = {7}, .tags = {{'t', {"x"}}}}}, 10'000), batch);
}

TEST_F(EventsTest, WhoVanishesIsRemovedFromEveryIndexAndKeptOut) {
  EventDb store(*db_);
  const std::string a_hex = named<PublicKey>("a").hex();
  std::vector<Event> batch;
  for (int i = 0; i < 1200; ++i)  // more than two pages of one transaction each
    batch.push_back(make_event("a", i % 2 ? 1 : 30'000, 100 + i, {{"t", "x"}, {"d", std::to_string(i)}}));
  const Event deletion = make_event("a", 5, 50, {{"e", std::string(64, '1')}});
  const Event wrap = make_event("b", nostr::kinds::kGiftWrap, 200, {{"p", a_hex}});
  const Event mention = make_event("b", 1, 200, {{"p", a_hex}}, "stays");
  const Event later = make_event("a", 1, 5'001, {{"t", "x"}}, "later");
  for (const Event& event : {deletion, wrap, mention, later}) batch.push_back(event);
  must(store.insert_batch(batch, kNow));

  const Event request = make_event("a", nostr::kinds::kVanishRequest, 5'000, {{"relay", "ALL_RELAYS"}}, "bye");
  EXPECT_EQ(must(store.vanish(request, kNow)), StoreOutcome::kStored);
  EXPECT_EQ(contents({Filter{}}), (Words{"later", "bye", "stays"}));
  EXPECT_EQ(contents({Filter{.tags = {{'t', {"x"}}}}}), Words{"later"});
  EXPECT_EQ(contents({Filter{.tags = {{'p', {a_hex}}}}}), Words{"stays"});
  EXPECT_EQ(must(store.vanish(request, kNow)), StoreOutcome::kDuplicate);

  EXPECT_EQ(insert(batch.front()), StoreOutcome::kDeleted);
  EXPECT_EQ(insert(deletion), StoreOutcome::kDeleted);
  EXPECT_EQ(insert(wrap), StoreOutcome::kDeleted);
  EXPECT_EQ(insert(make_event("a", 1, 5'002, {}, "new life")), StoreOutcome::kStored);
  // An older request does not open the door again, and no deletion removes a request.
  EXPECT_EQ(must(store.vanish(make_event("a", nostr::kinds::kVanishRequest, 60, {{"relay", "ALL_RELAYS"}}), kNow)),
            StoreOutcome::kStored);
  EXPECT_EQ(insert(batch.front()), StoreOutcome::kDeleted);
  insert(make_event("a", 5, 6'000, {{"e", request.id.hex()}}));
  EXPECT_TRUE(must(store.has(request.id)));
}

TEST(EventsCrashTest, AKillInsideABatchLeavesNoneOfIt) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  const TempHome home;
  std::vector<Event> batch;
  for (int i = 0; i < 20; ++i) batch.push_back(make_event("a", 1, i));
  const int status = run_in_child([&] {
    auto db = home.open();
    must(EventDb(*db).insert(make_event("a", 1, 100), kNow));
    ::setenv("SOVEREIGN_FAILPOINT", "events-in-batch:7", 1);
    must(EventDb(*db).insert_batch(batch, kNow));
  });
  ASSERT_TRUE(was_killed(status));
  auto db = home.open();
  EXPECT_EQ(must(EventDb(*db).count({Filter{}}, kNow)), 1u);
}

}  // namespace
}  // namespace storage
