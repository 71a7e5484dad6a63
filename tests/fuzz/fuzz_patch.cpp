// A patch that was read applies to the old side it shows, and gives the new side.
#include <string>

#include "nostr/base/bytes.h"
#include "orchestration/tools/patch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto patches = orchestration::parse_patch(base::as_text(base::ByteView(data, size)));
  if (!patches) return 0;
  for (const auto& patch : *patches) {
    if (patch.hunks.size() != 1) continue;
    std::string before;
    std::string after;
    for (const auto& line : patch.hunks[0].lines) {
      if (line.kind != orchestration::PatchLine::Kind::kAdd) before += line.text + "\n";
      if (line.kind != orchestration::PatchLine::Kind::kRemove) after += line.text + "\n";
    }
    const auto applied = apply_patch(before, patch);
    CHECK(applied && *applied == after);
  }
  return 0;
}
