// Lines to and from a child process.
#include <map>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/mcp/transport.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;
using std::chrono::milliseconds;

class StdioTransport final : public McpTransport {
 public:
  StdioTransport(base::Loop& loop, Sandbox& sandbox, SandboxJob job)
      : loop_(loop), sandbox_(sandbox), job_(std::move(job)), changed_(loop) {}

  Task<Result<void>> open() override {
    if (process_ && !broken_) co_return Result<void>{};
    CO_TRY(co_await sandbox_.probe());
    std::vector<Fd> held;
    CO_TRY(ProcessSpec spec, sandbox_.spec(job_, held));
    spec.with_input = true;
    buffer_.clear();
    answers_.clear();
    broken_ = false;
    // The process is a member, so its sinks may refer to this.
    process_.reset();
    auto started = Process::start(
        loop_, std::move(spec), [this](std::string_view bytes) { take(bytes); },
        [](std::string_view bytes) {
          LOG(kDebug, "mcp", "server says", {{"bytes", fmt::to_string(bytes.size())}});
        });
    if (!started) co_return std::unexpected(std::move(started).error());
    process_.emplace(*std::move(started));
    co_return Result<void>{};
  }

  Task<Result<Value>> call(std::string method, Value params, milliseconds limit) override {
    if (!process_ || broken_) co_return fail(Errc::kClosed, "the server is not running");
    const std::int64_t id = ++last_id_;
    waiting_[id] = true;
    const Forget forget{*this, id};
    CO_TRY(process_->write(mcp_request(id, method, params) + "\n"));
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      if (const auto found = answers_.find(id); found != answers_.end()) {
        McpMessage answer = std::move(found->second);
        answers_.erase(found);
        if (answer.kind == McpMessage::Kind::kError) co_return fail(Errc::kPeer, method + ": " + answer.error);
        co_return std::move(answer.body);
      }
      if (broken_) co_return fail(Errc::kClosed, "the server broke off during " + method);
      const auto left =
          std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) {
        static_cast<void>(process_->write(
            mcp_notification("notifications/cancelled", {{"requestId", id}, {"reason", "timeout"}}) + "\n"));
        co_return fail(Errc::kTimeout, fmt::format("{} took longer than {} ms", method, limit.count()));
      }
      // Looks at the process now and then: its end is no message.
      auto ended = co_await process_->wait(milliseconds{0});
      if (ended) broken_ = true;
      else co_await changed_.wait_for(std::min(left, milliseconds{250}));
    }
  }

  Task<Result<void>> notify(std::string method, Value params) override {
    if (!process_ || broken_) co_return fail(Errc::kClosed, "the server is not running");
    co_return process_->write(mcp_notification(method, params) + "\n");
  }

 private:
  struct Forget {
    StdioTransport& owner;
    std::int64_t id;
    ~Forget() { owner.waiting_.erase(id); }
  };

  void take(std::string_view bytes) {
    buffer_ += bytes;
    for (std::size_t end = buffer_.find('\n'); end != buffer_.npos; end = buffer_.find('\n')) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (!line.empty() && line != "\r") message(line);
    }
    if (buffer_.size() > kMaxMcpMessage) {
      LOG(kWarn, "mcp", "a message without end; the server is stopped", {});
      broken_ = true;
      process_->kill();
    }
    changed_.notify();
  }

  void message(const std::string& line) {
    auto parsed = parse_mcp_message(line);
    if (!parsed) {
      LOG(kDebug, "mcp", "ignored", {{"why", parsed.error().detail}});
      return;
    }
    switch (parsed->kind) {
      case McpMessage::Kind::kRequest:
        static_cast<void>(process_->write(mcp_answer(*parsed) + "\n"));
        return;
      case McpMessage::Kind::kNotification:
        if (on_notification) on_notification(parsed->method);
        return;
      case McpMessage::Kind::kResult:
      case McpMessage::Kind::kError:
        // Answers nobody waits for (any more) are dropped.
        if (waiting_.contains(parsed->id)) answers_.insert_or_assign(parsed->id, *std::move(parsed));
        return;
    }
  }

  base::Loop& loop_;
  Sandbox& sandbox_;
  SandboxJob job_;
  std::optional<Process> process_;
  std::string buffer_;
  std::map<std::int64_t, bool> waiting_;
  std::map<std::int64_t, McpMessage> answers_;
  std::int64_t last_id_ = 0;
  bool broken_ = false;
  base::Signal changed_;
};

}  // namespace

std::unique_ptr<McpTransport> make_stdio_transport(base::Loop& loop, Sandbox& sandbox, SandboxJob job) {
  return std::make_unique<StdioTransport>(loop, sandbox, std::move(job));
}

}  // namespace orchestration
