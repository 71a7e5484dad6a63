#include "orchestration/programs/program.h"

#include <algorithm>
#include <iterator>

#include "nostr/base/suggest.h"
#include "orchestration/programs/catalogue_parts.h"

namespace orchestration {

const std::vector<Program>& builtin_programs() {
  static const std::vector<Program> kAll = [] {
    std::vector<Program> all = agent_programs();
    std::ranges::move(upkeep_programs(), std::back_inserter(all));
    return all;
  }();
  return kAll;
}

base::Result<const Program*> find_program(std::string_view id) {
  std::vector<std::string> known;
  for (const Program& program : builtin_programs()) {
    if (program.signature.id == id) return &program;
    known.push_back(program.signature.id);
  }
  return base::fail(base::Errc::kNotFound, "no program is called \"" + std::string(id.substr(0, 64)) + "\"", base::did_you_mean(id, known));
}

}  // namespace orchestration
