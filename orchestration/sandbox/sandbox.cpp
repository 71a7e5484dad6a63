// Building the wall and looking at it from inside.
#include "orchestration/sandbox/sandbox.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <span>

#include <fmt/format.h>

#include "nostr/base/user.h"
#include "orchestration/names.h"
#include "orchestration/sandbox/landlock.h"
#include "orchestration/sandbox/seccomp_filter.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
namespace fs = std::filesystem;

constexpr Name<Wall> kWalls[] = {
    {Wall::kBubblewrap, "bubblewrap"}, {Wall::kLandlock, "landlock"}, {Wall::kNone, "none"}};

/// Nothing of this program's own environment: no keys, and nobody to ask.
constexpr std::string_view kEnvironment[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TERM=dumb", "NO_COLOR=1", "CI=true",
    "PAGER=cat", "GIT_PAGER=cat", "EDITOR=false", "VISUAL=false", "GIT_EDITOR=false",
    "GIT_SEQUENCE_EDITOR=false", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
    "GIT_OPTIONAL_LOCKS=0", "DEBIAN_FRONTEND=noninteractive", "PIP_NO_INPUT=1", "npm_config_yes=false",
    "HOME=/tmp", "TMPDIR=/tmp"};

/// What every program needs to start: libraries, their index, names of users, certificates.
constexpr std::string_view kSystem[] = {"/usr", "/etc/alternatives", "/etc/ld.so.cache", "/etc/passwd",
                                        "/etc/group", "/etc/localtime", "/etc/ssl/certs",
                                        "/etc/nsswitch.conf", "/etc/fonts"};
constexpr std::string_view kLinked[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::string_view kNetworkFiles[] = {"/etc/resolv.conf", "/etc/hosts"};
constexpr std::string_view kGitFiles[] = {".git/hooks", ".git/config"};

std::vector<std::string> environment_of(const SandboxJob& job) {
  std::vector<std::string> out;
  for (const std::string_view line : kEnvironment) {
    const std::string name(line.substr(0, line.find('=') + 1));
    const bool replaced = std::any_of(job.environment.begin(), job.environment.end(),
                                      [&](const std::string& own) { return own.starts_with(name); });
    if (!replaced) out.emplace_back(line);
  }
  out.insert(out.end(), job.environment.begin(), job.environment.end());
  return out;
}

std::string directory_of(const SandboxJob& job) {
  return !job.directory.empty() ? job.directory : !job.workspace.empty() ? job.workspace : "/tmp";
}

Result<void> check(const SandboxJob& job) {
  if (job.argv.empty()) return fail(Errc::kInvalid, "there is no program to run");
  for (const std::string& path : {job.workspace, job.directory})
    if (!path.empty() && !path.starts_with('/'))
      return fail(Errc::kInvalid, path + " is not an absolute path");
  if (job.workspace == "/") return fail(Errc::kDenied, "the whole machine is no workspace");
  return {};
}

void add(std::vector<std::string>& argv, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) argv.emplace_back(word);
}

/// What the probe's process is asked to show of itself.
constexpr std::string_view kProbe =
    "cat /proc/self/status; echo =net; cat /proc/net/dev; echo =pids; ls /proc | grep -c '^[0-9]'; "
    "echo =home; ls \"$1\" >/dev/null 2>&1 && echo visible; "
    "(: >/usr/.sovereign-probe) 2>/dev/null && rm /usr/.sovereign-probe && echo writable";

/// The value of a line "Name:\tvalue".
std::string field(const std::string& text, std::string_view name) {
  const auto at = text.find(std::string(name) + ":\t");
  if (at == text.npos) return "";
  const std::size_t start = at + name.size() + 2;
  return text.substr(start, text.find('\n', start) - start);
}

std::string between(const std::string& text, std::string_view from, std::string_view to) {
  const auto start = text.find(from);
  if (start == text.npos) return "";
  const std::size_t begin = start + from.size();
  return text.substr(begin, to.empty() ? text.npos : text.find(to, begin) - begin);
}

