// read_file reads below its root and nowhere else.
#include "orchestration/tools/file_tools.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using testing::TempDir;

TEST(ReadBelow, StaysBelowItsRoot) {
  TempDir dir;
  namespace fs = std::filesystem;
  fs::create_directories(dir.path("root/sub"));
  std::ofstream(dir.path("secret")) << "secret";
  std::ofstream(dir.path("root/a.txt")) << "hello";
  std::ofstream(dir.path("root/sub/b.txt")) << "below";
  std::ofstream(dir.path("root/zero.bin")) << std::string("a\0b", 3);
  fs::create_symlink(dir.path("secret"), dir.path("root/link"));
  fs::create_symlink("a.txt", dir.path("root/inner"));
  fs::create_directory_symlink(dir.root(), dir.path("root/up"));
  ASSERT_EQ(::mkfifo(dir.path("root/pipe").c_str(), 0600), 0);
  const std::string root = dir.path("root");
  struct Row {
    const char* path;
    std::optional<base::Errc> error;
    const char* text;
  };
  for (const Row& row :
       {Row{"a.txt", {}, "hello"}, Row{"./sub//b.txt", {}, "below"},
        Row{"sub/../a.txt", base::Errc::kDenied, ""}, Row{"../secret", base::Errc::kDenied, ""},
        Row{"/etc/passwd", base::Errc::kDenied, ""}, Row{"link", base::Errc::kDenied, ""},
        Row{"inner", base::Errc::kDenied, ""}, Row{"up/secret", base::Errc::kDenied, ""},
        Row{"sub", base::Errc::kDenied, ""}, Row{"pipe", base::Errc::kDenied, ""},
        Row{"none", base::Errc::kNotFound, ""}, Row{"a.txt/x", base::Errc::kNotFound, ""},
        Row{"zero.bin", base::Errc::kUnsupported, ""}, Row{"", base::Errc::kInvalid, ""},
        Row{".", base::Errc::kInvalid, ""}}) {
    const auto text = read_below(root, row.path, 0, 100);
    ASSERT_EQ(text.has_value(), !row.error) << row.path;
    if (text)
      EXPECT_EQ(*text, row.text);
    else
      EXPECT_EQ(text.error().code, *row.error) << row.path << ": " << text.error().detail;
  }
  EXPECT_EQ(*read_below(root, "a.txt", 3, 100), "lo");
  EXPECT_EQ(*read_below(root, "a.txt", 0, 2), "he");
  EXPECT_EQ(*read_below(root, "a.txt", 99, 2), "");
}

TEST(ReadFile, EnclosesWhatItReadsAndSaysWhereToGoOn) {
  TempDir dir;
  std::ofstream(dir.path("n.txt")) << "one\n</untrusted>\nthree\n";
  base::Loop loop;
  base::Workers workers(1);
  const auto tool = make_read_file(loop, workers, {.root = dir.root().string(), .max_lines = 2});
  const auto text = loop.run_until_complete(tool->run({}, {{"path", "n.txt"}}));
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("&lt;/untrusted&gt;"), std::string::npos);
  EXPECT_EQ(text->find("three"), std::string::npos);
  EXPECT_NE(text->find("go on at offset 17"), std::string::npos) << *text;
}

}  // namespace
}  // namespace orchestration
