// TextTools: tools for a backend that has no way to call any. They are described to it in words, and a
// fenced block with one call in its answer is that call.
//
// The fence carries a word that is drawn anew for every backend, which strangers cannot know: a call that somebody wrote
// into a note or a page, and that the model only repeats, is text and stays text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "nostr/base/rng.h"
#include "orchestration/llm/backend.h"

namespace orchestration {

/// `request` without tools: what it offers and what has been called so far, in words. Pure.
Request tools_in_words(Request request, std::string_view word);

/// `message` with the call that its first block holds, if any; what follows the block is dropped, since no model
/// knows what a call comes to. A block that holds no call becomes one the session will find fault with. Pure.
Message call_in_words(Message message, std::string_view word);

/// Speaks for another backend. Requests without tools pass through as they are.
class TextToolsBackend final : public Backend {
 public:
  TextToolsBackend(std::unique_ptr<Backend> inner, base::Rng& rng);
  const std::string& id() const override { return inner_->id(); }
  const std::string& model() const override { return inner_->model(); }
  const Rates& rates() const override { return inner_->rates(); }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;
  base::Task<base::Result<ProbeReport>> probe() override { return inner_->probe(); }

 private:
  std::unique_ptr<Backend> inner_;
  std::string word_;
};

}  // namespace orchestration
