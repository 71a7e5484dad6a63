// Processes by fork, exec and pipes; see program.h.
#include "tests/e2e/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxInput = 65'536;  // one pipe buffer, so that writing never waits

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {ends[0], ends[1]};
}

std::vector<std::string> environment_of(const ProgramOptions& options) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::vector<std::string> out{std::string("PATH=") + (path ? path : "/usr/bin:/bin")};
  if (!options.log.empty()) out.push_back("HOME=" + options.log.parent_path().string());
  // Sanitizers are told how to behave by the test's own environment.
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* value = std::getenv(name))
      out.push_back(std::string(name) + "=" + value);  // NOLINT(concurrency-mt-unsafe)
  for (const auto& [name, value] : options.environment) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

milliseconds left_until(steady_clock::time_point deadline) {
  return std::max(milliseconds{0},
                  std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
}

bool readable(int fd, milliseconds limit) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

Program::Program(std::vector<std::string> arguments, ProgramOptions options) {
  if (options.input.size() > kMaxInput) throw std::runtime_error("too much input for a pipe");
  const char* other = std::getenv("SOVEREIGN_BINARY");  // NOLINT(concurrency-mt-unsafe)
  const std::string binary = !options.binary.empty() ? options.binary : other ? other : SOVEREIGN_PROGRAM;
  arguments.insert(arguments.begin(), binary);
  std::vector<std::string> environment = environment_of(options);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  const Pipe in = make_pipe();
  const Pipe out = make_pipe();
  const std::string log = options.log.empty() ? "/dev/null" : options.log.string();
  const int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = ::fork();
  if (pid_ == 0) {
    // Only what is safe after a fork of a process with threads.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(in.read, STDIN_FILENO);
    ::dup2(out.write, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(argv.front(), argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(in.read);
  ::close(out.write);
  ::close(err);
  if (pid_ < 0) throw std::runtime_error("no process");
  if (!options.input.empty() && ::write(in.write, options.input.data(), options.input.size()) < 0)
    throw std::runtime_error("the program does not read");
  ::close(in.write);
  out_ = out.read;
}

Program::~Program() {
  kill();
  ::close(out_);
}

/// Takes in what has arrived; false at the end of the output or after `limit`.
bool Program::read_some(milliseconds limit) {
  if (!readable(out_, limit)) return false;
  std::array<char, 4096> chunk;
  const ssize_t n = ::read(out_, chunk.data(), chunk.size());
  if (n <= 0) return false;
  pending_.append(chunk.data(), static_cast<std::size_t>(n));
  return true;
}

std::optional<std::string> Program::read_line(std::string_view prefix, milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    for (std::size_t end = pending_.find('\n'); end != std::string::npos;
         end = pending_.find('\n')) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (line.starts_with(prefix)) return line;
    }
    if (!read_some(left_until(deadline))) return std::nullopt;
  }
}

bool Program::reap(milliseconds limit) {
  if (exit_) return true;
  // glibc 2.36 declares pidfd_open() for C only.
  const int watched = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  const bool ended = watched < 0 || readable(watched, limit);
  if (watched >= 0) ::close(watched);
  if (!ended) return false;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return false;
  exit_ = WIFEXITED(status) ? Exit{.code = WEXITSTATUS(status)} : Exit{.signal = WTERMSIG(status)};
  while (read_some(milliseconds{0})) {
  }
  exit_->out = std::move(pending_);
  return true;
}

bool Program::running(milliseconds limit) {
  return !reap(limit);
}

Exit Program::wait(milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  // The output is read on, so that a talkative process cannot stall at a full pipe.
  while (left_until(deadline) > milliseconds{0} && read_some(left_until(deadline))) {
  }
  if (!reap(left_until(deadline))) return kill();
  return *exit_;
}

Exit Program::kill() {
  if (!exit_) ::kill(pid_, SIGKILL);
  reap(kPatience);
  return *exit_;
}

Exit Program::terminate() {
  if (!exit_) ::kill(pid_, SIGTERM);
  return wait();
}

void Program::freeze() {
  ::kill(pid_, SIGSTOP);
}

void Program::thaw() {
  ::kill(pid_, SIGCONT);
}

Exit run_program(std::vector<std::string> arguments, ProgramOptions options) {
  Program program(std::move(arguments), std::move(options));
  return program.wait();
}

}  // namespace e2e
