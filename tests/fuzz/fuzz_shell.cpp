// A line is judged as strictly alone as behind another command, and a plain one means its words.
#include <string>

#include "nostr/base/bytes.h"
#include "orchestration/shell/judge.h"

namespace {

using orchestration::CommandRules;
using orchestration::Permit;

CommandRules everything_but_curl() {
  CommandRules rules{.mode = Permit::kAllow};
  rules.deny.push_back(*orchestration::parse_command_rule("curl **"));
  return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const CommandRules rules = everything_but_curl();
  const orchestration::ShellScene scene{
      .workspace = "/home/u/work", .home = "/home/u", .protected_paths = {"/home/u/.ssh"}};
  const std::string line(base::as_text(base::ByteView(data, size)));
  const orchestration::ShellLine parsed = orchestration::parse_shell(line);
  const auto judged = judge(rules, scene, line);
  if (!parsed.commands.empty())
    CHECK(judge(rules, scene, "true; " + line).permit >= judged.permit || line.size() + 6 > orchestration::kMaxShellLine);
  if (!parsed.opaque.empty()) CHECK(judged.permit != Permit::kAllow);
  CHECK((judged.permit == Permit::kAllow) == judged.reasons.empty());
  const auto argv = orchestration::plain_argv(line);
  if (argv.empty()) return 0;
  std::string quoted;
  for (const std::string& word : argv) {
    quoted += " '";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    quoted += '\'';
  }
  if (quoted.size() > orchestration::kMaxShellLine) return 0;
  CHECK(orchestration::plain_argv(quoted) == argv);
  CHECK(judge(rules, scene, quoted).permit == judged.permit);
  return 0;
}
