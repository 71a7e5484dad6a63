// What a server says is read or refused, and a tool that was read has a schema that can be walked.
#include <string>

#include "nostr/base/bytes.h"
#include "orchestration/mcp/protocol.h"
#include "orchestration/tools/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text(base::ByteView(data, size));
  static_cast<void>(orchestration::parse_mcp_message(text));
  const auto value = base::json::parse(text, {.max_depth = 64});
  if (!value) return 0;
  static_cast<void>(orchestration::parse_tool_result(*value));
  const auto page = orchestration::parse_tool_page(*value);
  if (!page) return 0;
  for (const auto& tool : page->tools)
    for (const auto& sample : {base::json::Value::object(), *value, base::json::Value{{"a", {1, "x", nullptr}}}})
      static_cast<void>(orchestration::validate(tool.schema, sample));
  return 0;
}
