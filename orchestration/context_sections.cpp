#include "orchestration/context_sections.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"

namespace orchestration {

std::string build_context(std::vector<ContextSection> sections, std::size_t max_bytes) {
  std::ranges::sort(sections, [](const ContextSection& a, const ContextSection& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
  });
  std::string out, dropped;
  bool full = false;
  for (const ContextSection& section : sections) {
    if (section.content.empty()) continue;
    const std::string text = fmt::format("\n\n{}:\n{}", section.name,
                                         enclose({.source = section.name, .author = "", .trust = section.trust, .id = ""}, section.content, kMaxContextBytes));
    full = full || out.size() + text.size() > max_bytes;
    if (full)
      dropped += (dropped.empty() ? "" : ", ") + section.name;
    else
      out += text;
  }
  if (!dropped.empty()) out += fmt::format("\n\nLeft out for want of room: {}.", dropped);
  return out;
}

}  // namespace orchestration
