// init --demo: everybody of one approval on this machine, with you or the demo itself as the operator.
#pragma once

#include "node/cli/command.h"
#include "node/demo/story.h"

namespace node::cli {

struct DemoArguments {
  std::string folder;  ///< where everybody's homes are made and left; empty: a passing folder
  bool yes = false;    ///< the demo answers for the operator, prints what it found as JSON and ends
  demo::Mind mind;
};

int run_demo(const Context& context, const DemoArguments& arguments);

}  // namespace node::cli
