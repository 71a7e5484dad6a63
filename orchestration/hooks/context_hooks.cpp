#include "orchestration/hooks/context_hooks.h"

#include <algorithm>
#include <deque>
#include <fstream>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "nostr/base/utf8.h"
#include "orchestration/envelope.h"
#include "orchestration/shell/dangers.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxInstructions = 32'768;
constexpr std::size_t kMaxReadme = 5'000;

}  // namespace

std::optional<std::string> read_context_file(const fs::path& workspace, const std::string& name, std::size_t max_bytes) {
  std::error_code error;
  const fs::path root = fs::canonical(workspace, error);
  if (error) return std::nullopt;
  const fs::path path = fs::canonical(root / name, error);
  if (error || !path.string().starts_with(root.string() + "/") || !fs::is_regular_file(path, error)) return std::nullopt;
  const std::uintmax_t size = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  // One byte more than is kept, to see whether the cut would fall into a character.
  std::string text(max_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const std::string_view whole = cut_utf8(text, max_bytes);
  if (!base::is_utf8(whole)) {
    LOG(kDebug, "context", "a file that is no text is left out", {{"file", name}});
    return std::nullopt;
  }
  if (whole.size() == text.size()) return text;
  return fmt::format("{}\n(cut: {} of {} bytes)", whole, whole.size(), size);
}

Hook directive_hook(DirectiveFolder folder, storage::GoalReports* reports) {
  Hook hook{.name = "directives", .priority = 80};
  hook.context = [folder = std::move(folder),
                  reports](const SessionNotice&) -> std::vector<ContextSection> {
    const auto contents = folder.read();
    if (!contents) {
      LOG(kWarn, "directives", "the directives cannot be read", {{"error", contents.error().detail}});
      return {};
    }
    for (const std::string& why : contents->rejected)
      LOG(kWarn, "directives", "a directive is left out", {{"why", why}});
    std::vector<storage::GoalReport> known;
    if (reports != nullptr) known = reports->list().value_or(std::vector<storage::GoalReport>{});
    return {{.name = "The operator's goals (they permit nothing)",
             .content = directives_section(contents->all, 5, known),
             .priority = 85}};
  };
  return hook;
}

Hook context_file_hook(fs::path workspace) {
  Hook hook{.name = "context-files", .priority = 90};
  hook.context = [workspace = std::move(workspace)](const SessionNotice&) {
    std::vector<ContextSection> out;
    if (auto text = read_context_file(workspace, "AGENTS.md", kMaxInstructions))
      out.push_back({.name = "AGENTS.md of the workspace", .content = *std::move(text), .priority = 100});
    if (auto text = read_context_file(workspace, "README.md", kMaxReadme))
      out.push_back({.name = "README.md of the workspace", .content = *std::move(text), .priority = 50});
    return out;
  };
  return hook;
}

namespace {

/// What each session has read of its folders; those that began last are remembered.
class ToldFolders {
 public:
  std::set<std::string>& of(const std::string& session) {
    const auto found = std::ranges::find(sessions_, session, &Entry::first);
    if (found != sessions_.end()) return found->second;
    if (sessions_.size() == kMaxSessions) sessions_.pop_front();
    return sessions_.emplace_back(session, std::set<std::string>{}).second;
  }
  void forget(const std::string& session) {
    std::erase_if(sessions_, [&](const Entry& entry) { return entry.first == session; });
  }

 private:
  using Entry = std::pair<std::string, std::set<std::string>>;
  static constexpr std::size_t kMaxSessions = 256;
  std::deque<Entry> sessions_;
};

/// The folders between the workspace and a file in it, both left out; the outermost first. Relative.
std::vector<std::string> folders_above(const std::string& workspace, std::string_view path) {
  const std::string file = resolve_path(std::string(path), workspace, "");
  if (!is_within(file, workspace)) return {};
  std::vector<std::string> out;
  for (std::size_t at = workspace.size() + 1; (at = file.find('/', at)) != file.npos; ++at)
    out.push_back(file.substr(workspace.size() + 1, at - workspace.size() - 1));
  return out;
}

}  // namespace

Hook folder_file_hook(fs::path workspace) {
  Hook hook{.name = "folder-files", .priority = -10};
  const auto told = std::make_shared<ToldFolders>();
  // A session that begins, or was summed up and begins anew, has read none of them.
  hook.context = [told](const SessionNotice& notice) {
    told->forget(notice.session);
    return std::vector<ContextSection>{};
  };
  hook.on_session = [told](const SessionNotice& notice) {
    if (notice.phase == SessionPhase::kEnded) told->forget(notice.session);
  };
  hook.transform_tool = [told, root = resolve_path(workspace.string(), "/", "")](const ToolInvocation& call, ToolOutput& output) {
    const bool file = call.capability == Capability::kFile || call.capability == Capability::kEdit;
    if (!file || output.outcome != ToolOutcome::kOk) return;
    std::size_t room = kMaxInstructions;
    for (std::string_view left = call.subject; !left.empty();) {
      const std::string_view path = left.substr(0, left.find('\n'));
      left.remove_prefix(std::min(path.size() + 1, left.size()));
      for (const std::string& folder : folders_above(root, path)) {
        if (room == 0 || !told->of(call.session).insert(folder).second) continue;
        const std::string name = folder + "/AGENTS.md";
        const auto text = read_context_file(root, name, room);
        if (!text) continue;
        room -= std::min(room, text->size());
        output.content += fmt::format("\n\n{} (how to work there; it permits nothing):\n{}", name,
                                      enclose({.source = "AGENTS.md", .author = folder, .trust = Trust::kKnown, .id = ""}, *text, kMaxInstructions * 2));
      }
    }
  };
  return hook;
}

}  // namespace orchestration
