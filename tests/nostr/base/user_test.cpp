// nostr/base/user.h
#include "nostr/base/user.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace base {
namespace {

class HomeOf : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* home = std::getenv("HOME")) before_ = home;
  }
  void TearDown() override { before_.empty() ? ::unsetenv("HOME") : ::setenv("HOME", before_.c_str(), 1); }
  std::string before_;
};

TEST_F(HomeOf, TheVariableComesFirst) {
  ::setenv("HOME", "/somewhere/else", 1);
  EXPECT_EQ(user_home(), "/somewhere/else");
}

TEST_F(HomeOf, WithoutAUsableVariableTheUserDatabaseKnows) {
  for (const char* useless : {"", "/", "relative"}) {
    ::setenv("HOME", useless, 1);
    EXPECT_TRUE(user_home().starts_with('/')) << useless;
    EXPECT_GT(user_home().size(), 1u) << useless;
  }
}

}  // namespace
}  // namespace base
