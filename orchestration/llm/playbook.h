// The `playbook` backend: replies from a readable file of rules, for people without a model and for
// tests. Deterministic: the same conversation always gets the same next message.
//
//   [[rule]]
//   on = "mention"            # mention | dm | heartbeat | manual | delegation | task | tool |
//   denied | expired | news author = "npub1…"         # optional: only this author's trigger match
//   = "(?i)hello"       # optional RE2: searched in the trigger's content or the tool's result step
//   = 0                  # optional: model turns so far call = { tool = "reply", args = { content =
//   "You said: {{content}}" } } # or: say = "done"
//
// mention, dm, heartbeat, manual and task rules fire in the first turn unless `step` says
// otherwise; tool rules fire after a tool answered, denied and expired after the operator refused
// or stayed silent, news when the agent hears of tasks it handed out. The first rule that fits and
// has not fired in this session fires; when none does, the session ends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/llm/backend.h"

namespace orchestration {

/// A parsed playbook.
class Playbook {
 public:
  /// kInvalid names line and key; an unknown key comes with the closest known one.
  static base::Result<Playbook> parse(std::string_view toml);
  /// kIo when the file cannot be read, else as parse().
  static base::Result<Playbook> load(const std::string& path);
  /// The text of the built-in one: answers a mention with the reply tool.
  static std::string_view builtin_text();

  /// The next assistant message; empty text and no calls when no rule fits.
  Message next(const Request& request) const;

  Playbook(Playbook&&) noexcept;
  Playbook& operator=(Playbook&&) noexcept;
  ~Playbook();

 private:
  struct Rule;
  Playbook();
  const Rule* firing(const Request& request, std::size_t turn, std::size_t end,
                     std::vector<bool>& fired) const;
  std::vector<Rule> rules_;
};

class PlaybookBackend final : public Backend {
 public:
  PlaybookBackend(std::string id, Playbook playbook);

  const std::string& id() const override { return id_; }
  const std::string& model() const override { return model_; }
  const Rates& rates() const override { return rates_; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;

 private:
  std::string id_;
  std::string model_ = "playbook";
  Rates rates_;
  Playbook playbook_;
};

}  // namespace orchestration
