#include "orchestration/hooks/context_hooks.h"

#include <fstream>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "nostr/base/utf8.h"
#include "orchestration/envelope.h"

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

}  // namespace orchestration
