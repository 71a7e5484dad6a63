// fork, exec, pipes and a pidfd on the app loop. Between fork and exec only system calls are made:
// other threads' locks may be held for ever in the child.
#include "orchestration/sandbox/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <utility>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>

#include "nostr/base/loop_io.h"
#include "orchestration/sandbox/fd.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using Stream = boost::asio::posix::stream_descriptor;
using std::chrono::milliseconds;

constexpr std::size_t kMaxQueuedInput = 8u << 20;
constexpr milliseconds kDeath{5'000};  // SIGKILL works at once unless the kernel itself hangs

/// What the child needs, laid out before the fork.
struct Launch {
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::vector<std::string> candidates;  ///< paths to try for argv[0]
  const ProcessSpec* spec = nullptr;
  pid_t parent = ::getpid();
  sock_fprog filter{};
  int input = -1, output = -1, errors = -1, report = -1;
};

[[noreturn]] void give_up(const Launch& launch) {
  const int error = errno;
  static_cast<void>(!::write(launch.report, &error, sizeof error));
  ::_exit(127);
}

bool limit(__rlimit_resource what, std::uint64_t value) {
  if (value == 0) return true;
  const rlimit wanted{value, value};
  if (::setrlimit(what, &wanted) == 0) return true;
  // The limit of this program may be lower already, which is as good.
  rlimit now{};
  return ::getrlimit(what, &now) == 0 && now.rlim_max <= value;
}

bool set_limits(const ResourceLimits& limits) {
  const rlimit none{0, 0};
  return limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.cpu.count())) &&
         limit(RLIMIT_AS, limits.memory_bytes) && limit(RLIMIT_FSIZE, limits.file_bytes) &&
         limit(RLIMIT_NOFILE, limits.open_files) && limit(RLIMIT_NPROC, limits.processes) &&
         ::setrlimit(RLIMIT_CORE, &none) == 0;
}

bool confine(const Launch& launch) {
  const SelfConfinement& rules = launch.spec->confinement;
  if (rules.landlock_ruleset < 0 && rules.seccomp_filter.empty()) return true;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  if (rules.landlock_ruleset >= 0 &&
      ::syscall(SYS_landlock_restrict_self, rules.landlock_ruleset, 0) != 0)
    return false;
  return rules.seccomp_filter.empty() ||
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &launch.filter) == 0;
}

[[noreturn]] void become(const Launch& launch) {
  // It ends with this program however that ends, a kill included; an orphan of the moment before ends here.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != launch.parent) give_up(launch);
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::umask(022);
  const std::string& directory = launch.spec->directory;
  if (::dup2(launch.input, 0) < 0 || ::dup2(launch.output, 1) < 0 || ::dup2(launch.errors, 2) < 0)
    give_up(launch);
  if (::syscall(SYS_close_range, 3u, ~0u, /*CLOSE_RANGE_CLOEXEC=*/4u) != 0) give_up(launch);
  for (const int fd : launch.spec->keep)
    if (::fcntl(fd, F_SETFD, 0) != 0) give_up(launch);
  if (::chdir(directory.empty() ? "/" : directory.c_str()) != 0) give_up(launch);
  if (!set_limits(launch.spec->limits) || !confine(launch)) give_up(launch);
  for (const std::string& path : launch.candidates)
    ::execve(path.c_str(), launch.argv.data(), launch.environment.data());
  give_up(launch);
}

