// issue_list, issue_next, issue_done, issue_block, issue_release, issue_add: how a session works off the queue.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/autopilot/queue.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// References outlive the tools. A session's claims are its own.
struct IssueToolDeps {
  storage::Issues& issues;
  const base::Clock& clock;
  base::Rng& rng;
};
std::vector<std::unique_ptr<Tool>> make_issue_tools(IssueToolDeps deps);

}  // namespace orchestration
