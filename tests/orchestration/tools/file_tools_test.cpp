// File tools work below their folder and nowhere else, show what they cut, and replace only what was seen.
#include "orchestration/tools/file_tools.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "orchestration/tools/patch.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

struct Folder {
  Folder() {
    fs::create_directories(dir.path("root/sub"));
    workspace = Workspace::open(dir.path("root")).value();
    for (auto* make : {make_reading_tools, make_writing_tools})
      for (auto& tool : make({loop, workers, workspace})) EXPECT_TRUE(tools.add(std::move(tool)).has_value());
  }
  void put(const std::string& path, const std::string& text) { std::ofstream(dir.path("root/" + path)) << text; }
  std::string get(const std::string& path) { return content_of(dir.path("root/" + path)); }
  base::Result<std::string> run(const char* tool, base::json::Value params) {
    return loop.run_until_complete(tools.find(tool)->run({}, std::move(params)));
  }

  TempDir dir;
  base::Loop loop;
  base::Workers workers{1};
  std::shared_ptr<Workspace> workspace;
  ToolRegistry tools;
};

TEST(Workspace, StaysBelowItsRoot) {
  Folder f;
  std::ofstream(f.dir.path("secret")) << "secret";
  f.put("a.txt", "hello");
  f.put("sub/b.txt", "below");
  f.put("zero.bin", std::string("a\0b", 3));
  fs::create_symlink(f.dir.path("secret"), f.dir.path("root/link"));
  fs::create_symlink("a.txt", f.dir.path("root/inner"));
  fs::create_directory_symlink(f.dir.root(), f.dir.path("root/up"));
  ASSERT_EQ(::mkfifo(f.dir.path("root/pipe").c_str(), 0600), 0);
  struct Row {
    std::string path;
    std::optional<base::Errc> error;
    const char* text;
  };
  for (const Row& row :
       {Row{"a.txt", {}, "hello"}, Row{"./sub//b.txt", {}, "below"}, Row{f.dir.path("root/a.txt"), {}, "hello"},
        Row{"sub/../a.txt", base::Errc::kDenied, ""}, Row{"../secret", base::Errc::kDenied, ""},
        Row{"/etc/passwd", base::Errc::kDenied, ""}, Row{"link", base::Errc::kDenied, ""},
        Row{"inner", base::Errc::kDenied, ""}, Row{"up/secret", base::Errc::kDenied, ""},
        Row{"sub", base::Errc::kDenied, ""}, Row{"pipe", base::Errc::kDenied, ""},
        Row{"none", base::Errc::kNotFound, ""}, Row{"a.txt/x", base::Errc::kNotFound, ""},
        Row{"zero.bin", base::Errc::kUnsupported, ""}, Row{"", base::Errc::kInvalid, ""},
        Row{".", base::Errc::kDenied, ""}, Row{f.dir.path("rootless"), base::Errc::kDenied, ""}}) {
    const auto text = f.workspace->read(row.path, 0, 100);
    ASSERT_EQ(text.has_value(), !row.error) << row.path;
    if (text)
      EXPECT_EQ(*text, row.text);
    else
      EXPECT_EQ(text.error().code, *row.error) << row.path << ": " << text.error().detail;
  }
  EXPECT_EQ(*f.workspace->read("a.txt", 3, 100), "lo");
  EXPECT_EQ(*f.workspace->read("a.txt", 99, 2), "");
}