std::vector<std::string> candidates_of(const ProcessSpec& spec) {
  const std::string& program = spec.argv[0];
  if (program.contains('/')) return {program};
  std::vector<std::string> out;
  for (const std::string& entry : spec.environment) {
    if (!entry.starts_with("PATH=")) continue;
    for (std::size_t start = 5; start <= entry.size();) {
      const std::size_t end = std::min(entry.find(':', start), entry.size());
      if (end > start) out.push_back(entry.substr(start, end - start) + "/" + program);
      start = end + 1;
    }
  }
  // As a shell looks it up: the first that can be executed. None: the first, for its error.
  for (const std::string& path : out)
    if (::access(path.c_str(), X_OK) == 0) return {path};
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Children that were killed and had not died yet when their owner went away.
std::vector<pid_t>& dying() {
  static std::vector<pid_t> pids;  // app thread only
  return pids;
}

void reap_dying() {
  std::erase_if(dying(), [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

ExitStatus status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status};
  return {.code = 128 + info.si_status, .signal = info.si_status};
}

}  // namespace

struct Process::Impl : std::enable_shared_from_this<Process::Impl> {
  Impl(base::Loop& loop, pid_t child)
      : pid(child), input(loop.impl().io), output(loop.impl().io), errors(loop.impl().io),
        exit(loop.impl().io), changed(loop) {}

  bool finished() const { return exited && !output.is_open() && !errors.is_open(); }

  void listen(Stream& from, Sink& sink, std::array<char, 16'384>& buffer) {
    from.async_read_some(boost::asio::buffer(buffer),
                         [self = shared_from_this(), &from, &sink, &buffer](
                             const boost::system::error_code& error, std::size_t size) {
                           if (size > 0 && sink) sink({buffer.data(), size});
                           if (!error) return self->listen(from, sink, buffer);
                           if (from.is_open()) from.close();
                           self->changed.notify();
                         });
  }

  void await_exit() {
    exit.async_wait(Stream::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (error || self->exited) return;
                      siginfo_t info{};
                      if (::waitid(P_PID, static_cast<id_t>(self->pid), &info, WEXITED | WNOHANG) != 0 ||
                          info.si_pid == 0)
                        return self->await_exit();
                      self->exited = true;
                      self->status = status_of(info);
                      // Whoever is left of the group would keep the pipes open.
                      ::kill(-self->pid, SIGKILL);
                      self->changed.notify();
                    });
  }

  void send() {
    if (sending || !input.is_open()) return;
    if (queue.empty()) {
      if (input_ends) input.close();
      return;
    }
    sending = true;
    input.async_write_some(
        boost::asio::buffer(queue.front()),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
          self->sending = false;
          if (error) {
            self->queue.clear();
            if (self->input.is_open()) self->input.close();
            return;
          }
          self->queued -= size;
          self->queue.front().erase(0, size);
          if (self->queue.front().empty()) self->queue.pop_front();
          self->send();
        });
  }

  void shut() {
    on_output = nullptr;
    on_errors = nullptr;
    if (!exited) {
      ::kill(-pid, SIGKILL);
      exited = true;
      if (::waitpid(pid, nullptr, WNOHANG) == 0) dying().push_back(pid);
    }
    for (Stream* stream : {&input, &output, &errors, &exit})
      if (stream->is_open()) stream->close();
  }

  pid_t pid;
  Stream input, output, errors, exit;
  base::Signal changed;
  Sink on_output, on_errors;
  std::array<char, 16'384> output_buffer{}, errors_buffer{};
  std::deque<std::string> queue;
  std::size_t queued = 0;
  bool sending = false;
  bool input_ends = false;
  bool exited = false;
  ExitStatus status;
};

