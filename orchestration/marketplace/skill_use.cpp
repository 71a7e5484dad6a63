// The bench, its hook and its tool.
#include "orchestration/marketplace/skill_use.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/bytes.h"
#include "orchestration/tools/local_tool.h"

namespace orchestration {
namespace {

using base::Result;
using base::Task;
using base::json::Value;

constexpr std::string_view kTool = "use_skill";

std::string heading(const SkillInUse& skill) {
  return fmt::format("\n\n# The {} {} {}\nIt may use {} and permits nothing beyond that.\n",
                     skill.noun, skill.name, skill.version,
                     nipsa::capabilities_text(skill.granted));
}

Value parameters() {
  return {{"type", "object"},
          {"properties",
           {{"name",
             {{"type", "string"},
              {"description", "The skill's name, as it is held."},
              {"minLength", 1},
              {"maxLength", 300}}}}},
          {"required", {"name"}},
          {"additionalProperties", false}};
}

class UseSkill final : public LocalTool {
 public:
  UseSkill(SkillBench& bench, SkillSource& source)
      : LocalTool({.spec = {std::string(kTool),
                            "Open a licensed skill the agent holds and work by its instructions until the end of "
                            "this run. One use of its licence is spent. From then on only what the skill may do "
                            "can be done.",
                            parameters()},
                   .capability = Capability::kControl,
                   .action = ActionClass::kSearch,
                   .subject_param = "name"}),
        bench_(bench),
        source_(source) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    const std::string tick = context.trigger.tick;
    auto skill = co_await source_.use(base::json::string_or(params, "name"), tick,
                                      context.trigger.tick_request);
    if (!skill) co_return std::unexpected(std::move(skill).error());
    std::string said = fmt::format(
        "{} {} is open: its instructions stand at the end of yours. It may use {}{}; other calls are refused "
        "until this run ends.",
        skill->name, skill->version, nipsa::capabilities_text(skill->granted),
        skill->limits_tools ? fmt::format(", by these tools: {}", fmt::join(skill->allowed_tools, ", ")) : "");
    bench_.put(tick, *std::move(skill));
    co_return said;
  }

 private:
  SkillBench& bench_;
  SkillSource& source_;
};

}  // namespace

std::string_view skill_grant(Capability capability) {
  switch (capability) {
    case Capability::kQuery:
      return "nostr:read";
    case Capability::kSign:
      return "nostr:publish";
    case Capability::kMessage:
      return "nostr:message";
    case Capability::kFile:
      return "fs:read";
    case Capability::kEdit:
      return "fs:write";
    case Capability::kRun:
      return "shell:run";
    case Capability::kFetch:
      return "http:outbound";
    case Capability::kServer:
      return "mcp:call";
    case Capability::kSpend:
      return "wallet:spend";
    case Capability::kDelegate:
      return "agent:delegate";
    case Capability::kControl:
      return "";
  }
  return "?";
}

SkillInUse::~SkillInUse() { base::wipe(text); }

void SkillBench::put(const std::string& tick, SkillInUse skill) {
  auto& entries = ticks_[tick];
  const auto same = std::ranges::find_if(entries, [&](const Entry& e) { return e.skill.licence == skill.licence; });
  if (same != entries.end()) entries.erase(same);
  entries.push_back({std::move(skill), ""});
}

void SkillBench::put_shut(const std::string& tick, const std::string& licence, const std::string& why) {
  SkillInUse skill;
  skill.name = skill.licence = licence;
  ticks_[tick].push_back({std::move(skill), why});
}

bool SkillBench::has(const std::string& tick, std::string_view licence) const {
  const auto found = ticks_.find(tick);
  return found != ticks_.end() && std::ranges::any_of(found->second, [&](const Entry& e) {
           return e.skill.licence == licence;
         });
}

void SkillBench::look_again(Entry& entry) {
  if (!entry.shut.empty() || !entry.skill.still_good) return;
  const auto good = entry.skill.still_good();
  if (good) return;
  entry.shut = good.error().detail;
  base::wipe(entry.skill.text);
  entry.skill.text.clear();
}

std::string SkillBench::text(const std::string& tick) {
  std::string out;
  const auto found = ticks_.find(tick);
  if (found == ticks_.end()) return out;
  for (Entry& entry : found->second) {
    look_again(entry);
    if (entry.shut.empty()) out += heading(entry.skill) + entry.skill.text;
    else
      out += fmt::format("\n\n# The {} {}\nIt is not open any more: {}. Finish without it.\n",
                         entry.skill.noun, entry.skill.name, entry.shut);
  }
  return out;
}

std::optional<std::string> SkillBench::objection(const ToolInvocation& call) {
  const auto found = ticks_.find(call.tick);
  const std::string_view grant = skill_grant(call.capability);
  if (found == ticks_.end() || grant.empty()) return std::nullopt;
  for (Entry& entry : found->second) {
    look_again(entry);
    const SkillInUse& skill = entry.skill;
    if (!entry.shut.empty())
      return fmt::format("the {} {} was open and is not any more: {}", skill.noun, skill.name,
                         entry.shut);
    if (std::ranges::find(skill.granted, grant) == skill.granted.end())
      return fmt::format("the {} {} is open and may not use {}", skill.noun, skill.name, grant);
    if (skill.limits_tools && std::ranges::find(skill.allowed_tools, call.tool) == skill.allowed_tools.end())
      return fmt::format("the {} {} is open and does not use {}", skill.noun, skill.name,
                         call.tool);
  }
  return std::nullopt;
}

Hook skill_gate(SkillBench& bench) {
  Hook hook{.name = "skills", .priority = 99, .guarded = true};
  hook.decide_tool = [&bench](const ToolInvocation& call) {
    auto why = bench.objection(call);
    return why ? Decision{Decision::Verdict::kBlock, *std::move(why)} : Decision{};
  };
  hook.aside = [&bench](const std::string& tick) { return bench.text(tick); };
  return hook;
}

std::unique_ptr<Tool> make_use_skill(SkillBench& bench, SkillSource& source) {
  return std::make_unique<UseSkill>(bench, source);
}

}  // namespace orchestration
