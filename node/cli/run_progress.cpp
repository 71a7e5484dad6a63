#include "node/cli/run_progress.h"

#include <fmt/format.h>

#include "node/progress.h"
#include "nostr/base/utf8.h"

namespace node::cli {
namespace {

using base::Errc;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;

constexpr std::size_t kMaxErrand = 65'536;

/// `text` by lines, without their ends.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

base::Result<std::string> errand_of(const std::string& typed) {
  std::string text = typed;
  if (typed == "-") {
    TRY(text, read_input("-", kMaxErrand));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.empty()) return base::fail(Errc::kInvalid, "the task is empty", "say in words what is to be done");
  if (text.size() > kMaxErrand || !base::is_utf8(text))
    return base::fail(Errc::kInvalid, fmt::format("a task is text of at most {} bytes", kMaxErrand));
  return text;
}

void show_step(const Context& context, const Value& step) {
  if (context.json) print_json(step);
  else progress(context, progress_words(step));
}

void show_outcome(const Context& context, Value outcome) {
  if (context.json) {
    outcome["event"] = "ended";
    print_json(outcome);
    return;
  }
  const std::string detail = string_or(outcome, "detail");
  progress(context, fmt::format("{}{}{}: {} turns, {} calls, {} msat", string_or(outcome, "status"), detail.empty() ? "" : ", ",
                                detail, int_or(outcome, "turns"), int_or(outcome, "calls"), int_or(outcome, "cost_msat")));
  if (const std::string text = string_or(outcome, "text"); !text.empty()) print_foreign(lines_of(text));
}

int exit_code_of_status(std::string_view status) {
  if (status == "success") return kOk;
  return status == "partial" ? kPartial : kFailed;
}

}  // namespace node::cli
