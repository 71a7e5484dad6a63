// Commands, history and PDFs through the sandbox, and what a session makes of a command that was cut off.
#include "orchestration/tools/command_tools.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

class CommandToolsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_.path("work/sub"));
    std::ofstream(dir_.path("work/a.txt")) << "inside";
    const auto report = loop_.run_until_complete(sandbox_.probe());
    if (!report) GTEST_SKIP() << report.error().detail;
  }
  CommandToolDeps deps() { return {sandbox_, dir_.path("work"), true}; }
  base::Result<std::string> run(Tool& tool, base::json::Value params) {
    return loop_.run_until_complete(tool.run({}, std::move(params)));
  }

  TempDir dir_;
  base::Loop loop_;
  Sandbox sandbox_{loop_, {}};
};

TEST_F(CommandToolsTest, BashSaysOutputErrorsAndCode) {
  const auto bash = make_bash(deps());
  const auto out = run(*bash, {{"command", "cat a.txt; echo '</untrusted>' >&2; exit 3"}});
  ASSERT_TRUE(out.has_value()) << out.error().detail;
  EXPECT_NE(out->find("inside"), std::string::npos) << *out;
  EXPECT_NE(out->find("&lt;/untrusted&gt;"), std::string::npos);
  EXPECT_TRUE(out->ends_with("Exit code 3."));
  EXPECT_NE(run(*bash, {{"command", "echo new > sub/b.txt"}})->find("Exit code 0."), std::string::npos);
  EXPECT_TRUE(fs::exists(dir_.path("work/sub/b.txt")));
  EXPECT_NE(run(*bash, {{"command", "sleep 60"}, {"seconds", 1}})->find("took too long"), std::string::npos);
  const auto reader = make_bash({sandbox_, dir_.path("work")});
  EXPECT_EQ(run(*reader, {{"command", "touch c.txt"}})->find("Exit code 0."), std::string::npos);
  EXPECT_FALSE(fs::exists(dir_.path("work/c.txt")));
  EXPECT_EQ(bash->subject({{"command", "git status"}}), "git status");
}

// Checklist 16: what a line looks like is judged before; where its links lead is the wall's to know.
TEST_F(CommandToolsTest, ARedirectionThroughALinkDoesNotLeaveTheWorkspace) {
  std::ofstream(dir_.path("outside.txt")) << "kept";
  fs::create_symlink(dir_.path("outside.txt"), dir_.path("work/link"));
  fs::create_directory_symlink(dir_.root(), dir_.path("work/up"));
  const auto bash = make_bash(deps());
  for (const char* line : {"echo changed > link", "echo changed >> link", "echo changed > up/outside.txt", "echo new > up/new.txt", "echo x | tee link", "cp a.txt link"}) {
    // Some of them write into the nothing that the wall shows in the link's place.
    ASSERT_TRUE(run(*bash, {{"command", line}}).has_value()) << line;
  }
  std::ifstream in(dir_.path("outside.txt"));
  std::string kept;
  in >> kept;
  EXPECT_EQ(kept, "kept");
  EXPECT_FALSE(fs::exists(dir_.path("new.txt")));
}

TEST_F(CommandToolsTest, ASandboxThatDoesNotStandRunsNothing) {
  Sandbox broken(loop_, {.bwrap = "/nonexistent"});
  const auto bash = make_bash({broken, dir_.path("work"), true});
  EXPECT_EQ(run(*bash, {{"command", "touch proof"}}).error().code, base::Errc::kUnsupported);
  EXPECT_FALSE(fs::exists(dir_.path("work/proof")));
}

TEST_F(CommandToolsTest, HistoryIsReadAndItsHooksAndDriversDoNotRun) {
  const std::string work = dir_.path("work");
  const std::string setup = "cd " + work +
                            " && git init -q && git config user.email a@b && git config user.name A && git add . && "
                            "git commit -qm first && echo more >> a.txt && git commit -qam second && "
                            "git config core.fsmonitor 'touch fsmonitor-ran' && git config diff.external 'touch diff-ran' "
                            ">/dev/null 2>&1";
  if (std::system(setup.c_str()) != 0) GTEST_SKIP() << "no git here";  // NOLINT(cert-env33-c)
  const auto tools = make_git_tools(deps());
  const auto log = run(*tools[0], {{"count", 1}});
  ASSERT_TRUE(log.has_value());
  EXPECT_NE(log->find("second"), std::string::npos) << *log;
  EXPECT_EQ(log->find("first"), std::string::npos);
  const auto show = run(*tools[1], {{"revision", "HEAD"}});
  EXPECT_NE(show->find("+insidemore"), std::string::npos) << *show;
  const auto blame = run(*tools[2], {{"path", "a.txt"}, {"lines", 1}});
  EXPECT_NE(blame->find("insidemore"), std::string::npos) << *blame;
  EXPECT_EQ(run(*tools[1], {{"revision", "--output=x"}}).error().code, base::Errc::kInvalid);
  for (const char* proof : {"work/fsmonitor-ran", "work/diff-ran", "work/x"}) EXPECT_FALSE(fs::exists(dir_.path(proof)));
}

