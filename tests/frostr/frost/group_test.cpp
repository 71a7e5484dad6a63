// Scalars and points: encodings, ranges and the algebra the protocol relies on.
#include "frostr/frost/group.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace frostr {
namespace {

constexpr std::string_view kOrder =
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
constexpr std::string_view kOrderMinusOne =
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";
constexpr std::string_view kZero =
    "0000000000000000000000000000000000000000000000000000000000000000";
constexpr std::string_view kGenerator =
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

static_assert(!std::is_copy_constructible_v<SecretScalar>);
static_assert(!std::is_copy_assignable_v<SecretScalar>);
static_assert(std::is_nothrow_move_constructible_v<SecretScalar>);

TEST(ScalarTest, only_values_below_the_order_are_read) {
  EXPECT_TRUE(Scalar::from_hex(kOrderMinusOne));
  EXPECT_TRUE(Scalar::from_hex(kZero));
  EXPECT_FALSE(Scalar::from_hex(kOrder));
  EXPECT_FALSE(Scalar::from_hex(kOrder.substr(2)));
  EXPECT_FALSE(Scalar::from_bytes({}));
}

TEST(ScalarTest, reduction_wraps_at_the_order) {
  const auto order = *base::hex_decode(kOrder);
  EXPECT_TRUE(Scalar::reduce(order).is_zero());
  auto more = order;
  more.back() = static_cast<std::uint8_t>(more.back() + 5);
  EXPECT_EQ(Scalar::reduce(more), Scalar::from_u32(5));
  more.insert(more.begin(), 0);
  EXPECT_EQ(Scalar::reduce(more), Scalar::from_u32(5));
}

TEST(ScalarTest, field_laws_hold_for_random_values) {
  base::SeededRng rng(1);
  for (int i = 0; i < 50; ++i) {
    const Scalar a = Scalar::reduce(rng.bytes<32>());
    const Scalar b = Scalar::reduce(rng.bytes<48>());
    EXPECT_EQ(a + b, b + a);
    EXPECT_EQ(a * b, b * a);
    EXPECT_EQ(a - b, a + b.negated());
    EXPECT_EQ((a + b) * a, a * a + b * a);
    EXPECT_EQ(a * *a.inverted(), Scalar::from_u32(1));
  }
  EXPECT_FALSE(Scalar{}.inverted());
  EXPECT_TRUE(Scalar{}.negated().is_zero());
}

TEST(SecretScalarTest, zero_and_the_order_are_refused) {
  EXPECT_FALSE(SecretScalar::from_hex(kZero));
  EXPECT_FALSE(SecretScalar::from_hex(kOrder));
  EXPECT_FALSE(SecretScalar::from_hex("00"));
  EXPECT_TRUE(SecretScalar::from_hex(kOrderMinusOne));
}

TEST(SecretScalarTest, agrees_with_public_arithmetic) {
  base::SeededRng rng(2);
  for (int i = 0; i < 20; ++i) {
    SecretScalar a = SecretScalar::generate(rng);
    const SecretScalar b = SecretScalar::generate(rng);
    const Scalar pa = *Scalar::from_bytes(a.expose());
    const Scalar pb = *Scalar::from_bytes(b.expose());
    ASSERT_TRUE(a.multiply(pb));
    ASSERT_TRUE(a.add(b));
    ASSERT_TRUE(a.negate());
    EXPECT_EQ(*Scalar::from_bytes(a.expose()), (pa * pb + pb).negated());
  }
}

TEST(SecretScalarTest, a_moved_from_value_is_spent) {
  base::SeededRng rng(3);
  SecretScalar a = SecretScalar::generate(rng);
  SecretScalar b = std::move(a);
  EXPECT_TRUE(b.usable());
  EXPECT_FALSE(a.usable());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_FALSE(b.add(a));
  EXPECT_FALSE(a.negate());
  EXPECT_FALSE(a.multiply(Scalar::from_u32(2)));
  EXPECT_FALSE(Point::base_times(a));
}

TEST(SecretScalarTest, a_sum_of_zero_is_an_error) {
  base::SeededRng rng(4);
  SecretScalar a = SecretScalar::generate(rng);
  SecretScalar minus = a.clone();
  ASSERT_TRUE(minus.negate());
  EXPECT_FALSE(a.add(minus));
}

TEST(PointTest, only_compressed_points_on_the_curve_are_read) {
  struct Case {
    std::string_view name;
    std::string hex;
  };
  const Case cases[] = {
      {"x not on the curve", "02" + std::string(63, '0') + "5"},
      {"x above the field", "02" + std::string(64, 'f')},
      {"infinity", std::string(66, '0')},
      {"uncompressed prefix", "04" + std::string(kGenerator.substr(2))},
      {"hybrid prefix", "06" + std::string(kGenerator.substr(2))},
      {"short", std::string(kGenerator.substr(0, 64))},
      {"upper case", "02" + std::string(64, 'A')},
      {"empty", ""},
  };
  for (const Case& item : cases) EXPECT_FALSE(Point::from_hex(item.hex)) << item.name;
  EXPECT_EQ(Point::from_hex(kGenerator)->hex(), kGenerator);
}

TEST(PointTest, parity_makes_two_points_of_one_x) {
  const Point g = *Point::from_hex(kGenerator);
  EXPECT_TRUE(g.has_even_y());
  EXPECT_FALSE(g.negated().has_even_y());
  EXPECT_NE(g, g.negated());
  EXPECT_EQ(g.x_only(), g.negated().x_only());
  EXPECT_EQ(*Point::lift(g.negated().x_only()), g);
}

TEST(PointTest, infinity_is_an_error_and_never_a_value) {
  const Point g = *Point::from_hex(kGenerator);
  EXPECT_FALSE(Point::sum(std::array{g, g.negated()}));
  EXPECT_FALSE(Point::sum({}));
  EXPECT_FALSE(g.times_vartime(Scalar{}));
  EXPECT_FALSE(Point::base_times(Scalar{}));
  EXPECT_FALSE(g.plus_base_vartime(Scalar::from_u32(1).negated()));
  EXPECT_EQ(*g.plus_base_vartime(Scalar{}), g);
}

TEST(PointTest, all_ways_to_multiply_agree) {
  base::SeededRng rng(5);
  for (int i = 0; i < 10; ++i) {
    const SecretScalar k = SecretScalar::generate(rng);
    const Scalar pk = *Scalar::from_bytes(k.expose());
    const Point base = *Point::base_times(SecretScalar::generate(rng));
    EXPECT_EQ(*base.times(k), *base.times_vartime(pk));
    EXPECT_EQ(*Point::base_times(k), *Point::base_times(pk));
    EXPECT_EQ(*base.plus_base_vartime(pk), *Point::sum(std::array{base, *Point::base_times(k)}));
  }
}

}  // namespace
}  // namespace frostr