TEST(Workspace, WritesNothingThroughLinksAndNothingOfGit) {
  Folder f;
  std::ofstream(f.dir.path("outside")) << "kept";
  fs::create_symlink(f.dir.path("outside"), f.dir.path("root/link"));
  fs::create_directory_symlink(f.dir.root(), f.dir.path("root/up"));
  fs::create_directories(f.dir.path("root/.git/hooks"));
  for (const char* path : {"link", "up/outside", "../outside", "/etc/x", ".git/hooks/pre-commit", "sub/.git/config",
                           "sub", ".", "sub/"})
    EXPECT_FALSE(f.workspace->write(path, "changed").has_value()) << path;
  EXPECT_EQ(content_of(f.dir.path("outside")), "kept");
  ASSERT_TRUE(f.workspace->write("new/deep/er.txt", "one").has_value());
  fs::permissions(f.dir.path("root/new/deep/er.txt"), fs::perms::owner_all);
  ASSERT_TRUE(f.workspace->write("new/deep/er.txt", "two").has_value());
  EXPECT_EQ(f.get("new/deep/er.txt"), "two");
  EXPECT_EQ(fs::status(f.dir.path("root/new/deep/er.txt")).permissions(), fs::perms::owner_all);
  EXPECT_EQ(std::distance(fs::directory_iterator(f.dir.path("root/new/deep")), {}), 1);
  EXPECT_FALSE(f.workspace->remove("link").has_value());
  EXPECT_TRUE(f.workspace->remove("new/deep/er.txt").has_value());
}

TEST(ReadFile, EnclosesAWindowOfLinesAndSaysWhereToGoOn) {
  Folder f;
  f.put("n.txt", "one\n</untrusted>\nthree\nfour");
  f.put("zero.bin", std::string("a\0b", 3));
  const auto head = f.run("read_file", {{"path", "n.txt"}, {"lines", 2}});
  ASSERT_TRUE(head.has_value());
  EXPECT_NE(head->find("&lt;/untrusted&gt;"), std::string::npos);
  EXPECT_EQ(head->find("three"), std::string::npos);
  EXPECT_NE(head->find("Lines 1 to 2 of 4. Go on at line 3."), std::string::npos) << *head;
  const auto tail = f.run("read_file", {{"path", "n.txt"}, {"line", 4}});
  EXPECT_NE(tail->find("four"), std::string::npos);
  EXPECT_NE(tail->find("Lines 4 to 4 of 4."), std::string::npos) << *tail;
  EXPECT_EQ(f.run("read_file", {{"path", "n.txt"}, {"line", 5}}).error().code, base::Errc::kNotFound);
  EXPECT_EQ(f.run("read_file", {{"path", "zero.bin"}}).error().code, base::Errc::kUnsupported);
}

TEST(LinesOf, CutsWindowsByCountAndBytes) {
  struct Row {
    std::string_view text;
    std::size_t first, count, bytes;
    std::string_view window;
    std::size_t from, to, total;
  };
  for (const Row& row : {Row{"a\nb\nc\n", 1, 9, 99, "a\nb\nc\n", 1, 3, 3}, Row{"a\nb\nc", 2, 1, 99, "b\n", 2, 2, 3},
                         Row{"a\nb\nc", 3, 9, 99, "c", 3, 3, 3}, Row{"a\nb", 3, 1, 99, "", 0, 0, 2},
                         Row{"", 1, 1, 99, "", 1, 0, 0}, Row{"aaaa\nb\n", 1, 9, 3, "aaa", 1, 1, 2},
                         Row{"aa\nbb\ncc\n", 1, 9, 6, "aa\nbb\n", 1, 2, 3}, Row{"\n\n", 2, 1, 9, "\n", 2, 2, 2}}) {
    const LineWindow window = lines_of(row.text, row.first, row.count, row.bytes);
    EXPECT_EQ(window.text, row.window) << row.text;
    EXPECT_EQ(window.first, row.from) << row.text;
    EXPECT_EQ(window.last, row.to) << row.text;
    EXPECT_EQ(window.total, row.total) << row.text;
  }
}

TEST(IsText, AllowsACharacterCutAtEitherEnd) {
  EXPECT_TRUE(is_text(""));
  EXPECT_TRUE(is_text("\xc3\xa4"));
  EXPECT_TRUE(is_text("a\xc3"));
  EXPECT_TRUE(is_text("\xa4" "a\xf0\x9f\x98"));
  EXPECT_FALSE(is_text(std::string_view("a\0", 2)));
  EXPECT_FALSE(is_text("aaaa\xff" "aaaa"));
}

