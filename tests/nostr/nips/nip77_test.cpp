// Negentropy: whatever two sets differ in is found, exactly, within any frame limit, and nothing a
// peer says makes a side do more than its share.
#include "nostr/nips/nip77.h"

#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "nostr/base/json.h"

namespace nostr {
namespace {

using base::Bytes;
using base::Errc;

/// Sets that are awkward on purpose: many items share a second, and many of those their first bytes.
NegItem random_item(base::Rng& rng) {
  NegItem out{base::unix_time(static_cast<std::int64_t>(rng.below(60))), EventId(rng.bytes<32>())};
  if (rng.below(2) == 0) std::fill_n(out.id.data(), rng.below(27), std::uint8_t{0xab});
  return out;
}

struct Sets {
  std::vector<NegItem> ours;
  std::vector<NegItem> theirs;
  std::set<EventId> have;
  std::set<EventId> need;
};

/// `shared` items on both sides; each of `ours` and `theirs` more on one side only.
Sets random_sets(base::Rng& rng, std::size_t shared, std::size_t ours, std::size_t theirs) {
  Sets out;
  for (std::size_t i = 0; i < shared + ours + theirs; ++i) {
    const NegItem item = random_item(rng);
    if (i < shared + ours) out.ours.push_back(item);
    if (i < shared || i >= shared + ours) out.theirs.push_back(item);
    if (i >= shared) (i < shared + ours ? out.have : out.need).insert(item.id);
  }
  return out;
}

struct Outcome {
  std::multiset<EventId> have;
  std::multiset<EventId> need;
  std::size_t rounds = 0;
  std::size_t largest = 0;
};

Outcome reconcile(const Sets& sets, std::size_t our_frame, std::size_t their_frame) {
  const NegSet theirs(sets.theirs);
  NegInitiator initiator(NegSet(sets.ours), {.frame_bytes = our_frame});
  Outcome out;
  std::optional<Bytes> message = initiator.open();
  while (message) {
    ++out.rounds;
    const auto answer = neg_respond(theirs, *message, their_frame);
    if (!answer) {
      ADD_FAILURE() << answer.error().detail;
      return out;
    }
    EXPECT_LE(message->size(), std::max(our_frame, kMinNegFrame));
    EXPECT_LE(answer->size(), std::max(their_frame, kMinNegFrame));
    out.largest = std::max({out.largest, message->size(), answer->size()});
    auto step = initiator.on_message(*answer);
    if (!step) {
      ADD_FAILURE() << step.error().detail;
      return out;
    }
    out.have.insert(step->have.begin(), step->have.end());
    out.need.insert(step->need.begin(), step->need.end());
    message = std::move(step->message);
  }
  return out;
}

void expect_exact(const Sets& sets, const Outcome& outcome) {
  EXPECT_EQ(outcome.have, std::multiset<EventId>(sets.have.begin(), sets.have.end()));
  EXPECT_EQ(outcome.need, std::multiset<EventId>(sets.need.begin(), sets.need.end()));
}

constexpr std::size_t kUnlimited = SIZE_MAX;

TEST(Nip77, random_sets_are_told_apart_exactly) {
  base::SeededRng rng(77);
  for (int i = 0; i < 120; ++i) {
    const Sets sets = random_sets(rng, rng.below(400), rng.below(80) * rng.below(2), rng.below(80) * rng.below(2));
    expect_exact(sets, reconcile(sets, kUnlimited, kUnlimited));
    if (HasFailure()) FAIL() << "round " << i;
  }
}

TEST(Nip77, frame_limits_of_either_side_cost_rounds_but_lose_nothing) {
  base::SeededRng rng(78);
  std::size_t most_rounds = 0;
  for (int i = 0; i < 24; ++i) {
    const Sets sets = random_sets(rng, rng.below(2'000), rng.below(1'500), rng.below(1'500));
    const std::size_t frames[] = {0, kMinNegFrame + rng.below(3'000), kNegFrame, kUnlimited};
    const Outcome outcome = reconcile(sets, frames[rng.below(4)], frames[rng.below(4)]);
    expect_exact(sets, outcome);
    most_rounds = std::max(most_rounds, outcome.rounds);
    if (HasFailure()) FAIL() << "round " << i;
  }
  EXPECT_GT(most_rounds, 10U) << "the limits were never felt";
}

TEST(Nip77, one_side_may_be_empty) {
  base::SeededRng rng(79);
  for (const auto& [ours, theirs] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 0}, {0, 1}, {1, 0}, {0, 3'000}, {3'000, 0}}) {
    const Sets sets = random_sets(rng, 0, ours, theirs);
    expect_exact(sets, reconcile(sets, kMinNegFrame, kMinNegFrame));
  }
}

TEST(Nip77, equal_sets_take_one_round_and_little_differences_few_bytes) {
  base::SeededRng rng(80);
  const Outcome same = reconcile(random_sets(rng, 20'000, 0, 0), kNegFrame, kNegFrame);
  EXPECT_EQ(same.rounds, 1U);
  EXPECT_LT(same.largest, 700U);
  const Sets close = random_sets(rng, 20'000, 3, 3);
  const Outcome outcome = reconcile(close, kNegFrame, kNegFrame);
  expect_exact(close, outcome);
  EXPECT_LE(outcome.rounds, 4U);
  EXPECT_LT(outcome.largest, 8'000U) << "20 000 ids are 640 000 bytes";
}

TEST(Nip77, an_item_given_twice_is_there_once) {
  const NegItem item{base::unix_time(5), EventId{}};
  EXPECT_EQ(NegSet({item, item}).size(), 1U);
}

TEST(Nip77, fingerprints_are_the_sum_of_ids_whatever_the_range) {
  base::SeededRng rng(81);
  std::vector<NegItem> items;
  for (int i = 0; i < 300; ++i) items.push_back(random_item(rng));
  for (int i = 0; i < 20; ++i) {  // ids whose sums carry through every byte
    items[static_cast<std::size_t>(i)].id = EventId{};
    std::fill_n(items[static_cast<std::size_t>(i)].id.data(), 32, std::uint8_t{0xff});
    items[static_cast<std::size_t>(i)].created_at += std::chrono::seconds(1'000 + i);
  }
  const NegSet set(items);
  for (int i = 0; i < 200; ++i) {
    const std::size_t end = rng.below(set.size() + 1);
    const std::size_t begin = rng.below(end + 1);
    // The same items as a set of their own have the same sum, added in one piece.
    const NegSet part(std::vector<NegItem>([&] {
      std::vector<NegItem> out;
      for (std::size_t at = begin; at < end; ++at) out.push_back(set[at]);
      return out;
    }()));
    ASSERT_EQ(set.fingerprint(begin, end), part.fingerprint(0, part.size())) << begin << ".." << end;
  }
}

/// What nostr-tools says about sets that are described in the file, byte for byte.
TEST(Nip77, speaks_as_nostr_tools_does) {
  std::ifstream file(SOVEREIGN_TEST_DATA "/negentropy/nostr-tools.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto cases = base::json::parse(text, {});
  ASSERT_TRUE(cases) << cases.error().detail;
  ASSERT_GT(cases->size(), 3U);
  for (const auto& one : *cases) {
    const auto read_set = [](const base::json::Value& value) {
      std::vector<NegItem> out;
      for (const auto& item : value)
        out.push_back({base::unix_time(item[0].get<std::int64_t>()),
                       *EventId::from_hex(item[1].get<std::string>())});
      return NegSet(std::move(out));
    };
    NegInitiator initiator(read_set(one["client"]));
    EXPECT_EQ(base::hex_encode(initiator.open()), one["open"].get<std::string>());
    const auto answer = neg_respond(read_set(one["relay"]), *base::hex_decode(one["open"].get<std::string>()));
    ASSERT_TRUE(answer);
    EXPECT_EQ(base::hex_encode(*answer), one["answer"].get<std::string>());
    const auto step = initiator.on_message(*answer);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->message ? base::hex_encode(*step->message) : "", one["next"].get<std::string>());
    std::set<std::string> have;
    std::set<std::string> need;
    for (const EventId& id : step->have) have.insert(id.hex());
    for (const EventId& id : step->need) need.insert(id.hex());
    EXPECT_EQ(have, one["have"].get<std::set<std::string>>());
    EXPECT_EQ(need, one["need"].get<std::set<std::string>>());
  }
}

Bytes bytes_of(std::string_view hex) { return *base::hex_decode(hex); }

TEST(Nip77, another_version_is_answered_with_ours_and_ends_an_initiator) {
  const NegSet empty;
  EXPECT_EQ(neg_respond(empty, bytes_of("62deadbeef")), bytes_of("61"));
  NegInitiator initiator{NegSet{}};
  EXPECT_EQ(initiator.on_message(bytes_of("60")).error().code, Errc::kUnsupported);
}

TEST(Nip77, what_breaks_the_format_is_invalid_for_both_roles) {
  const std::string ff(64, 'f');
  for (const std::string& hex : std::vector<std::string>{
           "", "00", "7f", "5f00",
           "6101",                                // no prefix length
           "610121" + ff,                         // a bound of 33 bytes
           "610102ff",                            // a bound cut short
           "61020003",                            // mode 3
           "6102000181",                          // a fingerprint cut short
           "6102000202" + ff,                     // two ids announced, one there
           "61020002ffffffffffffffffff7f" + ff,   // more ids than any message holds
           "6182ffffffffffffffffffff000000",      // a number over 64 bits
           "610201ff00" "0100" "00",              // an upper bound below the one before
       }) {
    const NegSet empty;
    const auto answer = neg_respond(empty, bytes_of(hex));
    ASSERT_FALSE(answer) << hex;
    EXPECT_EQ(answer.error().code, Errc::kInvalid) << hex;
    NegInitiator initiator{NegSet{}};
    EXPECT_EQ(initiator.on_message(bytes_of(hex)).error().code, Errc::kInvalid) << hex;
  }
}

TEST(Nip77, bounds_may_lie_beyond_any_time_there_is) {
  base::SeededRng rng(82);
  const NegSet set({random_item(rng)});
  // Up to 2^64-2, then on to infinity twice, as implementations that ran out of frame write it.
  const std::string print = set.fingerprint(0, 1).hex();
  const auto answer = neg_respond(set, bytes_of("6181ffffffffffffffff7f0001" + print + "000000" "000000"));
  EXPECT_EQ(answer, bytes_of("61"));
}

TEST(Nip77, a_peer_that_never_agrees_is_given_up) {
  base::SeededRng rng(83);
  const Sets sets = random_sets(rng, 40, 0, 0);
  NegInitiator initiator(NegSet(sets.ours), {.max_rounds = 5});
  const Bytes disagree = bytes_of("61000001" + std::string(32, 'a'));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(initiator.on_message(disagree));
  EXPECT_EQ(initiator.on_message(disagree).error().code, Errc::kLimit);
}

TEST(Nip77, a_peer_that_names_ids_without_end_is_given_up) {
  base::SeededRng rng(84);
  NegInitiator initiator(NegSet{}, {.max_need = 50});
  const auto forty_ids = [&rng] {
    Bytes out = bytes_of("6100000228");
    for (int i = 0; i < 40; ++i) std::ranges::copy(rng.bytes<32>(), std::back_inserter(out));
    return out;
  };
  const Bytes first = forty_ids();
  EXPECT_EQ(initiator.on_message(first)->need.size(), 40U);
  EXPECT_EQ(initiator.on_message(first)->need.size(), 0U) << "named before";
  EXPECT_EQ(initiator.on_message(forty_ids()).error().code, Errc::kLimit);
}

TEST(Nip77, our_ids_are_reported_missing_once_however_often_the_peer_says_so) {
  base::SeededRng rng(85);
  const Sets sets = random_sets(rng, 0, 100, 0);
  NegInitiator initiator{NegSet(sets.ours)};
  const Bytes nothing = bytes_of("6100000200");
  EXPECT_EQ(initiator.on_message(nothing)->have.size(), 100U);
  EXPECT_EQ(initiator.on_message(nothing)->have.size(), 0U);
}

}  // namespace
}  // namespace nostr
