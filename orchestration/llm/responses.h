// The responses API: items instead of messages, events with names, no terminator. Pure.
// Source: the OpenAI responses API, "Streaming events".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "orchestration/llm/dialect.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {

/// Puts the events of one response together. What the last event holds counts; only where a server leaves it
/// empty, the items that were declared done do. A call that was never declared done is not acted on.
class ResponsesAssembler final : public ReplyAssembler {
 public:
  base::Result<std::string> add(std::string_view data) override;
  bool finished() const override { return finish_.has_value(); }
  Reply take(std::size_t prompt_size) override;

 private:
  struct Item {
    std::string text;
    std::optional<ToolCall> call;
    bool done = false;
  };
  base::Result<void> close(const base::json::Value& response);
  base::Result<Item*> item_at(const base::json::Value& event);

  std::map<std::uint64_t, Item> items_;  ///< by output_index
  std::optional<Finish> finish_;
  std::optional<Usage> usage_;
  std::string id_;
  std::size_t bytes_ = 0;
};

class ResponsesDialect final : public Dialect {
 public:
  std::string_view path() const override { return "/responses"; }
  Framing framing() const override { return Framing::kEvents; }
  std::string body(const Request& request, const WireSettings& settings) const override;
  std::unique_ptr<ReplyAssembler> assembler() const override;
  base::Result<Reply> whole(std::string_view document, std::size_t prompt_size) const override;
};

}  // namespace orchestration
