// A model's stream, in all three dialects: it is read or refused, and what is handed on is bounded.
#include <string>

#include "nostr/base/bytes.h"
#include "nostr/base/result.h"
#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/ndjson.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/responses.h"
#include "orchestration/llm/sse.h"

namespace {

void read(const orchestration::Dialect& dialect, std::string_view text) {
  const auto assembler = dialect.assembler();
  const auto take = [&](std::string_view data) { static_cast<void>(assembler->add(data)); };
  orchestration::SseParser events(take);
  orchestration::LineParser lines(take);
  // In two pieces, so that a border lies somewhere inside.
  for (const std::string_view piece : {text.substr(0, text.size() / 2), text.substr(text.size() / 2)}) {
    if (dialect.framing() == orchestration::Framing::kEvents)
      static_cast<void>(events.feed(piece));
    else
      static_cast<void>(lines.feed(piece));
  }
  lines.finish();
  const orchestration::Reply reply = assembler->take(text.size());
  CHECK(reply.message.calls.size() <= 2 * orchestration::kMaxCallsInReply);
  CHECK(reply.usage.cached_tokens <= reply.usage.prompt_tokens);
  for (const auto& call : reply.message.calls) CHECK(!call.id.empty());
  static_cast<void>(dialect.whole(text, text.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text(base::ByteView(data, size));
  read(orchestration::ChatDialect({.harmony = true, .think_tags = true}), text);
  read(orchestration::ResponsesDialect(), text);
  read(orchestration::OllamaDialect(), text);
  return 0;
}