TEST(Glob, StandsForPaths) {
  struct Row {
    const char* glob;
    const char* path;
    bool matches;
  };
  Folder f;
  for (const char* path : {"a.cpp", "sub/b.cpp", "sub/c.h", "sub/.hidden"}) f.put(path, "x");
  fs::create_directories(f.dir.path("root/.git"));
  f.put(".git/d.cpp", "x");
  for (const Row& row : {Row{"*.cpp", "a.cpp", true}, Row{"*.cpp", "b.cpp", false}, Row{"**/*.cpp", "sub/b.cpp", true},
                         Row{"**/*.cpp", "a.cpp", true}, Row{"**", "sub/c.h", true}, Row{"sub/*.{cpp,h}", "sub/c.h", true},
                         Row{"sub/[a-b].cpp", "sub/b.cpp", true}, Row{"sub/[!b].cpp", "sub/b.cpp", false},
                         Row{"sub/?.h", "sub/c.h", true}, Row{"sub?c.h", "sub/c.h", false}, Row{"**", ".git/d.cpp", false}}) {
    const auto found = f.run("glob", {{"pattern", row.glob}});
    ASSERT_TRUE(found.has_value()) << row.glob;
    EXPECT_EQ(found->find(std::string("\n") + row.path + "\n") != std::string::npos, row.matches) << row.glob << *found;
  }
  EXPECT_NE(f.run("glob", {{"pattern", "**"}, {"path", "a.cpp"}})->find("a.cpp"), std::string::npos);
  for (const char* bad : {"a[", "a{b", "[a[b]", "[\\d]"}) EXPECT_FALSE(glob_to_regex(bad).has_value()) << bad;
}

TEST(Grep, FindsLinesAndLeavesOutWhatIsNoText) {
  Folder f;
  f.put("a.txt", "one\nTwo two\nthree\n");
  f.put("sub/b.h", "two\n");
  f.put("bin", std::string("two\0", 4));
  const auto all = f.run("grep", {{"pattern", "t[w]o"}});
  ASSERT_TRUE(all.has_value());
  EXPECT_NE(all->find("a.txt:2: Two two\n"), std::string::npos) << *all;
  EXPECT_NE(all->find("sub/b.h:1: two\n"), std::string::npos);
  EXPECT_EQ(all->find("bin:"), std::string::npos);
  EXPECT_EQ(f.run("grep", {{"pattern", "two"}, {"include", "**/*.h"}})->find("a.txt"), std::string::npos);
  EXPECT_NE(f.run("grep", {{"pattern", "THREE"}, {"ignore_case", true}, {"path", "a.txt"}})->find("a.txt:3"), std::string::npos);
  EXPECT_EQ(*f.run("grep", {{"pattern", "nowhere"}}), "No line matches.");
  EXPECT_EQ(f.run("grep", {{"pattern", "("}}).error().code, base::Errc::kInvalid);
  f.put("many.txt", [] {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += "many\n";
    return text;
  }());
  EXPECT_NE(f.run("grep", {{"pattern", "many"}})->find("Cut here: 500 lines"), std::string::npos);
}

TEST(WriteFile, ReplacesOnlyWhatWasReadAndHasNotChanged) {
  Folder f;
  EXPECT_TRUE(f.run("write_file", {{"path", "sub/n.txt"}, {"content", "one"}}).has_value());
  EXPECT_TRUE(f.run("write_file", {{"path", "sub/n.txt"}, {"content", "two"}}).has_value()) << "its own work";
  f.put("old.txt", "first");
  EXPECT_EQ(f.run("write_file", {{"path", "old.txt"}, {"content", "x"}}).error().code, base::Errc::kConflict);
  ASSERT_TRUE(f.run("read_file", {{"path", "./old.txt"}}).has_value());
  f.put("old.txt", "changed by somebody");
  EXPECT_EQ(f.run("write_file", {{"path", "old.txt"}, {"content", "x"}}).error().code, base::Errc::kConflict);
  ASSERT_TRUE(f.run("read_file", {{"path", "old.txt"}}).has_value());
  EXPECT_TRUE(f.run("write_file", {{"path", "old.txt"}, {"content", "x"}}).has_value());
  EXPECT_EQ(f.get("old.txt"), "x");
}

