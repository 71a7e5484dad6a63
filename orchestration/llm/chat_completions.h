// The chat completions API: requests out, streamed chunks and whole answers in. Pure.
// Source: the OpenAI chat completions API; lenient where real servers differ.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestration/llm/dialect.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {

/// How a server's answers differ from the book.
struct ChatQuirks {
  /// GPT-OSS behind a server that does not take its channels apart: only the final channel is text, and tool
  /// names come with a prefix or a tail of channel marks.
  bool harmony = false;
  /// Reasoning stands in front of the text as <think>…</think>.
  bool think_tags = false;
};

/// Puts a stream's chunks together. Tool-call fragments are joined by `index`, or by id, or by order
/// where a server leaves the index out.
class ChatAssembler final : public ReplyAssembler {
 public:
  explicit ChatAssembler(ChatQuirks quirks = {}) : quirks_(quirks) {}
  base::Result<std::string> add(std::string_view data) override;
  /// A finish reason has come; or `[DONE]`, and no call is left open.
  bool finished() const override;
  Reply take(std::size_t prompt_size) override;

 private:
  base::Result<void> add_calls(const base::json::Value& deltas);
  ToolCall& call_for(const base::json::Value& delta);

  const ChatQuirks quirks_;
  std::string text_;
  std::vector<std::pair<std::optional<std::int64_t>, ToolCall>> calls_;
  std::optional<Finish> finish_;
  std::optional<Usage> usage_;
  std::string id_;
  bool done_ = false;
  std::size_t bytes_ = 0;
};

class ChatDialect final : public Dialect {
 public:
  explicit ChatDialect(ChatQuirks quirks = {}) : quirks_(quirks) {}
  std::string_view path() const override { return "/chat/completions"; }
  Framing framing() const override { return Framing::kEvents; }
  std::string body(const Request& request, const WireSettings& settings) const override;
  std::unique_ptr<ReplyAssembler> assembler() const override;
  base::Result<Reply> whole(std::string_view document, std::size_t prompt_size) const override;

 private:
  const ChatQuirks quirks_;
};

/// What a GPT-OSS model meant to say, without the marks of its channels and what it thought to itself.
std::string final_channel(std::string_view text);
/// The tool's name without "functions." in front and channel marks behind.
std::string plain_tool_name(std::string_view name);
/// The text behind a leading <think>…</think>.
std::string without_thoughts(std::string_view text);

}  // namespace orchestration
