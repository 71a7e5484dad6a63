// Pages are made when they are first turned to, and those of who is hired go with the task.
#include "node/agent_book.h"

#include <algorithm>

#include "nostr/base/log.h"
#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/hooks/standing_hooks.h"
#include "orchestration/hooks/tool_hooks.h"

namespace node {
namespace {

constexpr std::string_view kNoTool = "-";  // an empty list would mean all of them

orchestration::Permissions no_rights() {
  using orchestration::Permit;
  orchestration::Permissions out;
  for (Permit* level : {&out.query, &out.file, &out.sign, &out.message, &out.spend, &out.control,
                        &out.edit, &out.commands.mode, &out.fetch, &out.server, &out.delegate})
    *level = Permit::kDeny;
  out.sign_kinds.clear();
  return out;
}

}  // namespace

AgentBook::AgentBook(Deps deps) : deps_(deps), registry_(agents_of(deps.config).value()) {}

base::Result<const AgentBook::Page*> AgentBook::find(std::string_view id) {
  TRY(const auto* entry, registry_.find(id));
  return page(entry->spec.id);
}

base::Result<std::unique_ptr<const AgentBook::Page>> AgentBook::hire(
    std::string_view id, std::string_view by, const std::vector<std::string>& tools) {
  TRY(orchestration::AgentSpec own, granted(id));
  TRY(orchestration::AgentSpec boss, granted(by));
  const bool any_tool = own.tools.empty();
  auto out = std::make_unique<Page>();
  out->spec = std::move(own);
  out->spec.permissions =
      orchestration::within(std::move(out->spec.permissions), std::move(boss.permissions));
  if (!tools.empty()) {
    std::erase_if(out->spec.tools, [&](const std::string& tool) {
      return std::ranges::find(tools, tool) == tools.end();
    });
    if (any_tool) out->spec.tools = tools;
    if (out->spec.tools.empty()) out->spec.tools = {std::string(kNoTool)};
  }
  fill_hooks(*out);
  return out;
}

base::Result<std::unique_ptr<const AgentBook::Page>> AgentBook::for_stranger(std::string_view id) {
  auto out = std::make_unique<Page>();
  if (id.empty()) {
    out->spec = registry_.primary();
  } else {
    TRY(const auto* entry, registry_.find(id));
    out->spec = entry->spec;
  }
  out->spec.tools = {std::string(kNoTool)};
  out->spec.delegates_to.clear();
  out->spec.permissions = no_rights();
  fill_hooks(*out, Telling::kNothing);
  return out;
}

base::Result<orchestration::AgentSpec> AgentBook::granted(std::string_view id) const {
  TRY(const auto* entry, registry_.find(id));
  orchestration::AgentSpec out = with_team(entry->spec, registry_.helpers_of(entry->spec));
  out.permissions = deps_.tool_box.permissions(std::move(out.permissions));
  return out;
}

const AgentBook::Page* AgentBook::page(const std::string& id) {
  std::unique_ptr<Page>& slot = pages_[id];
  if (slot) return slot.get();
  auto spec = granted(id);
  CHECK(spec.has_value());
  slot = std::make_unique<Page>();
  slot->spec = *std::move(spec);
  fill_hooks(*slot);
  return slot.get();
}

void AgentBook::fill_hooks(Page& page, Telling telling) {
  const Config& config = deps_.config;
  const orchestration::SpendLimits limits{.node_daily = config.budget.per_day,
                                          .agent_daily = page.spec.per_day,
                                          .session = config.budget.per_tick,
                                          .tick = config.budget.per_tick,
                                          .of_tick = deps_.tick_limit};
  const auto add = [&](orchestration::Hook hook) {
    if (telling == Telling::kNothing) {
      hook.context = {};
      hook.aside = {};
    }
    add_hook(page, std::move(hook));
  };
  add(orchestration::permission_gate(page.spec.permissions, deps_.tool_box.rules()));
  add(orchestration::pause_gate([pause = &deps_.pause] { return pause->reason(); }));
  add(orchestration::autonomy_gate(page.spec.autonomy));
  add(orchestration::taint_gate(orchestration::risky_when_tainted()));
  add(orchestration::grant_waiver(deps_.grants, deps_.clock));
  if (auto quiet = orchestration::parse_quiet_hours(config.agent.quiet_hours))
    add(orchestration::quiet_hours_gate(*std::move(quiet), deps_.clock));
  add(orchestration::budget_gate(deps_.db, deps_.clock, limits, [this](const std::string& text) {
    if (tell_) tell_(text);
  }));
  add(orchestration::output_truncator(&deps_.tool_box.outputs(), deps_.clock));
  add(orchestration::tool_logger());
  for (orchestration::Hook& hook : deps_.tool_box.hooks()) add(std::move(hook));
  for (const orchestration::Hook& hook : watchers_) add(hook);
}

void AgentBook::add_hook(Page& page, orchestration::Hook hook) const {
  const std::string name = hook.name;
  // Names of built-ins are distinct, so adding cannot fail.
  CHECK(page.hooks.add(std::move(hook)).has_value());
  const auto& off = deps_.config.agent.disabled_hooks;
  // Guarded ones were refused when the configuration was read.
  if (std::ranges::find(off, name) != off.end()) CHECK(page.hooks.disable(name).has_value());
}

void AgentBook::reload() {
  registry_ = agents_of(deps_.config).value();
  for (auto& [id, page] : pages_) retired_.push_back(std::move(page));
  pages_.clear();
}

void AgentBook::watch(orchestration::Hook hook) {
  for (auto& [id, page] : pages_) add_hook(*page, hook);
  watchers_.push_back(std::move(hook));
}

void AgentBook::check_tools(const orchestration::ToolRegistry& tools) const {
  for (const auto& entry : registry_.all()) {
    if (entry.builtin || !entry.enabled) continue;
    for (const std::string& name : entry.spec.tools)
      // Tools of MCP servers come when their server answers.
      if (tools.find(name) == nullptr && !name.contains("__"))
        LOG(kWarn, "agents", "an agent names a tool that is not there",
            {{"agent", entry.spec.id}, {"tool", name}, {"hint", tools.suggest(name)}});
  }
}

}  // namespace node
