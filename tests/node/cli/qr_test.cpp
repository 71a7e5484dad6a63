// QR codes: what every reader looks for is where it looks for it.
#include "node/cli/qr.h"

#include <gtest/gtest.h>

#include <string>

namespace node::cli {
namespace {

/// The seven rows of a finder pattern, ISO/IEC 18004 section 6.3.3.1.
constexpr std::string_view kFinder[] = {"1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"};

bool finder_at(const QrModules& modules, std::size_t row, std::size_t column) {
  for (std::size_t r = 0; r < 7; ++r)
    for (std::size_t c = 0; c < 7; ++c)
      if (modules[row + r][column + c] != (kFinder[r][c] == '1')) return false;
  return true;
}

TEST(Qr, ACodeHasItsThreeFinderPatterns) {
  const auto modules = qr_modules("nostr:npub1sn0wdenkukak0d9dfczzeacvhkrgz92ak56egt7vdgzn8pv2wfqqhrjdv9");
  ASSERT_TRUE(modules);
  const std::size_t far = modules->size() - 7;
  EXPECT_TRUE(finder_at(*modules, 0, 0));
  EXPECT_TRUE(finder_at(*modules, 0, far));
  EXPECT_TRUE(finder_at(*modules, far, 0));
  EXPECT_FALSE(finder_at(*modules, far, far));
}

TEST(Qr, TheLongestTextFitsAndOneMoreByteDoesNot) {
  const auto longest = qr_modules(std::string(2'953, 'x'));
  ASSERT_TRUE(longest);
  EXPECT_EQ(longest->size(), 177U) << "version 40";
  EXPECT_EQ(qr_modules(std::string(2'954, 'x')).error().code, base::Errc::kLimit);
  EXPECT_EQ(qr_modules("").error().code, base::Errc::kInvalid);
}

TEST(Qr, ADrawingHasItsQuietZoneAndOneLineForTwoRows) {
  const auto modules = qr_modules("x");
  ASSERT_TRUE(modules);
  ASSERT_EQ(modules->size(), 21U) << "version 1";
  const std::vector<std::string> lines = draw_qr(*modules, /*colour=*/false);
  ASSERT_EQ(lines.size(), 15U) << "(4 + 21 + 4) rows, two in a line";
  std::string light;
  for (int i = 0; i < 29; ++i) light += "█";
  EXPECT_EQ(lines[0], light);
  EXPECT_EQ(lines[1], light);
  EXPECT_TRUE(lines[2].starts_with("████ ▄▄▄▄▄ ")) << "the finder's ring: dark, with light inside its second row";
}

}  // namespace
}  // namespace node::cli
