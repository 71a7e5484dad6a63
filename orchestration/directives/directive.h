// Directive: a goal the operator keeps in a file — what agents should work towards, never what they may do.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "nostr/base/result.h"
#include "storage/goals.h"

namespace orchestration {

enum class DirectiveStatus { kActive, kPaused, kBlocked, kCompleted };
std::string_view directive_status_name(DirectiveStatus status);
/// Also the words other programs write: pending, complete, done, on-hold.
base::Result<DirectiveStatus> parse_directive_status(std::string_view word);

enum class DirectivePriority { kCritical, kHigh, kMedium, kLow };
std::string_view directive_priority_name(DirectivePriority priority);
/// Also urgent and normal.
base::Result<DirectivePriority> parse_directive_priority(std::string_view word);

struct Directive {
  std::string id;  ///< [a-z0-9][a-z0-9._-]{0,63}
  std::string title;
  DirectiveStatus status = DirectiveStatus::kPaused;
  DirectivePriority priority = DirectivePriority::kMedium;
  bool ranked = false;           ///< its file says how urgent it is; else medium stands in
  bool is_public = false;        ///< everybody may know of it: kind 39203
  std::string created, updated;  ///< as written: a date or a time
  std::string body;              ///< Markdown
  std::string file;              ///< its name
  std::vector<std::string> warnings;

  /// The first paragraph that is no heading.
  std::string goal() const;
};

bool is_directive_id(std::string_view id);
/// kInvalid for a front matter that cannot be read or an id that is none. An unknown status is paused, with
/// a warning: nothing is active by accident.
base::Result<Directive> parse_directive(std::string file, std::string_view text);
base::json::Value directive_json(const Directive& directive);

/// The folder of them. It is read anew each time: the operator edits it beside us.
class DirectiveFolder {
 public:
  explicit DirectiveFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  struct Contents {
    std::vector<Directive> all;  ///< by priority, then the latest update, then id
    std::vector<std::string> rejected;  ///< "file: why"
  };
  /// Every `*.md` in it, by name; of two with one id the first counts. Empty when there is no folder.
  base::Result<Contents> read() const;
  /// kNotFound with the nearest id.
  base::Result<Directive> find(std::string_view id) const;
  /// A new file. kConflict when the id is taken.
  base::Result<Directive> add(const Directive& directive) const;
  /// Changes its line in the file, and `updated`.
  base::Result<Directive> set_status(std::string_view id, DirectiveStatus status, base::UnixTime now) const;
  base::Result<Directive> set_priority(std::string_view id, DirectivePriority priority, base::UnixTime now) const;
  base::Result<Directive> set_public(std::string_view id, bool is_public, base::UnixTime now) const;
  const std::filesystem::path& path() const { return folder_; }

 private:
  base::Result<Directive> change(std::string_view id, std::string_view key, std::string_view value, base::UnixTime now) const;
  std::filesystem::path folder_;
};

/// The active ones whose title and goal hold at least half of the words of `query`, the best first.
std::vector<Directive> related(const std::vector<Directive>& all, std::string_view query, std::size_t most);

/// Those of them that are at least so urgent.
std::vector<Directive> at_least(std::vector<Directive> all, DirectivePriority priority);

/// What a session reads: the active ones (at most `most`) and how far the agent said each is, and
/// the goal of the first, at most 600 bytes. "" when none is active.
std::string directives_section(const std::vector<Directive>& all, std::size_t most = 5,
                               std::span<const storage::GoalReport> reports = {});

}  // namespace orchestration
