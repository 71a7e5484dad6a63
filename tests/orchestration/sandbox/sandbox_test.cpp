// Walls that are looked at from inside: files, network, environment, descriptors, time and the tree.
#include "orchestration/sandbox/sandbox.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "orchestration/sandbox/landlock.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

class SandboxTest : public ::testing::TestWithParam<Wall> {
 protected:
  void SetUp() override {
    fs::create_directories(dir_.path("work/.git/hooks"));
    std::ofstream(dir_.path("work/a.txt")) << "inside";
    std::ofstream(dir_.path("outside.txt")) << "outside";
    const auto report = loop_.run_until_complete(sandbox_.probe());
    if (!report) GTEST_SKIP() << report.error().detail;
  }

  SandboxJob sh(std::string script) {
    return {.argv = {"/bin/sh", "-c", std::move(script)},
            .workspace = dir_.path("work"),
            .may_write = true,
            .run = {.time = std::chrono::seconds{30}}};
  }
  ProcessOutcome run(SandboxJob job) {
    auto out = loop_.run_until_complete(sandbox_.run(std::move(job)));
    if (!out) {
      ADD_FAILURE() << out.error().detail;
      return {};
    }
    return *std::move(out);
  }

  TempDir dir_;
  base::Loop loop_;
  Sandbox sandbox_{loop_, {.wall = GetParam()}};
};

/// Those that keep a process from the machine.
class WallTest : public SandboxTest {};
INSTANTIATE_TEST_SUITE_P(Walls, SandboxTest, ::testing::Values(Wall::kBubblewrap, Wall::kLandlock, Wall::kNone),
                         [](const auto& info) { return std::string(wall_name(info.param)); });
INSTANTIATE_TEST_SUITE_P(Walls, WallTest, ::testing::Values(Wall::kBubblewrap, Wall::kLandlock),
                         [](const auto& info) { return std::string(wall_name(info.param)); });

