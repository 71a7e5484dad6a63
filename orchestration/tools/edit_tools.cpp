// Writing: write_file, edit_file, apply_patch. Nothing is replaced that was not seen as it is.
#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "orchestration/tools/file_tools.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/patch.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxFile = 8u << 20;
constexpr std::int64_t kMaxText = 262'144;

/// The file as it is; nullopt when there is none.
Result<std::optional<std::string>> existing(const Workspace& workspace, const std::string& path) {
  auto content = workspace.read_all(path, kMaxFile);
  if (content) return std::optional(*std::move(content));
  if (content.error().code == Errc::kNotFound) return std::optional<std::string>{};
  return std::unexpected(std::move(content).error());
}

/// Files reach the model with `<`, `>` and `&` as entities (envelope.h); it may write them back so.
std::string without_entities(std::string text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kEntities = {
      {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}}};
  for (const auto& [entity, character] : kEntities)
    for (std::size_t at = text.find(entity); at != text.npos; at = text.find(entity, at + 1))
      text.replace(at, entity.size(), character);
  return text;
}

class EditTool : public LocalTool {
 public:
  EditTool(ToolSpec spec, FileToolDeps deps)
      : LocalTool({.spec = std::move(spec),
                   .capability = Capability::kEdit,
                   .action = ActionClass::kEditFile}),
        deps_(std::move(deps)) {}

 protected:
  Task<Result<std::optional<std::string>>> load(std::string path) {
    std::function<Result<std::optional<std::string>>()> work = [workspace = deps_.workspace, path] {
      return existing(*workspace, path);
    };
    co_return co_await base::offload<Result<std::optional<std::string>>>(deps_.loop, deps_.workers,
                                                                         std::move(work));
  }
  Task<Result<void>> save(std::string path, std::string content) {
    std::function<Result<void>()> work = [workspace = deps_.workspace, path, content] {
      return workspace->write(path, content);
    };
    CO_TRY(co_await base::offload<Result<void>>(deps_.loop, deps_.workers, std::move(work)));
    deps_.workspace->remember(path, content);
    co_return Result<void>{};
  }

  FileToolDeps deps_;
};

class WriteFile final : public EditTool {
 public:
  explicit WriteFile(FileToolDeps deps)
      : EditTool({"write_file",
                  "Create a file, or replace one you have read, with this content.",
                  object_schema({{"path", text_param("relative path", 4096)},
                                 {"content", text_param("the whole file", kMaxText, 0)}},
                                {"path", "content"})},
                 std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path");
    std::string content = base::json::string_or(params, "content");
    CO_TRY(const auto old, co_await load(path));
    if (old) CO_TRY(deps_.workspace->check_unchanged(path, *old));
    const std::size_t size = content.size();
    CO_TRY(co_await save(path, std::move(content)));
    co_return fmt::format("{} {}: {} bytes.", old ? "Replaced" : "Created", path, size);
  }
};

class EditFile final : public EditTool {
 public:
  explicit EditFile(FileToolDeps deps)
      : EditTool({"edit_file",
                  "Replace one passage of a file. old_text must stand there exactly once, or all is true.",
                  object_schema({{"path", text_param("relative path", 4096)},
                                 {"old_text", text_param("the passage as it stands", kMaxText)},
                                 {"new_text", text_param("what shall stand there", kMaxText, 0)},
                                 {"all", {{"type", "boolean"}}}},
                                {"path", "old_text", "new_text"})},
                 std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path");
    const std::string old_text = base::json::string_or(params, "old_text");
    const std::string new_text = base::json::string_or(params, "new_text");
    const bool all = params.value("all", false);
    CO_TRY(const auto content, co_await load(path));
    if (!content) co_return fail(Errc::kNotFound, path + " does not exist", "write_file creates it");
    auto changed = replace_text(*content, old_text, new_text, all);
    if (!changed && changed.error().code == Errc::kNotFound && without_entities(old_text) != old_text)
      changed = replace_text(*content, without_entities(old_text), without_entities(new_text), all);
    if (!changed) co_return std::unexpected(base::in_context(path, std::move(changed).error()));
    CO_TRY(co_await save(path, *std::move(changed)));
    co_return "Changed " + path + ".";
  }
};

class ApplyPatch final : public EditTool {
 public:
  explicit ApplyPatch(FileToolDeps deps)
      : EditTool({"apply_patch",
                  "Apply a unified diff (--- a/x, +++ b/x, @@) to files below your folder: all of it or nothing.",
                  object_schema({{"patch", text_param("the diff", kMaxText)}}, {"patch"})},
                 std::move(deps)) {}

  std::string subject(const Value& params) const override {
    const auto patches = parse_patch(base::json::string_or(params, "patch"));
    if (!patches) return "";
    std::string out;
    for (const FilePatch& patch : *patches) out += (out.empty() ? "" : "\n") + patch.path;
    return out;
  }

  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(const auto patches, parse_patch(base::json::string_or(params, "patch")));
    std::function<Result<std::string>()> work = [workspace = deps_.workspace, patches] {
      return apply_all(*workspace, patches);
    };
    co_return co_await on_worker(deps_.loop, deps_.workers, std::move(work));
  }

 private:
  /// Everything is worked out before the first file is touched.
  static Result<std::string> apply_all(const Workspace& workspace, const std::vector<FilePatch>& patches) {
    std::map<std::string, std::string> results;
    for (const FilePatch& patch : patches) {
      TRY(const std::string path, workspace.relative(patch.path));
      TRY(const auto old, existing(workspace, path));
      if (patch.creates && old) return fail(Errc::kConflict, path + " exists already");
      if (!patch.creates && !old) return fail(Errc::kNotFound, path + " does not exist");
      if (results.contains(path)) return fail(Errc::kInvalid, "the patch names " + path + " twice");
      TRY(results[path], ::orchestration::apply_patch(old.value_or(""), patch));
      if (patch.removes && !results[path].empty())
        return fail(Errc::kConflict, "the patch removes " + path + " but not all of its lines");
    }
    std::string said;
    for (const FilePatch& patch : patches) {
      TRY(const std::string path, workspace.relative(patch.path));
      TRY(patch.removes ? workspace.remove(path) : workspace.write(path, results[path]));
      said += fmt::format("{} {}\n", patch.removes ? "Removed" : patch.creates ? "Created" : "Changed", path);
    }
    return said;
  }
};

}  // namespace

Result<std::string> replace_text(const std::string& content, const std::string& old_text,
                                 const std::string& new_text, bool all) {
  if (old_text.empty()) return fail(Errc::kInvalid, "old_text is empty");
  if (old_text == new_text) return fail(Errc::kInvalid, "old_text and new_text are the same");
  std::string out;
  std::size_t from = 0;
  std::size_t count = 0;
  for (std::size_t at = content.find(old_text); at != content.npos; at = content.find(old_text, from)) {
    out += content.substr(from, at - from) + new_text;
    from = at + old_text.size();
    ++count;
  }
  if (count == 0) return fail(Errc::kNotFound, "old_text does not stand there", "read the file again");
  if (count > 1 && !all)
    return fail(Errc::kConflict, fmt::format("old_text stands there {} times", count),
                "give more of what is around it, or set all");
  return out + content.substr(from);
}

std::vector<std::unique_ptr<Tool>> make_writing_tools(FileToolDeps deps) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<WriteFile>(deps));
  out.push_back(std::make_unique<EditFile>(deps));
  out.push_back(std::make_unique<ApplyPatch>(std::move(deps)));
  return out;
}

}  // namespace orchestration
