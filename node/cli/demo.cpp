// The demo's stage: a folder, Ctrl-C, and whoever plays the operator.
#include "node/cli/demo.h"

#include <stdlib.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include <fmt/format.h>

#include "node/cli/line_reader.h"
#include "node/cli/service.h"
#include "node/cli/terminal.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
namespace fs = std::filesystem;

constexpr std::chrono::minutes kQuestionLife{16};  // a minute longer than a question stays open

/// The folder of one demo. A passing one goes when the demo went well, and stays to be looked at when not.
class Stage {
 public:
  static Result<Stage> open(const std::string& wanted) {
    std::error_code error;
    if (!wanted.empty()) {
      const fs::path folder = fs::absolute(wanted, error);
      fs::create_directories(folder, error);
      if (error) return fail(Errc::kIo, fmt::format("cannot create {}: {}", folder.string(), error.message()));
      if (!fs::is_empty(folder, error))
        return fail(Errc::kConflict, folder.string() + " is not empty", "a demo begins in a folder of its own: name another --home");
      fs::permissions(folder, fs::perms::owner_all, error);
      return Stage(folder, /*passing=*/false);
    }
    std::string name = (fs::temp_directory_path(error) / "sovereign.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return fail(Errc::kIo, "cannot create " + name);
    return Stage(name, /*passing=*/true);
  }

  const fs::path& folder() const { return folder_; }
  void clear() const {
    std::error_code error;
    if (passing_) fs::remove_all(folder_, error);
  }
  /// What to say when it failed.
  std::string where_logs_are() const { return "the logs are in " + folder_.string(); }

 private:
  Stage(fs::path folder, bool passing) : folder_(std::move(folder)), passing_(passing) {}
  fs::path folder_;
  bool passing_;
};

class Demo {
 public:
  Demo(base::Loop& loop, const Context& context, const DemoArguments& arguments, const fs::path& folder, const fs::path& program)
      : context_(context),
        arguments_(arguments),
        cast_(loop, folder, program, {arguments.mind.api_key_env}),
        story_(cast_, [this](std::string_view line) { tell(line); }, arguments.mind,
               arguments.yes ? demo::Cast::kPatience : kQuestionLife),
        scope_(loop) {}

  base::Task<Result<void>> play() {
    const auto began = std::chrono::steady_clock::now();
    CO_TRY(Value facts, co_await story_.tell([this](const demo::Question& question) { return answer(question); }));
    facts["seconds"] = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count();
    facts_ = std::move(facts);
    co_return Result<void>{};
  }

  /// It went well: what to take away.
  void conclude() const {
    if (arguments_.yes || context_.json) print_json(facts_);
    if (arguments_.yes) return;
    tell("\nEverybody stays up until Ctrl-C. In another terminal:");
    for (const std::string& command : story_.further()) tell("     " + command);
    tell("\nYour own agent: sovereign init --new --out shares, on relays of your choice.");
  }

  base::Task<void> close() {
    co_await scope_.stop();
    co_await cast_.close();
  }

 private:
  void tell(std::string_view text) const {
    for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(std::min(end + 1, text.size()))) {
      end = text.find('\n');
      progress(context_, text.substr(0, end));
    }
  }

  base::Task<Result<void>> answer(const demo::Question& question) {
    if (arguments_.yes) {
      tell(fmt::format("     the operator answers: yes {}", question.code));
      CO_TRY(co_await story_.send_as_operator(question, "yes " + question.code));
      co_return Result<void>{};
    }
    tell(fmt::format("\n     You are the operator; your key is in {}.", story_.operator_key_file()));
    tell(fmt::format("     Answer from any client that reads {} with it, or in another terminal:", story_.relay()));
    tell("       " + story_.command_to_answer(question, "yes " + question.code));
    if (people_type()) {
      tell(fmt::format("     or type it here: yes {0}, or no {0}", question.code));
      scope_.spawn("operator", pass_on_lines(question));
    }
    co_return Result<void>{};
  }

  /// What is typed here goes the way of every answer: as a private message.
  base::Task<void> pass_on_lines(demo::Question question) {
    LineReader lines;
    while (auto line = co_await lines.next()) {
      if (line->empty()) continue;
      if (auto sent = co_await story_.send_as_operator(question, *std::move(line)); !sent) tell("     not sent: " + sent.error().detail);
    }
  }

  const Context& context_;
  const DemoArguments& arguments_;
  demo::Cast cast_;
  demo::Story story_;
  base::Scope scope_;
  Value facts_;
};

}  // namespace

int run_demo(const Context& context, const DemoArguments& arguments) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return report(context, {Errc::kIo, "cannot tell where this program is: " + error.message(), "/proc must be mounted"});
  auto stage = Stage::open(arguments.folder);
  if (!stage) return report(context, stage.error());
  base::Loop loop;
  Demo demo(loop, context, arguments, stage->folder(), program);
  Service service(loop);
  auto ended = service.run({.start = [&] { return demo.play(); },
                            .ready =
                                [&] {
                                  demo.conclude();
                                  if (arguments.yes) service.finish();
                                },
                            .stop = [&] { return demo.close(); }});
  if (!ended) {
    const int code = report(context, ended.error());
    progress(context, stage->where_logs_are());
    return code;
  }
  stage->clear();
  return *ended == SIGINT ? kInterrupted : kOk;
}

}  // namespace node::cli
