// What agents can ask of the operator's goals. They read; only the operator writes.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/directives/directive.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// directive_list (all active ones, or those about something) and directive_read (one of them, whole).
std::vector<std::unique_ptr<Tool>> make_directive_tools(DirectiveFolder folder);

}  // namespace orchestration
