// From a commit to a draft: three questions to git, and its own words for the patch.
#include "orchestration/tools/patch_tools.h"

#include <fmt/format.h>

#include "nostr/nips/nip19.h"
#include "nostr/nips/nip34.h"
#include "orchestration/envelope.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::string_or;
using base::json::Value;

class PublishPatch final : public Tool {
 public:
  explicit PublishPatch(CommandToolDeps deps) : deps_(std::move(deps)) {}

  const ToolSpec& spec() const override { return spec_; }
  Capability capability() const override { return Capability::kSign; }
  ActionClass action() const override { return ActionClass::kPost; }
  bool is_outward() const override { return true; }
  std::optional<nostr::Kind> sign_kind() const override { return nostr::kinds::kPatch; }

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    CO_TRY(const nostr::Patch patch, co_await read_patch(std::move(params)));
    CO_TRY(nostr::Draft draft, nostr::build_patch(patch));
    co_return ActionRequest{.key = {.tick = context.trigger.tick, .call_id = context.call_id},
                            .action = action(),
                            .draft = std::move(draft),
                            .reason = nostr::patch_subject(patch.text),
                            .payment = std::nullopt,
                            .ask = context.ask};
  }
  Task<Result<std::string>> run(ToolContext, Value) override {
    co_return fail(Errc::kInternal, "publish_patch only acts");
  }

 private:
  Task<Result<nostr::Patch>> read_patch(Value params) {
    const std::string revision = string_or(params, "revision", "HEAD");
    if (revision.starts_with('-')) co_return fail(Errc::kInvalid, "a revision does not begin with -");
    nostr::Patch out;
    CO_TRY(out.repository, co_await repository(string_or(params, "repository")));
    CO_TRY(const std::string line, co_await git({"rev-list", "--parents", "--max-count=1", "--end-of-options", revision}));
    const std::vector<std::string> ids = words_of(line);
    if (ids.empty()) co_return fail(Errc::kNotFound, cut(revision) + " is no commit");
    if (ids.size() > 2) co_return fail(Errc::kInvalid, "a merge has no patch of its own", "name one of its commits");
    out.commit = ids[0];
    if (ids.size() == 2) out.parent_commit = ids[1];
    CO_TRY(const std::string roots, co_await git({"rev-list", "--max-parents=0", "--end-of-options", out.commit}));
    if (const auto all = words_of(roots); !all.empty()) out.earliest_commit = all.back();
    CO_TRY(out.text, co_await git({"format-patch", "--stdout", "--max-count=1", "--no-signature", "--no-ext-diff",
                                   "--no-textconv", "--no-attach", "--no-cover-letter", "--subject-prefix=PATCH",
                                   "--end-of-options", out.commit}));
    if (out.text.size() > kMaxPatchBytes)
      co_return fail(Errc::kLimit, fmt::format("the patch is {} bytes, at most {} can be published", out.text.size(), kMaxPatchBytes),
                     "make several smaller commits");
    co_return out;
  }

  /// The one that is named, or the one the repository itself says it is.
  Task<Result<nostr::Address>> repository(std::string named) {
    if (named.empty()) {
      auto configured = co_await git({"config", "--get", "nostr.repo"});
      if (configured) named = words_of(*configured).empty() ? "" : words_of(*configured).front();
    }
    if (named.empty())
      co_return fail(Errc::kInvalid, "repository is missing, and the workspace has no nostr.repo in its git configuration",
                     "an naddr, or 30617:PUBKEY:NAME");
    co_return nostr::parse_address(named);
  }

  /// What git answers. kNotFound with its own words when it does not like what it was asked.
  Task<Result<std::string>> git(std::vector<std::string> arguments) {
    CO_TRY(ProcessOutcome outcome, co_await run_git(deps_, std::move(arguments)));
    if (outcome.timed_out) co_return fail(Errc::kTimeout, "git took too long");
    if (outcome.status.code != 0)
      co_return fail(Errc::kNotFound, "git: " + cut(outcome.errors.substr(0, outcome.errors.find('\n'))));
    co_return std::move(outcome.output);
  }

  static std::string cut(std::string_view text) { return std::string(cut_utf8(text, 200)); }
  static std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; (at = text.find_first_not_of(" \n", at)) != text.npos;) {
      const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
      out.emplace_back(text.substr(at, end - at));
      at = end;
    }
    return out;
  }

  CommandToolDeps deps_;
  const ToolSpec spec_{"publish_patch",
                       "Publish a commit of your folder as a patch for the repository it is of, under your own name. "
                       "Commit first; small commits are easier to read, and long ones are refused.",
                       object_schema({{"revision", text_param("the commit; HEAD when left out", 200)},
                                      {"repository", text_param("naddr or 30617:PUBKEY:NAME; what git config nostr.repo "
                                                                "says when left out", 1'000)}},
                                     Value::array())};
};

}  // namespace

std::unique_ptr<Tool> make_publish_patch(CommandToolDeps deps) { return std::make_unique<PublishPatch>(std::move(deps)); }

}  // namespace orchestration
