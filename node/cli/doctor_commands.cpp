// doctor: everything that must be right before an agent can work, looked at, with the cure.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/doctor/home_checks.h"
#include "node/doctor/live_checks.h"
#include "node/doctor/machine_checks.h"
#include "node/doctor/relay_checks.h"
#include "node/key_file.h"
#include "nostr/base/log.h"
#include "nostr/signer/key_signer.h"

namespace node::cli {
namespace {

struct DoctorArguments {
  std::string passphrase_file;
  bool offline = false;
};

/// Findings are shown as they come: some of them take a while.
class Show {
 public:
  explicit Show(const Context& context) : context_(context) {}

  void add(Findings findings) {
    if (!context_.json)
      for (const Finding& finding : findings.all()) print(finding);
    all_.add(std::move(findings));
  }
  int finish() const {
    if (context_.json)
      print_json(findings_view(all_));
    return all_.worst() == Grade::kFail ? kFailed : kOk;
  }

 private:
  void print(const Finding& finding) const {
    if (context_.quiet && finding.grade == Grade::kOk) return;
    std::string line = fmt::format("{:<4}  {}: {}", grade_name(finding.grade), finding.check, finding.found);
    if (!finding.fix.empty()) line += "  -> " + finding.fix;
    print_foreign(line);
  }

  const Context& context_;
  Findings all_;
};

/// The key that relays which ask for one get to see: the home's own.
std::unique_ptr<nostr::KeySigner> own_key(Runtime& runtime, const Home& home, const Subject& subject) {
  const std::filesystem::path file = subject.role == Subject::Role::kCosigner ? home.service_key_file()
                                     : subject.config.node.key_file.empty()
                                           ? home.node_key_file()
                                           : std::filesystem::path(subject.config.node.key_file);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return nullptr;
  auto key = load_key_file(file);
  if (!key) return nullptr;
  return std::make_unique<nostr::KeySigner>(*std::move(key), runtime.clock, runtime.rng);
}

base::Task<void> look_around(Runtime& runtime, const Home& home, const Subject& subject, Show& show) {
  show.add(co_await check_relays(runtime, subject));
  if (subject.role == Subject::Role::kNode) {
    show.add(co_await check_backends(runtime, home, subject.config));
    show.add(co_await check_sandbox(runtime, subject.config));
  }
  co_await runtime.pool.stop();
}

int examine(const Context& context, const DoctorArguments& arguments) {
  // What goes wrong on the way is a finding, not a line of a log.
  if (context.verbose == 0) base::set_log_level(base::LogLevel::kError);
  const Home home = context.home();
  Show show(context);
  Findings files;
  const Subject subject = read_subject(home, files);
  check_files(home, subject, arguments.passphrase_file, files);
  check_disk(home, files);
  files.add(check_memory());
  show.add(std::move(files));
  if (subject.role == Subject::Role::kNobody) return show.finish();
  show.add(check_process(home));
  if (arguments.offline) return show.finish();
  Runtime runtime;
  const auto signer = own_key(runtime, home, subject);
  runtime.pool.set_auth("", signer.get());
  runtime.loop.run_until_complete(look_around(runtime, home, subject, show));
  return show.finish();
}

}  // namespace

void add_doctor_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<DoctorArguments>();
  auto* doctor = app.add_subcommand("doctor", "What is wrong with this home and what mends it");
  doctor->add_option("--passphrase-file", arguments->passphrase_file, "Opens a sealed share, to look at it");
  doctor->add_flag("--offline", arguments->offline, "Ask no relay and no model");
  doctor->footer(
      "Publishes nothing and spends nothing. Exit code 1 when something will not work.\n"
      "Examples:\n"
      "  sovereign doctor --home agent\n"
      "  sovereign doctor --home guard --offline --json");
  doctor->callback([=, &context] { *chosen = [=, &context] { return examine(context, *arguments); }; });
}

}  // namespace node::cli
