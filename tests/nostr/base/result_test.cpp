// Errors travel as values: TRY hands them on, in_context says where they happened.
#include "nostr/base/result.h"

#include <set>

#include <gtest/gtest.h>

namespace base {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Errc::kInvalid, "number is odd", "take an even one");
  return number / 2;
}

Result<int> quarter(int number) {
  TRY(const int once, half(number));
  TRY(half(once));
  return half(once);
}

TEST(Result, try_hands_on_the_first_error) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(3).error().detail, "number is odd");
  EXPECT_EQ(quarter(6).error().hint, "take an even one");
}

TEST(Result, context_goes_in_front) {
  const Error error = in_context("share.txt", half(1).error());
  EXPECT_EQ(error.detail, "share.txt: number is odd");
  EXPECT_EQ(error.code, Errc::kInvalid);
  EXPECT_EQ(error.hint, "take an even one");
}

TEST(Result, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::kInternal); ++code)
    names.insert(errc_name(static_cast<Errc>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::kInternal) + 1);
  EXPECT_EQ(errc_name(Errc::kApprovalRequired), "approval-required");
}

TEST(ResultDeathTest, check_names_the_place) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "result_test.cpp:[0-9]+: 1 \\+ 1 == 3 does not hold");
}

}  // namespace
}  // namespace base
