// Two units that cannot be taken for each other, and a conversion that never loses a started
// satoshi.
#include "nostr/base/money.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace base {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };
template <class A, class B>
concept Comparable = requires(A a, B b) { a < b; };

static_assert(!std::is_convertible_v<Sat, Msat> && !std::is_convertible_v<Msat, Sat>);
static_assert(!std::is_assignable_v<Sat&, Msat> && !std::is_assignable_v<Msat&, Sat>);
static_assert(!std::is_convertible_v<std::int64_t, Sat> &&
              !std::is_convertible_v<std::int64_t, Msat>);
static_assert(!Addable<Sat, Msat> && !Addable<Msat, Sat> && Addable<Msat, Msat>);
static_assert(!Comparable<Sat, Msat> && !Comparable<Msat, Sat> && Comparable<Sat, Sat>);

TEST(Money, AStartedSatoshiIsChargedWhole) {
  EXPECT_EQ(to_msat(Sat{21}), Msat{21'000});
  EXPECT_EQ(to_sat_ceil(Msat{0}), Sat{0});
  EXPECT_EQ(to_sat_ceil(Msat{1}), Sat{1});
  EXPECT_EQ(to_sat_ceil(Msat{1'000}), Sat{1});
  EXPECT_EQ(to_sat_ceil(Msat{1'001}), Sat{2});
  EXPECT_EQ(to_msat(to_sat_ceil(kMaxMsat)), kMaxMsat);
}

}  // namespace
}  // namespace base