std::string hint_for(Wall wall) {
  return wall == Wall::kBubblewrap
             ? "apt-get install bubblewrap and allow unprivileged user namespaces "
               "(sysctl kernel.unprivileged_userns_clone=1), or set tools.sandbox = \"landlock\""
             : "use a kernel with Landlock, or set tools.sandbox = \"bubblewrap\"";
}

/// Turns what the process saw of itself into a statement; missing what the wall must give is an error.
Result<SandboxReport> read_probe(Wall wall, const std::string& seen) {
  SandboxReport out{.wall = wall};
  const auto state = [&](bool holds, std::string what) {
    (holds ? out.enforced : out.missing).push_back(std::move(what));
    return holds;
  };
  const std::string net = between(seen, "=net\n", "=pids");
  const std::string home = between(seen, "=home\n", "");
  const bool only_loopback = std::count(net.begin(), net.end(), '\n') <= 3;
  const bool alone = std::atoi(between(seen, "=pids\n", "=home").c_str()) <= 8;
  const bool filtered = state(field(seen, "Seccomp") == "2", "dangerous system calls are refused");
  const bool powerless = state(field(seen, "NoNewPrivs") == "1", "no new privileges");
  const bool isolated =
      state(wall == Wall::kLandlock || only_loopback, "no network");
  const bool homeless = state(!home.contains("visible"), "the home directory is out of sight");
  const bool fixed = state(!home.contains("writable"), "nothing outside the workspace can be written");
  const bool private_tree = state(alone, "other processes are out of sight");
  state(true, "time, memory, file size and output are limited");
  state(true, "no variables and descriptors of this program");
  const bool stands = wall == Wall::kBubblewrap
                          ? filtered && powerless && isolated && homeless && fixed && private_tree
                          : filtered && powerless && homeless && fixed;
  if (stands) return out;
  return fail(Errc::kUnsupported,
              fmt::format("the sandbox \"{}\" does not hold here; missing: {}", wall_name(wall),
                          fmt::join(out.missing, ", ")),
              hint_for(wall));
}

}  // namespace

std::string_view wall_name(Wall wall) { return name_in(kWalls, wall); }
Result<Wall> parse_wall(std::string_view name) { return value_in(kWalls, name, "sandbox"); }

Sandbox::Sandbox(base::Loop& loop, SandboxOptions options) : loop_(loop), options_(std::move(options)) {}

Result<ProcessSpec> Sandbox::bubblewrap(const SandboxJob& job, std::vector<Fd>& held) const {
  TRY(const std::string filter, seccomp_filter({}));
  TRY(Fd filter_fd, memory_file("seccomp", filter));
  ProcessSpec spec{.environment = environment_of(job), .directory = "/", .limits = job.limits,
                   .keep = {filter_fd.get()}};
  std::vector<std::string>& argv = spec.argv;
  add(argv, {options_.bwrap, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts",
             "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
             "--hostname", "sandbox"});
  if (!job.network) add(argv, {"--unshare-net"});
  for (const std::string_view path : kSystem) add(argv, {"--ro-bind-try", path, path});
  for (const std::string_view path : kLinked) {
    std::error_code error;
    if (fs::is_symlink(path, error))
      add(argv, {"--symlink", fs::read_symlink(path, error).string(), path});
    else
      add(argv, {"--ro-bind-try", path, path});
  }
  if (job.network)
    for (const std::string_view path : kNetworkFiles) add(argv, {"--ro-bind-try", path, path});
  add(argv, {"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/tmp"});
  if (!job.workspace.empty()) {
    add(argv, {job.may_write ? "--bind" : "--ro-bind", job.workspace, job.workspace});
    // What git would execute later, outside, is not for tools to write.
    for (const std::string_view file : kGitFiles) {
      const std::string path = fmt::format("{}/{}", job.workspace, file);
      if (job.may_write) add(argv, {"--ro-bind-try", path, path});
    }
  }
  for (const std::string& path : job.readable) add(argv, {"--ro-bind-try", path, path});
  add(argv, {"--chdir", directory_of(job), "--seccomp", std::to_string(filter_fd.get()), "--"});
  argv.insert(argv.end(), job.argv.begin(), job.argv.end());
  held.push_back(std::move(filter_fd));
  return spec;
}

