// HOT PATH: dispatch around every tool call. A table per point, rebuilt only when the chain
// changes; 12 hooks in at most 15 µs (tools/bench/bench_session.cpp).
#include "orchestration/hooks/hook.h"

#include <algorithm>
#include <exception>
#include <map>

#include "nostr/base/log.h"

namespace orchestration {

/// The enabled hooks in order, and for each point those that care about it.
struct HookChain::Table {
  std::vector<Hook> hooks;
  std::vector<const Hook*> mutate_tool, consult_tool, decide_tool, waive_tool, reserve_tool, release_tool, observe_tool,
      transform_tool, decide_model, reserve_model, settle_model, observe_model, on_session, context, aside,
      before_finish, left_undone;
};

/// How often in a row hooks have thrown, by name; empty as long as none has.
struct HookChain::Faults {
  static constexpr unsigned kMostFaults = 5;
  std::map<std::string, unsigned> in_a_row;

  bool suspended(const Hook& hook) const {
    if (in_a_row.empty() || hook.guarded) return false;
    const auto found = in_a_row.find(hook.name);
    return found != in_a_row.end() && found->second >= kMostFaults;
  }
  /// Whether `call` came through; why not is logged.
  template <class Call>
  bool runs(const Hook& hook, std::string* why, Call&& call) {
    try {
      call();
      if (!in_a_row.empty()) in_a_row.erase(hook.name);
      return true;
    } catch (const std::exception& fault) {
      const unsigned times = ++in_a_row[hook.name];
      LOG(kError, "hooks", times == kMostFaults && !hook.guarded ? "a hook fails each time and is left out" : "a hook failed",
          {{"hook", hook.name}, {"why", fault.what()}});
      if (why) *why = "the hook failed";
      return false;
    }
  }
  /// For what is no gate: skipped when it throws or has thrown too often.
  template <class Call>
  void let(const Hook& hook, Call&& call) {
    if (!suspended(hook)) runs(hook, nullptr, std::forward<Call>(call));
  }
  /// For gates that answer: an exception is a refusal.
  template <class Call>
  Decision decide(const Hook& hook, Call&& call) {
    Decision out;
    std::string why;
    if (!runs(hook, &why, [&] { out = call(); })) return {Decision::Verdict::kBlock, std::move(why)};
    return out;
  }
  template <class Call>
  base::Result<void> reserve(const Hook& hook, Call&& call) {
    base::Result<void> out;
    std::string why;
    if (!runs(hook, &why, [&] { out = call(); })) return base::fail(base::Errc::kInternal, hook.name + ": " + why);
    return out;
  }
};

std::string Ruling::text() const {
  std::string out;
  for (const std::string& reason : reasons) {
    if (!out.empty()) out += "; ";
    out += reason;
  }
  return out;
}

HookChain::HookChain() : faults_(std::make_shared<Faults>()) {
  rebuild();
}
HookChain::~HookChain() = default;
HookChain::HookChain(HookChain&&) noexcept = default;
HookChain& HookChain::operator=(HookChain&&) noexcept = default;

base::Result<void> HookChain::add(Hook hook) {
  if (hook.name.empty()) return base::fail(base::Errc::kInvalid, "a hook has no name");
  for (const Hook& other : hooks_)
    if (other.name == hook.name)
      return base::fail(base::Errc::kConflict, "a hook named " + hook.name + " exists");
  hooks_.push_back(std::move(hook));
  rebuild();
  return {};
}

base::Result<void> HookChain::disable(std::string_view name) {
  const auto found =
      std::find_if(hooks_.begin(), hooks_.end(), [&](const Hook& h) { return h.name == name; });
  if (found == hooks_.end())
    return base::fail(base::Errc::kNotFound, "no hook is named " + std::string(name));
  if (found->guarded)
    return base::fail(base::Errc::kDenied,
                      "hook " + found->name + " protects the node and stays on");
  if (std::find(disabled_.begin(), disabled_.end(), name) == disabled_.end())
    disabled_.emplace_back(name);
  rebuild();
  return {};
}

base::Result<void> HookChain::enable(std::string_view name) {
  const bool known =
      std::any_of(hooks_.begin(), hooks_.end(), [&](const Hook& h) { return h.name == name; });
  if (!known) return base::fail(base::Errc::kNotFound, "no hook is named " + std::string(name));
  std::erase(disabled_, name);
  rebuild();
  return {};
}

std::vector<std::string> HookChain::names() const {
  std::vector<std::string> out;
  for (const Hook& hook : table_->hooks) out.push_back(hook.name);
  return out;
}

void HookChain::rebuild() {
  auto table = std::make_shared<Table>();
  for (const Hook& hook : hooks_) {
    if (std::find(disabled_.begin(), disabled_.end(), hook.name) != disabled_.end()) continue;
    const auto place =
        std::upper_bound(table->hooks.begin(), table->hooks.end(), hook,
                         [](const Hook& a, const Hook& b) { return a.priority > b.priority; });
    table->hooks.insert(place, hook);
  }
  for (const Hook& hook : table->hooks) {
    if (hook.mutate_tool) table->mutate_tool.push_back(&hook);
    if (hook.consult_tool) table->consult_tool.push_back(&hook);
    if (hook.decide_tool) table->decide_tool.push_back(&hook);
    if (hook.waive_tool) table->waive_tool.push_back(&hook);
    if (hook.reserve_tool) table->reserve_tool.push_back(&hook);
    if (hook.release_tool) table->release_tool.push_back(&hook);
    if (hook.observe_tool) table->observe_tool.push_back(&hook);
    if (hook.transform_tool) table->transform_tool.push_back(&hook);
    if (hook.decide_model) table->decide_model.push_back(&hook);
    if (hook.reserve_model) table->reserve_model.push_back(&hook);
    if (hook.settle_model) table->settle_model.push_back(&hook);
    if (hook.observe_model) table->observe_model.push_back(&hook);
    if (hook.on_session) table->on_session.push_back(&hook);
    if (hook.context) table->context.push_back(&hook);
    if (hook.aside) table->aside.push_back(&hook);
    if (hook.before_finish) table->before_finish.push_back(&hook);
    if (hook.left_undone) table->left_undone.push_back(&hook);
  }
  table_ = std::move(table);
}

namespace {

void add_decision(Ruling& ruling, const Hook& hook, Decision decision) {
  if (decision.verdict == Decision::Verdict::kContinue) return;
  ruling.verdict = std::max(ruling.verdict, decision.verdict);
  ruling.each_time = ruling.each_time || decision.each_time;
  ruling.reasons.push_back(hook.name + ": " + decision.reason);
}

}  // namespace

void HookChain::mutate(ToolInvocation& call) const {
  const auto table = table_;
  for (const Hook* hook : table->mutate_tool) faults_->let(*hook, [&] { hook->mutate_tool(call); });
}

base::Task<Ruling> HookChain::consult(ToolInvocation& call) const {
  const auto table = table_;
  Ruling ruling;
  for (const Hook* hook : table->consult_tool) {
    auto task = hook->consult_tool(call);
    if (!task) continue;
    auto answer = co_await std::move(*task);
    if (!answer) {
      add_decision(ruling, *hook, {Decision::Verdict::kBlock, answer.error().detail});
      continue;
    }
    if (answer->params) call.params = *std::move(answer->params);
    add_decision(ruling, *hook, std::move(answer->decision));
  }
  co_return ruling;
}

Ruling HookChain::decide(const ToolInvocation& call) const {
  const auto table = table_;
  Ruling ruling;
  for (const Hook* hook : table->decide_tool) 
    add_decision(ruling, *hook, faults_->decide(*hook, [&] { return hook->decide_tool(call); }));
  if (ruling.verdict != Decision::Verdict::kAsk || ruling.each_time) return ruling;
  for (const Hook* hook : table->waive_tool) {
    std::optional<std::string> answer;
    faults_->let(*hook, [&] { answer = hook->waive_tool(call); });
    if (!answer) continue;
    ruling.verdict = Decision::Verdict::kContinue;
    ruling.reasons.push_back(hook->name + ": " + *std::move(answer));
    break;
  }
  return ruling;
}

base::Result<void> HookChain::reserve(const ToolInvocation& call) const {
  const auto table = table_;
  for (std::size_t i = 0; i < table->reserve_tool.size(); ++i) {
    const Hook& hook = *table->reserve_tool[i];
    auto reserved = faults_->reserve(hook, [&] { return hook.reserve_tool(call); });
    if (reserved) continue;
    while (i-- > 0)
      if (const Hook& made = *table->reserve_tool[i]; made.release_tool)
        faults_->let(made, [&] { made.release_tool(call); });
    return reserved;
  }
  return {};
}

void HookChain::release(const ToolInvocation& call) const {
  const auto table = table_;
  for (const Hook* hook : table->release_tool) faults_->let(*hook, [&] { hook->release_tool(call); });
}

void HookChain::after(const ToolInvocation& call, ToolOutput& output) const {
  const auto table = table_;
  for (const Hook* hook : table->observe_tool) faults_->let(*hook, [&] { hook->observe_tool(call, output); });
  for (const Hook* hook : table->transform_tool) faults_->let(*hook, [&] { hook->transform_tool(call, output); });
}

Ruling HookChain::decide(const ModelCall& call) const {
  const auto table = table_;
  Ruling ruling;
  for (const Hook* hook : table->decide_model)
    add_decision(ruling, *hook, faults_->decide(*hook, [&] { return hook->decide_model(call); }));
  return ruling;
}

base::Result<void> HookChain::reserve(const ModelCall& call) const {
  const auto table = table_;
  for (std::size_t i = 0; i < table->reserve_model.size(); ++i) {
    const Hook& hook = *table->reserve_model[i];
    auto reserved = faults_->reserve(hook, [&] { return hook.reserve_model(call); });
    if (reserved) continue;
    while (i-- > 0)
      if (const Hook& made = *table->reserve_model[i]; made.settle_model)
        static_cast<void>(faults_->reserve(made, [&] { return made.settle_model(call, Charge{}); }));
    return reserved;
  }
  return {};
}

base::Result<void> HookChain::settle(const ModelCall& call, const Charge& charge) const {
  const auto table = table_;
  base::Result<void> first;
  for (const Hook* hook : table->settle_model) {
    auto settled = faults_->reserve(*hook, [&] { return hook->settle_model(call, charge); });
    if (!settled && first) first = std::move(settled);
  }
  return first;
}

void HookChain::after(const ModelCall& call, const Reply& reply) const {
  const auto table = table_;
  for (const Hook* hook : table->observe_model) faults_->let(*hook, [&] { hook->observe_model(call, reply); });
}

void HookChain::notify(const SessionNotice& notice) const {
  const auto table = table_;
  for (const Hook* hook : table->on_session) faults_->let(*hook, [&] { hook->on_session(notice); });
}

std::vector<ContextSection> HookChain::context(const SessionNotice& notice) const {
  const auto table = table_;
  std::vector<ContextSection> out;
  for (const Hook* hook : table->context)
    faults_->let(*hook, [&] {
      for (ContextSection& section : hook->context(notice)) out.push_back(std::move(section));
    });
  return out;
}

std::string HookChain::aside(const std::string& tick) const {
  const auto table = table_;
  std::string out;
  for (const Hook* hook : table->aside)
    faults_->let(*hook, [&] { out += hook->aside(tick); });
  return out;
}

std::optional<std::string> HookChain::before_finish(const std::string& session, const std::vector<std::string>& told) const {
  const auto table = table_;
  for (const Hook* hook : table->before_finish) {
    std::optional<std::string> words;
    faults_->let(*hook, [&] { words = hook->before_finish(session, told); });
    if (words) return words;
  }
  return std::nullopt;
}

std::string HookChain::left_undone(const std::string& session) const {
  const auto table = table_;
  std::string out;
  for (const Hook* hook : table->left_undone)
    faults_->let(*hook, [&] {
      if (out.empty()) out = hook->left_undone(session);
    });
  return out;
}

}  // namespace orchestration
