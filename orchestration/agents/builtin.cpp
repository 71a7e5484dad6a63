// What each specialist may do. Prompts are files of their own, see prompts/.
#include "orchestration/agents/builtin.h"

#include <algorithm>
#include <string>

#include "nostr/base/result.h"
#include "orchestration/agents/prompts.h"

namespace orchestration {
namespace {

std::string prompt_of(std::string_view id) {
  const std::string path = "/" + std::string(id) + ".md";
  const auto prompts = agent_prompts();
  const auto found = std::ranges::find(prompts, path, &base::Asset::path);
  CHECK(found != prompts.end());
  std::string text(found->bytes);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// How freely it writes, and in which colour it is drawn.
struct Style {
  double temperature;
  const char* color;
};

/// Everything a specialist starts from: it reads, and speaks to nobody outside.
AgentSpec specialist(std::string id, std::string name, Style style, std::string purpose) {
  AgentSpec agent;
  agent.temperature = style.temperature;
  agent.color = style.color;
  agent.prompt = prompt_of(id);
  agent.id = std::move(id);
  agent.name = std::move(name);
  agent.purpose = std::move(purpose);
  Permissions& may = agent.permissions;
  may.sign = may.message = may.spend = Permit::kDeny;
  may.edit = Permit::kDeny;
  may.fetch = may.server = Permit::kDeny;
  may.commands.mode = Permit::kDeny;
  may.sign_kinds.clear();
  may.hidden_tools = {"ask_operator"};
  return agent;
}

AgentSpec sisyphus() {
  AgentSpec agent;
  agent.id = "sisyphus";
  agent.name = "Sisyphus";
  agent.purpose = "owns the work: plans, acts, hands parts of it to the others, checks, finishes";
  agent.mode = AgentMode::kPrimary;
  agent.temperature = 0.1;
  agent.color = "#FF6B6B";
  agent.prompt = prompt_of(agent.id);
  agent.delegates_to = {"docwriter", "explore", "frontend", "librarian", "multimodal", "oracle"};
  // Private messages are gated by the level; the permission only says that they exist.
  agent.permissions.message = Permit::kAllow;
  agent.permissions.edit = agent.permissions.fetch = Permit::kAllow;
  agent.permissions.commands.mode = Permit::kAllow;
  agent.permissions.delegate = Permit::kAllow;
  agent.autonomy.bounded_asks = {ActionClass::kDm, ActionClass::kPurchase};
  return agent;
}

/// One that also changes files and, asked about, runs what checks them.
AgentSpec craftsman(std::string id, std::string name, Style style, std::string purpose) {
  AgentSpec agent = specialist(std::move(id), std::move(name), style, std::move(purpose));
  agent.permissions.edit = Permit::kAllow;
  agent.permissions.fetch = Permit::kAllow;
  agent.permissions.commands.mode = Permit::kAsk;
  return agent;
}

AgentSpec docwriter() {
  return craftsman("docwriter", "DocWriter", {0.4, "#F39C12"}, "READMEs, references, guides, comments; no logic");
}

AgentSpec explore() {
  AgentSpec agent = specialist("explore", "Explore", {0.1, "#2ECC71"}, "where is it, who calls it, what is in there: finds things in the workspace");
  agent.tools = {"read_file", "list_files", "glob", "grep", "git_log", "git_show", "git_blame",
                 "read_output", "todo_read", "todo_write"};
  return agent;
}

AgentSpec frontend() {
  return craftsman("frontend", "Frontend", {0.5, "#E74C3C"}, "whatever people see and touch: layout, style, accessibility; no logic");
}

AgentSpec librarian() {
  AgentSpec agent = specialist("librarian", "Librarian", {0.2, "#3498DB"}, "how libraries, protocols and public code outside the workspace work, with sources");
  agent.permissions.fetch = Permit::kAllow;
  agent.permissions.server = Permit::kAsk;
  return agent;
}

AgentSpec multimodal() {
  AgentSpec agent = specialist("multimodal", "Multimodal", {0.3, "#1ABC9C"}, "reads PDFs, pictures, diagrams, screenshots");
  agent.tools = {"read_pdf", "list_files", "glob", "read_output"};
  return agent;
}

AgentSpec oracle() {
  AgentSpec agent = specialist("oracle", "Oracle", {0.3, "#9B59B6"}, "costly advice: architecture, causes that hide, after two failed attempts");
  agent.permissions.fetch = Permit::kAllow;
  return agent;
}

}  // namespace

std::vector<AgentSpec> builtin_agents() {
  return {sisyphus(), docwriter(), explore(), frontend(), librarian(), multimodal(), oracle()};
}

AgentSpec primary_agent(std::string name, Level level) {
  AgentSpec agent = sisyphus();
  agent.name = std::move(name);
  agent.autonomy.level = level;
  return agent;
}

}  // namespace orchestration