Result<ProcessSpec> Sandbox::landlocked(const SandboxJob& job, std::vector<Fd>& held) const {
  LandlockRules rules;
  for (const auto& list : {std::span<const std::string_view>(kSystem), std::span<const std::string_view>(kLinked)})
    for (const std::string_view path : list) rules.read.emplace_back(path);
  if (job.network)
    for (const std::string_view path : kNetworkFiles) rules.read.emplace_back(path);
  rules.read.emplace_back("/proc");
  rules.read.insert(rules.read.end(), job.readable.begin(), job.readable.end());
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"})
    rules.write.emplace_back(device);
  if (!job.workspace.empty()) (job.may_write ? rules.write : rules.read).push_back(job.workspace);
  TRY(Fd ruleset, landlock_ruleset(rules));
  TRY(std::string filter, seccomp_filter({.refuse_sockets = !job.network, .keep_group = true}));
  // There is no /tmp behind this wall; what needs one gets the workspace.
  SandboxJob placed = job;
  const std::string scratch = job.workspace.empty() ? "/" : job.workspace;
  placed.environment.push_back("HOME=" + scratch);
  placed.environment.push_back("TMPDIR=" + scratch);
  ProcessSpec spec{.argv = job.argv,
                   .environment = environment_of(placed),
                   .directory = directory_of(job) == "/tmp" ? "/" : directory_of(job),
                   .limits = job.limits,
                   .confinement = {.landlock_ruleset = ruleset.get(), .seccomp_filter = std::move(filter)}};
  held.push_back(std::move(ruleset));
  return spec;
}

Result<ProcessSpec> Sandbox::spec(const SandboxJob& job, std::vector<Fd>& held) const {
  TRY(check(job));
  switch (options_.wall) {
    case Wall::kBubblewrap:
      return bubblewrap(job, held);
    case Wall::kLandlock:
      return landlocked(job, held);
    case Wall::kNone:
      return ProcessSpec{.argv = job.argv,
                         .environment = environment_of(job),
                         .directory = directory_of(job),
                         .limits = job.limits};
  }
  return fail(Errc::kInternal, "no such wall");
}

Task<Result<SandboxReport>> Sandbox::probe() {
  if (report_) co_return *report_;
  if (options_.wall == Wall::kNone) {
    report_ = SandboxReport{.wall = Wall::kNone,
                            .enforced = {"time, memory, file size and output are limited",
                                         "no variables and descriptors of this program"},
                            .missing = {"files, network and other processes are not kept from tools"}};
    co_return *report_;
  }
  SandboxJob job{.argv = {"/bin/sh", "-c", std::string(kProbe), "sh", base::user_home()},
                 .run = {.time = std::chrono::seconds{10}}};
  std::vector<Fd> held;
  auto how = spec(job, held);
  Result<ProcessOutcome> seen = std::unexpected(base::Error{});
  if (how)
    seen = co_await run_process(loop_, *std::move(how), "", job.run);
  else
    seen = std::unexpected(how.error());
  if (report_) co_return *report_;
  if (!seen) {
    report_ = fail(Errc::kUnsupported,
                   fmt::format("the sandbox \"{}\" cannot be built: {}", wall_name(options_.wall),
                               seen.error().detail),
                   hint_for(options_.wall));
  } else if (!seen->output.contains("=home")) {
    report_ = fail(Errc::kUnsupported,
                   fmt::format("the sandbox \"{}\" cannot be built: {}", wall_name(options_.wall),
                               seen->errors.substr(0, std::min(seen->errors.find('\n'), std::size_t{300}))),
                   hint_for(options_.wall));
  } else {
    report_ = read_probe(options_.wall, seen->output);
  }
  co_return *report_;
}

Task<Result<ProcessOutcome>> Sandbox::run(SandboxJob job) {
  CO_TRY(co_await probe());
  std::vector<Fd> held;
  CO_TRY(ProcessSpec how, spec(job, held));
  co_return co_await run_process(loop_, std::move(how), std::move(job.input), job.run);
}

}  // namespace orchestration