TEST_P(SandboxTest, ReturnsCodeOutputAndErrors) {
  const ProcessOutcome out = run(sh("cat a.txt; echo oops >&2; exit 3"));
  EXPECT_EQ(out.status.code, 3);
  EXPECT_EQ(out.output, "inside");
  EXPECT_EQ(out.errors, "oops\n");
  SandboxJob fed = sh("cat");
  fed.input = std::string(300'000, 'x');
  EXPECT_EQ(run(fed).output.size(), 300'000u);
  EXPECT_EQ(run(sh("read x; echo \"got:$x\"")).output, "got:\n") << "stdin is at its end";
  const auto none = loop_.run_until_complete(sandbox_.run({.argv = {}, .workspace = dir_.path("work")}));
  EXPECT_EQ(none.error().code, base::Errc::kInvalid);
}

TEST_P(SandboxTest, TheEnvironmentHoldsNoSecretAndNoDescriptorIsInherited) {
  ::setenv("SOVEREIGN_TEST_SECRET", "hunter2", 1);
  const int leaked = ::open(dir_.path("outside.txt").c_str(), O_RDONLY);  // without O_CLOEXEC
  const ProcessOutcome out = run(sh("env; ls /proc/self/fd | wc -l"));
  ::close(leaked);
  EXPECT_EQ(out.output.find("hunter2"), std::string::npos) << out.output;
  EXPECT_NE(out.output.find("CI=true"), std::string::npos);
  // 0, 1, 2 and the one ls reads the folder with.
  EXPECT_TRUE(out.output.ends_with("\n4\n")) << out.output;
}

TEST_P(SandboxTest, TheTimeLimitEndsTheWholeTree) {
  SandboxJob job = sh("sleep 300 & sleep 300 & echo started; wait");
  job.run.time = std::chrono::milliseconds{300};
  const auto start = std::chrono::steady_clock::now();
  const ProcessOutcome out = run(job);
  EXPECT_TRUE(out.timed_out);
  EXPECT_EQ(out.status.signal, SIGKILL);
  EXPECT_EQ(out.output, "started\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{30});
}

TEST_P(SandboxTest, WhatIsLeftInTheBackgroundEndsWithItsParent) {
  const ProcessOutcome out = run(sh("(sleep 300; echo late) & echo now"));
  EXPECT_FALSE(out.timed_out);
  EXPECT_EQ(out.output, "now\n");
}

TEST_P(SandboxTest, CancellingEndsTheTreeToo) {
  const std::string pipe = dir_.path("work/pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  SandboxJob job = sh("exec 9>pipe; echo ready >&9; (sleep 300) & wait");
  base::Scope scope(loop_);
  bool ended = false;
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  auto work = [](Sandbox& sandbox, SandboxJob what, bool* done) -> base::Task<void> {
    struct Mark {
      bool* done;
      ~Mark() { *done = true; }
    } const mark{done};
    static_cast<void>(co_await sandbox.run(std::move(what)));
  };
  scope.spawn("job", work(sandbox_, job, &ended));
  auto stop_when_ready = [](base::Scope& what, int fd) -> base::Task<void> {
    char text[6];
    while (::read(fd, text, sizeof text) != sizeof text)
      co_await base::sleep_for(std::chrono::milliseconds{5});
    co_await what.stop();
  };
  loop_.run_until_complete(stop_when_ready(scope, reader));
  EXPECT_TRUE(ended);
  // When every process of the tree is gone, nobody holds the pipe's other end.
  char byte = 0;
  ::fcntl(reader, F_SETFL, 0);
  EXPECT_EQ(::read(reader, &byte, 1), 0);
  ::close(reader);
}

TEST_P(SandboxTest, OutputIsBoundedAndCounted) {
  SandboxJob job = sh("head -c 3000000 /dev/zero | tr '\\0' 'x'; echo END");
  job.run.output_bytes = 1000;
  const ProcessOutcome out = run(job);
  EXPECT_EQ(out.output_bytes, 3'000'004u);
  EXPECT_LT(out.output.size(), 1'100u);
  EXPECT_NE(out.output.find("2999004 of 3000004 bytes left out here"), std::string::npos) << out.output;
  EXPECT_TRUE(out.output.ends_with("END\n"));
}

TEST_P(SandboxTest, FileSizeAndCpuAreLimited) {
  SandboxJob big = sh("head -c 2000000 /dev/zero > big; stat -c %s big");
  big.limits.file_bytes = 1'000'000;
  EXPECT_EQ(run(big).output, "1000000\n");
  SandboxJob busy = sh("while :; do :; done");
  busy.limits.cpu = std::chrono::seconds{1};
  const ProcessOutcome out = run(busy);
  EXPECT_FALSE(out.timed_out);
  EXPECT_NE(out.status.code, 0);
}

TEST_P(WallTest, SeesTheWorkspaceAndNothingElseOfOurs) {
  EXPECT_EQ(run(sh("echo new > b.txt && cat b.txt")).output, "new\n");
  EXPECT_TRUE(fs::exists(dir_.path("work/b.txt")));
  EXPECT_NE(run(sh("cat ../outside.txt")).status.code, 0);
  run(sh("echo x > ../x"));
  EXPECT_FALSE(fs::exists(dir_.path("x")));
  EXPECT_NE(run(sh("echo x > /usr/x")).status.code, 0);
  EXPECT_NE(run(sh("cat /etc/shadow")).status.code, 0);
  EXPECT_NE(run(sh("ls /root/ /home/* 2>/dev/null | grep .")).status.code, 0);
  fs::create_symlink(dir_.path("outside.txt"), dir_.path("work/link"));
  EXPECT_NE(run(sh("cat link")).status.code, 0);
  SandboxJob reader = sh("cat a.txt; echo x > c.txt");
  reader.may_write = false;
  EXPECT_NE(run(reader).status.code, 0);
  EXPECT_FALSE(fs::exists(dir_.path("work/c.txt")));
}

TEST_P(WallTest, HasNoNetworkAndCannotTakeMorePower) {
  const char* connect =
      "import socket\n"
      "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)\n"
      "s.settimeout(2)\n"
      "s.connect(('127.0.0.1', 22))\n";
  SandboxJob job = sh("");
  job.argv = {"/usr/bin/python3", "-c", connect};
  EXPECT_NE(run(job).status.code, 0);
  for (const char* script : {"unshare -U true", "unshare -m true", "mount -t tmpfs x /tmp", "chroot / true"})
    EXPECT_NE(run(sh(script)).status.code, 0) << script;
  EXPECT_EQ(run(sh("grep Seccomp: /proc/self/status")).output, "Seccomp:\t2\n");
}

TEST_P(WallTest, CannotSignalThisProgram) {
  if (GetParam() == Wall::kLandlock && landlock_version() < 6) GTEST_SKIP() << "an older Landlock";
  const ProcessOutcome out = run(sh("kill -0 " + std::to_string(::getpid())));
  EXPECT_NE(out.status.code, 0);
}

TEST(Sandbox, WhatGitWouldRunLaterIsReadOnlyBehindBubblewrap) {
  TempDir dir;
  base::Loop loop;
  Sandbox sandbox(loop, {});
  if (!loop.run_until_complete(sandbox.probe())) GTEST_SKIP() << "no bubblewrap here";
  fs::create_directories(dir.path("work/.git/hooks"));
  std::ofstream(dir.path("work/.git/config")) << "[core]\n";
  for (const char* script : {"echo x > .git/hooks/pre-commit", "echo x >> .git/config"}) {
    const auto out = loop.run_until_complete(sandbox.run(
        {.argv = {"/bin/sh", "-c", script}, .workspace = dir.path("work"), .may_write = true}));
    ASSERT_TRUE(out.has_value());
    EXPECT_NE(out->status.code, 0) << script;
  }
}

TEST(Sandbox, FailsClosedWithAHintWhenTheWallDoesNotStand) {
  base::Loop loop;
  Sandbox sandbox(loop, {.bwrap = "/nonexistent/bwrap"});
  const auto report = loop.run_until_complete(sandbox.probe());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, base::Errc::kUnsupported);
  EXPECT_NE(report.error().hint.find("tools.sandbox"), std::string::npos);
  const auto out = loop.run_until_complete(sandbox.run({.argv = {"/bin/true"}}));
  EXPECT_EQ(out.error().code, base::Errc::kUnsupported);
  // A program that merely pretends is found out: it shows no filter and no empty network.
  TempDir dir;
  std::ofstream(dir.path("bwrap")) << "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\n";
  fs::permissions(dir.path("bwrap"), fs::perms::owner_all);
  Sandbox fake(loop, {.bwrap = dir.path("bwrap")});
  const auto faked = loop.run_until_complete(fake.probe());
  ASSERT_FALSE(faked.has_value());
  EXPECT_NE(faked.error().detail.find("missing"), std::string::npos) << faked.error().detail;
}

TEST(Sandbox, SaysWhatIsEnforcedAndWhatIsNot) {
  base::Loop loop;
  Sandbox open(loop, {.wall = Wall::kNone});
  const auto report = loop.run_until_complete(open.probe());
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->enforced.empty());
  EXPECT_FALSE(report->missing.empty());
  EXPECT_EQ(*parse_wall("landlock"), Wall::kLandlock);
  EXPECT_FALSE(parse_wall("firejail").has_value());
}

}  // namespace
}  // namespace orchestration
