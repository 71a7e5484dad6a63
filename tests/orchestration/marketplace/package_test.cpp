// Folders of skills: what is read, what is refused, and that packing them loses nothing.
#include "orchestration/marketplace/package.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/node/support/temp_dir.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using base::Errc;

const std::string kText =
    "---\nname: echo\ndescription: \"Says: hello\"\nmetadata:\n  author: me\nallowed-tools: reply "
    "search_events\n---\nSay hello.\n";

class Package : public ::testing::Test {
 protected:
  Package() { write("SKILL.md", kText); }
  fs::path folder() const { return dir_ / "echo"; }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((folder() / path).parent_path());
    std::ofstream(folder() / path, std::ios::binary) << text;
  }
  std::string outcome() {
    const auto read = read_package(folder().string());
    return read ? "ok" : std::string(base::errc_name(read.error().code));
  }
  node::testing::TempDir dir_;
};

TEST_F(Package, ReadsAFolder) {
  write("scripts/run.sh", "echo hi\r\n");
  const auto package = read_package(folder().string());
  ASSERT_TRUE(package) << package.error().detail;
  EXPECT_EQ(package->front.description, "Says: hello");
  EXPECT_EQ(package->front.metadata.at("author"), "me");
  EXPECT_TRUE(package->front.limits_tools);
  EXPECT_EQ(package->front.allowed_tools, (std::vector<std::string>{"reply", "search_events"}));
  EXPECT_EQ(package->instructions(), "Say hello.\n");
  EXPECT_EQ(package->hash, nipsa::skill_hash(package->files).value());
  EXPECT_EQ(package->content_type(), "skill-bundle");
}

TEST_F(Package, PackingIsTheSameEveryTimeAndLosesNothing) {
  write("data.bin", std::string("\0\n7 x\n", 6));
  write("a/b.txt", "");
  const auto package = read_package(folder().string()).value();
  EXPECT_EQ(pack(package), pack(read_package(folder().string()).value()));
  const auto again = unpack(pack(package), package.content_type());
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->files, package.files);
  EXPECT_EQ(again->hash, package.hash);
  fs::remove(folder() / "data.bin");
  fs::remove_all(folder() / "a");
  const auto single = read_package(folder().string()).value();
  EXPECT_EQ(pack(single), kText);
  EXPECT_EQ(unpack(kText, "skill-md")->hash, single.hash);
}

TEST_F(Package, LinksDotsAndOddFilesAreRefused) {
  fs::create_symlink("/etc/passwd", folder() / "notes.txt");
  EXPECT_EQ(outcome(), "denied");
  fs::remove(folder() / "notes.txt");
  write(".env", "SECRET=1");
  EXPECT_EQ(outcome(), "denied");
  fs::remove(folder() / ".env");
  write("a/b/c/d/e/f", "deep");
  EXPECT_EQ(outcome(), "limit");
  fs::remove_all(folder() / "a");
  for (int i = 0; i < 64; ++i) write("f" + std::to_string(i), "x");
  EXPECT_EQ(outcome(), "limit");
}

TEST_F(Package, SizeAndNameAreBounded) {
  write("big", std::string(1'100'000, 'x'));
  EXPECT_EQ(outcome(), "limit");
  fs::remove(folder() / "big");
  EXPECT_EQ(outcome(), "ok");
  fs::rename(folder(), dir_ / "other");
  EXPECT_EQ(read_package((dir_ / "other").string()).error().code, Errc::kInvalid);
  EXPECT_EQ(read_package((dir_ / "none").string()).error().code, Errc::kNotFound);
}

TEST(SkillFront, WhatIsNoFrontMatter) {
  const auto read = [](const std::string& text) { return parse_skill_front(text).has_value(); };
  EXPECT_TRUE(read(kText));
  for (const char* bad :
       {"", "name: echo\n", "---\nname: echo\n", "---\nname: Echo\ndescription: x\n---\n",
        "---\nname: echo\n---\n", "---\nname: echo\ndescription: |\n  x\n---\n",
        "---\nname: -echo\ndescription: x\n---\n", "---\nname: a--b\ndescription: x\n---\n",
        "---\nname: echo\ndescription: x\nmood: good\n---\n",
        "---\nname: echo\ndescription: x\n  author: me\n---\n", "---\nname: echo\ndescription\n---\n"})
    EXPECT_FALSE(read(bad)) << bad;
}

TEST(SkillPacking, HostileBytesAreRefused) {
  for (const char* bad : {"", "5 SKILL.md\nab", "x SKILL.md\n", "0 ../x\n", "99999999999999999999 a\n",
                          "-1 a\nb", "1 SKILL.md"})
    EXPECT_FALSE(unpack(bad, "skill-bundle")) << bad;
  EXPECT_FALSE(unpack("7 ../evil\nx y\nzzz", "skill-bundle"));
  EXPECT_FALSE(unpack("text", "skill-zip"));
}

}  // namespace
}  // namespace orchestration
