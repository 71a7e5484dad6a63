// completion and man: what a shell and man(1) need to know, told by the program itself.
#include <filesystem>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/command_tree.h"

namespace node::cli {
namespace {

struct ManualArguments {
  std::string shell;
  std::string dir;
};

int complete(const Context& context, const CLI::App& app, const std::string& shell) {
  const std::string script = completion_script(command_tree(app), shell);
  if (context.json) print_json({{"shell", shell}, {"script", script}});
  else fmt::print("{}", script);
  return kOk;
}

base::Result<std::size_t> write_pages(const CLI::App& app, const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error)
    return base::fail(base::Errc::kIo, fmt::format("cannot create {}: {}", dir.string(), error.message()));
  const auto tree = command_tree(app);
  for (const CommandInfo& command : tree)
    TRY(write_file(dir / (page_name(command) + ".1"), man_page(command, tree)));
  return tree.size();
}

int write_manual(const Context& context, const CLI::App& app, const std::string& dir) {
  const auto pages = write_pages(app, dir);
  if (!pages) return report(context, pages.error());
  if (context.json) print_json({{"pages", *pages}, {"dir", dir}});
  else progress(context, fmt::format("{} pages in {}", *pages, dir));
  return kOk;
}

}  // namespace

void add_manual_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ManualArguments>();
  auto* completion = app.add_subcommand("completion", "Print a completion script for a shell");
  completion->add_option("shell", arguments->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(
      "Examples:\n"
      "  sovereign completion bash > sovereign.bash\n"
      "  sovereign completion fish > sovereign.fish");
  completion->callback([=, &app, &context] {
    *chosen = [=, &app, &context] { return complete(context, app, arguments->shell); };
  });
  auto* man = app.add_subcommand("man", "Write the man pages, one per command");
  man->add_option("dir", arguments->dir, "Folder they are written to")->required();
  man->footer(
      "Examples:\n"
      "  sovereign man man1");
  man->callback([=, &app, &context] {
    *chosen = [=, &app, &context] { return write_manual(context, app, arguments->dir); };
  });
}

}  // namespace node::cli