Process::Process(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Process::~Process() {
  if (impl_) impl_->shut();
}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Result<Process> Process::start(base::Loop& loop, ProcessSpec spec, Sink on_output, Sink on_errors) {
  reap_dying();
  if (spec.argv.empty()) return fail(Errc::kInvalid, "there is no program to run");
  for (const auto* texts : {&spec.argv, &spec.environment})
    for (const std::string& text : *texts)
      if (text.contains('\0')) return fail(Errc::kInvalid, "an argument holds a zero byte");
  TRY(Pipe in, Pipe::open());
  TRY(Pipe out, Pipe::open());
  TRY(Pipe err, Pipe::open());
  TRY(Pipe report, Pipe::open());
  Launch launch{.argv = pointers(spec.argv),
                .environment = pointers(spec.environment),
                .candidates = candidates_of(spec),
                .spec = &spec,
                .input = in.read.get(),
                .output = out.write.get(),
                .errors = err.write.get(),
                .report = report.write.get()};
  if (launch.candidates.empty()) return fail(Errc::kNotFound, spec.argv[0] + " is not in the PATH");
  std::string filter = spec.confinement.seccomp_filter;
  launch.filter.len = static_cast<unsigned short>(filter.size() / sizeof(sock_filter));
  launch.filter.filter = static_cast<sock_filter*>(static_cast<void*>(filter.data()));
  if (!spec.with_input) in.write.close();

  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::kIo, fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (pid == 0) become(launch);
  auto impl = std::make_shared<Impl>(loop, pid);
  Process process(impl);
  report.write.close();
  int error = 0;
  if (::read(report.read.get(), &error, sizeof error) == sizeof error)
    return fail(error == ENOENT || error == ENOTDIR ? Errc::kNotFound : Errc::kIo,
                fmt::format("cannot run {}: {}", spec.argv[0], std::strerror(error)));
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return fail(Errc::kIo, fmt::format("pidfd_open: {}", std::strerror(errno)));
  impl->on_output = std::move(on_output);
  impl->on_errors = std::move(on_errors);
  impl->output.assign(out.read.release());
  impl->errors.assign(err.read.release());
  impl->exit.assign(pidfd.release());
  if (spec.with_input) impl->input.assign(in.write.release());
  for (Stream* stream : {&impl->output, &impl->errors, &impl->input})
    if (stream->is_open()) stream->non_blocking(true);
  impl->listen(impl->output, impl->on_output, impl->output_buffer);
  impl->listen(impl->errors, impl->on_errors, impl->errors_buffer);
  impl->await_exit();
  return process;
}

Result<void> Process::write(std::string bytes) {
  if (impl_->exited || !impl_->input.is_open()) return fail(Errc::kClosed, "the process reads no more");
  if (impl_->queued + bytes.size() > kMaxQueuedInput)
    return fail(Errc::kLimit, "the process does not read what it is sent");
  if (bytes.empty()) return {};
  impl_->queued += bytes.size();
  impl_->queue.push_back(std::move(bytes));
  impl_->send();
  return {};
}

void Process::close_input() {
  impl_->input_ends = true;
  impl_->send();
}

Task<Result<ExitStatus>> Process::wait(milliseconds limit) {
  const auto impl = impl_;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!impl->finished()) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return fail(Errc::kTimeout, "the process runs on");
    co_await impl->changed.wait_for(left + milliseconds{1});
  }
  co_return impl->status;
}

void Process::kill() {
  if (!impl_->exited) ::kill(-impl_->pid, SIGKILL);
}

int Process::pid() const { return impl_->pid; }

namespace {

/// Keeps the head and the tail of what comes, and counts all of it.
class HeadAndTail {
 public:
  explicit HeadAndTail(std::size_t most) : head_most_(most / 2), tail_most_(most - most / 2) {}

  void add(std::string_view bytes) {
    total_ += bytes.size();
    const std::size_t fits = std::min(head_most_ - head_.size(), bytes.size());
    head_ += bytes.substr(0, fits);
    tail_ += bytes.substr(fits);
    // Cut now and then, not at every piece: erasing from the front moves the rest.
    if (tail_.size() > 2 * tail_most_ + 65'536) tail_.erase(0, tail_.size() - tail_most_);
  }

  std::string take() {
    if (tail_.size() > tail_most_) tail_.erase(0, tail_.size() - tail_most_);
    const std::uint64_t lost = total_ - head_.size() - tail_.size();
    if (lost == 0) return head_ + tail_;
    return fmt::format("{}\n[{} of {} bytes left out here]\n{}", head_, lost, total_, tail_);
  }
  std::uint64_t total() const { return total_; }

 private:
  std::size_t head_most_, tail_most_;
  std::uint64_t total_ = 0;
  std::string head_, tail_;
};

}  // namespace

Task<Result<ProcessOutcome>> run_process(base::Loop& loop, ProcessSpec spec, std::string input,
                                         RunLimits limits) {
  HeadAndTail output(limits.output_bytes);
  HeadAndTail errors(limits.output_bytes);
  spec.with_input = !input.empty();
  const auto keep_output = [&output](std::string_view bytes) { output.add(bytes); };
  const auto keep_errors = [&errors](std::string_view bytes) { errors.add(bytes); };
  auto started = Process::start(loop, std::move(spec), keep_output, keep_errors);
  if (!started) co_return std::unexpected(std::move(started).error());
  Process process = *std::move(started);
  if (!input.empty()) {
    CO_TRY(process.write(std::move(input)));
    process.close_input();
  }
  ProcessOutcome out;
  auto status = co_await process.wait(limits.time);
  if (!status) {
    out.timed_out = true;
    process.kill();
    status = co_await process.wait(kDeath);
  }
  if (!status) co_return fail(Errc::kTimeout, "the process does not die");
  out.status = *status;
  out.output = output.take();
  out.errors = errors.take();
  out.output_bytes = output.total();
  out.errors_bytes = errors.total();
  co_return out;
}

}  // namespace orchestration