TEST(EditFile, NeedsTheExactPassageOnce) {
  Folder f;
  f.put("a.txt", "if (a < b) return;\nb\nb\n");
  const auto edit = [&](const char* from, const char* to, bool all = false) {
    return f.run("edit_file", {{"path", "a.txt"}, {"old_text", from}, {"new_text", to}, {"all", all}});
  };
  EXPECT_EQ(edit("nowhere", "x").error().code, base::Errc::kNotFound);
  EXPECT_EQ(edit("b\n", "c\n").error().code, base::Errc::kConflict);
  EXPECT_EQ(edit("b", "b").error().code, base::Errc::kInvalid);
  EXPECT_TRUE(edit("b\n", "c\n", true).has_value());
  EXPECT_TRUE(edit("a &lt; b", "a &gt; b").has_value()) << "as the envelope shows it";
  EXPECT_EQ(f.get("a.txt"), "if (a > b) return;\nc\nc\n");
  EXPECT_EQ(f.run("edit_file", {{"path", "none"}, {"old_text", "a"}, {"new_text", "b"}}).error().code,
            base::Errc::kNotFound);
}

TEST(ApplyPatch, AppliesAllOrNothing) {
  Folder f;
  f.put("a.txt", "one\ntwo\nthree\n");
  f.put("gone.txt", "bye\n");
  const std::string patch =
      "diff --git a/a.txt b/a.txt\nindex 1..2 100644\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2.5\n three\n"
      "--- /dev/null\n+++ b/sub/new.txt\n@@ -0,0 +1,1 @@\n+fresh\n"
      "--- a/gone.txt\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-bye\n";
  const auto done = f.run("apply_patch", {{"patch", patch}});
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(f.get("a.txt"), "one\n2\n2.5\nthree\n");
  EXPECT_EQ(f.get("sub/new.txt"), "fresh\n");
  EXPECT_FALSE(fs::exists(f.dir.path("root/gone.txt")));
  const std::string half = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n--- a/none\n+++ b/none\n@@ -1 +1 @@\n-x\n+y\n";
  EXPECT_EQ(f.run("apply_patch", {{"patch", half}}).error().code, base::Errc::kNotFound);
  EXPECT_EQ(f.get("a.txt"), "one\n2\n2.5\nthree\n");
  EXPECT_EQ(f.run("apply_patch", {{"patch", patch}}).error().code, base::Errc::kConflict);
}

TEST(Patch, FitsExactlyOrSaysWhere) {
  const auto apply = [](const std::string& content, const std::string& hunks) -> base::Result<std::string> {
    TRY(const auto patches, parse_patch("--- a/f\n+++ b/f\n" + hunks));
    return apply_patch(content, patches.at(0));
  };
  EXPECT_EQ(*apply("a\nb\nc\n", "@@ -9,1 +9,1 @@\n-b\n+B\n"), "a\nB\nc\n") << "the only other place";
  EXPECT_EQ(apply("b\nb\n", "@@ -9 +9 @@\n-b\n+B\n").error().code, base::Errc::kConflict);
  EXPECT_EQ(*apply("b\nb\n", "@@ -2 +2 @@\n-b\n+B\n"), "b\nB\n");
  EXPECT_EQ(apply("a\n", "@@ -1 +1 @@\n-x\n+y\n").error().code, base::Errc::kConflict);
  EXPECT_EQ(*apply("a\nb\nc", "@@ -1 +1,2 @@\n a\n+x\n@@ -3 +4 @@\n-c\n+C\n"), "a\nx\nb\nC") << "no final newline";
  EXPECT_EQ(*apply("-- x\n", "@@ -1 +0,0 @@\n--- x\n"), "") << "a removed line that looks like a header";
  EXPECT_EQ(*apply("a\n\nb\n", "@@\n a\n\n-b\n+c\n"), "a\n\nc\n") << "an empty line of context without its space";
  for (const char* bad : {"", "@@ -1 +1 @@\n-a\n", "--- a/f\n+++ b/f\n", "+++ b/f\n@@ -1 +1 @@\n-a\n", "--- /dev/null\n+++ /dev/null\n",
                          "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\nwhat\n"})
    EXPECT_FALSE(parse_patch(bad).has_value()) << bad;
}

}  // namespace
}  // namespace orchestration
