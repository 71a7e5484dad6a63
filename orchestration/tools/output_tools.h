// read_output: the rest of what a tool said, where only its ends went to the model.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/tools/tool.h"
#include "storage/outputs.h"

namespace orchestration {

/// `outputs` outlives the tools. A session reads what its own calls said, nobody else's.
std::vector<std::unique_ptr<Tool>> make_output_tools(storage::Outputs& outputs);

}  // namespace orchestration