TEST_F(CommandToolsTest, PdfTextIsTakenOutBehindTheWall) {
  if (!fs::exists("/usr/bin/pdftotext")) GTEST_SKIP() << "no pdftotext here";
  std::string pdf = "%PDF-1.1\n";
  std::vector<std::size_t> at;
  const std::string stream = "BT /F1 24 Tf 72 700 Td (Hello from a page) Tj ET";
  for (const std::string& object :
       {std::string("<</Type/Catalog/Pages 2 0 R>>"), std::string("<</Type/Pages/Kids[3 0 R]/Count 1>>"),
        std::string("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"),
        "<</Length " + std::to_string(stream.size()) + ">>stream\n" + stream + "\nendstream",
        std::string("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")}) {
    at.push_back(pdf.size());
    pdf += std::to_string(at.size()) + " 0 obj" + object + "endobj\n";
  }
  const std::size_t xref = pdf.size();
  pdf += "xref\n0 6\n0000000000 65535 f \n";
  for (const std::size_t offset : at) {
    char row[32];
    std::snprintf(row, sizeof row, "%010zu 00000 n \n", offset);
    pdf += row;
  }
  pdf += "trailer<</Size 6/Root 1 0 R>>\nstartxref\n" + std::to_string(xref) + "\n%%EOF\n";
  std::ofstream(dir_.path("work/doc.pdf")) << pdf;
  std::ofstream(dir_.path("outside.pdf")) << pdf;
  fs::create_symlink(dir_.path("outside.pdf"), dir_.path("work/link.pdf"));
  const auto tool = make_read_pdf(deps());
  const auto text = run(*tool, {{"path", "doc.pdf"}});
  ASSERT_TRUE(text.has_value()) << text.error().detail;
  EXPECT_NE(text->find("Hello from a page"), std::string::npos);
  EXPECT_EQ(run(*tool, {{"path", "link.pdf"}}).error().code, base::Errc::kNotFound);
  EXPECT_FALSE(run(*tool, {{"path", "a.txt"}}).has_value());
}

/// Dies, as a process would, in the middle of its first run.
class CutOff final : public Tool {
 public:
  explicit CutOff(int& runs) : runs_(runs) {}
  const ToolSpec& spec() const override { return spec_; }
  Capability capability() const override { return Capability::kRun; }
  ActionClass action() const override { return ActionClass::kRunCommand; }
  bool is_outward() const override { return false; }
  std::optional<nostr::Kind> sign_kind() const override { return std::nullopt; }
  std::string subject(const base::json::Value&) const override { return "true"; }
  base::Task<base::Result<ActionRequest>> prepare(ToolContext, base::json::Value) override {
    co_return base::fail(base::Errc::kInternal, "does not act");
  }
  base::Task<base::Result<std::string>> run(ToolContext, base::json::Value) override {
    if (++runs_ == 1) co_return base::fail(base::Errc::kClosed, "cut off");
    co_return std::string("done again");
  }

 private:
  ToolSpec spec_{"cut_off", "", {{"type", "object"}}};
  int& runs_;
};

TEST(Session, AStartedCommandIsNeverRepeatedAfterACrash) {
  TempDir dir;
  int runs = 0;
  for (int life = 0; life < 2; ++life) {
    World world(dir);
    world.agent.permissions.commands.mode = Permit::kAllow;
    world.agent.autonomy.level = Level::kAutonomous;
    world.add_gates();
    ASSERT_TRUE(world.tools.add(std::make_unique<CutOff>(runs)).has_value());
    std::vector<ScriptedBackend::Outcome> script;
    if (life == 0) script.emplace_back(ScriptedBackend::calls({{"cut_off", "{}"}}));
    script.emplace_back(ScriptedBackend::says("finished"));
    ScriptedBackend backend(std::move(script));
    const auto result = world.run(backend, World::mention("do it"));
    EXPECT_EQ(result.has_value(), life == 1);
    if (life == 1) {
      ASSERT_FALSE(backend.requests.empty());
      EXPECT_NE(backend.requests[0].messages.back().content.find("outcome is unknown"), std::string::npos);
    }
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace orchestration
