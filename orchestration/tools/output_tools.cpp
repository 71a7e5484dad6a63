// Slices of rows of storage/outputs.h.
#include "orchestration/tools/output_tools.h"

#include <fmt/format.h>

#include "orchestration/hooks/tool_hooks.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::int64_t kSlice = 20'000;  // bytes; under what is cut again

class ReadOutput final : public LocalTool {
 public:
  explicit ReadOutput(storage::Outputs& outputs)
      : LocalTool({.spec = {"read_output", "The rest of an output that was too long: the notice in it names number and from.",
                            object_schema({{"number", {{"type", "integer"}, {"minimum", 1}}},
                                           {"from", {{"type", "integer"}, {"minimum", 0}, {"description", "byte to begin at"}}}},
                                          {"number"})},
                   .capability = Capability::kControl,
                   .action = ActionClass::kKeepTodo,
                   .subject_param = ""}),
        outputs_(outputs) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    const std::int64_t number = base::json::int_or(params, "number");
    CO_TRY(const auto kept, outputs_.get(context.session, number));
    if (!kept)
      co_return base::fail(Errc::kNotFound, fmt::format("there is no output {} of this session any more", number), "make the call again");
    const auto from = static_cast<std::size_t>(base::json::int_or(params, "from"));
    if (from >= kept->size())
      co_return base::fail(Errc::kInvalid, fmt::format("output {} has {} bytes", number, kept->size()));
    const std::size_t end = std::min(from + static_cast<std::size_t>(kSlice), kept->size());
    co_return slice_output(*kept, from, kSlice) +
        (end == kept->size() ? "\n[the end]" : fmt::format("\n[bytes {} to {} of {}]", from, end, kept->size()));
  }

 private:
  storage::Outputs& outputs_;
};

}  // namespace

std::vector<std::unique_ptr<Tool>> make_output_tools(storage::Outputs& outputs) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<ReadOutput>(outputs));
  return out;
}

}  // namespace orchestration
