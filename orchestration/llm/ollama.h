// Ollama's own API: lines of JSON, arguments as objects, and a context window that has to be asked for,
// because a longer prompt is cut without a word. Pure.
// Source: Ollama's API documentation, /api/chat, /api/show, /api/tags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestration/llm/dialect.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {

class OllamaAssembler final : public ReplyAssembler {
 public:
  base::Result<std::string> add(std::string_view data) override;
  bool finished() const override { return finish_.has_value(); }
  Reply take(std::size_t prompt_size) override;

 private:
  std::string text_;
  std::vector<ToolCall> calls_;
  std::optional<Finish> finish_;
  std::optional<Usage> usage_;
  std::size_t bytes_ = 0;
};

class OllamaDialect final : public Dialect {
 public:
  std::string_view path() const override { return "/api/chat"; }
  Framing framing() const override { return Framing::kLines; }
  std::string body(const Request& request, const WireSettings& settings) const override;
  std::unique_ptr<ReplyAssembler> assembler() const override;
  base::Result<Reply> whole(std::string_view document, std::size_t prompt_size) const override;
};

/// The window that is asked for when nothing says how large it may be.
inline constexpr std::uint64_t kOllamaContext = 8'192;

/// Which of `installed` stands for `wanted`: the same name, else the same name under any tag. "auto" takes the
/// first of the usual families, else the first there is. "" when none will do.
std::string ollama_model(const std::string& wanted, const std::vector<std::string>& installed);

}  // namespace orchestration
