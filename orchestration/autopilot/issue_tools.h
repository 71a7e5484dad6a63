// issue_list, issue_next, issue_done, issue_block, issue_release, issue_add: how a session works off the queue.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "orchestration/autopilot/queue.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// Whom to ask which of the first issues comes next.
struct IssueChooser {
  std::unique_ptr<Runner> runner;  ///< nullptr: nobody, the first one does
  std::string capabilities;        ///< what the agent that asks can do
};

/// References outlive the tools. A session's claims are its own.
struct IssueToolDeps {
  storage::Issues& issues;
  const base::Clock& clock;
  base::Rng& rng;
  std::function<IssueChooser(const ToolContext&)> chooser = {};  ///< empty: the first one comes next
};
std::vector<std::unique_ptr<Tool>> make_issue_tools(IssueToolDeps deps);

}  // namespace orchestration
