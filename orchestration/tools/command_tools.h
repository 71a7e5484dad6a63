// Tools that run programs behind the sandbox's wall: bash, git_log, git_show, git_blame, read_pdf.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/sandbox/sandbox.h"
#include "orchestration/shell/judge.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// `sandbox` outlives the tools.
struct CommandToolDeps {
  Sandbox& sandbox;
  std::string workspace;   ///< absolute
  bool may_write = false;  ///< whether commands may write below it
};

/// git with these arguments in the workspace, read only, with nothing of it that could run programs of the
/// repository's.
base::Task<base::Result<ProcessOutcome>> run_git(CommandToolDeps deps, std::vector<std::string> arguments);

/// bash: one line, judged by the permission gate before it comes here. A plain command is run by its
/// words, anything else by bash without its start-up files.
std::unique_ptr<Tool> make_bash(CommandToolDeps deps);
/// git_log, git_show, git_blame: the history of the workspace, read only.
std::vector<std::unique_ptr<Tool>> make_git_tools(CommandToolDeps deps);
/// read_pdf: the text of a PDF's pages, taken out by pdftotext behind the wall.
std::unique_ptr<Tool> make_read_pdf(CommandToolDeps deps);

}  // namespace orchestration
