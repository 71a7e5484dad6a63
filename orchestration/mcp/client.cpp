// Lifecycle, tools and calls of one server.
#include "orchestration/mcp/client.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/tools/local_tool.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr int kMaxPages = 20;
constexpr std::chrono::milliseconds kConnectLook{20};
constexpr std::size_t kMaxShownDescription = 1'000;
constexpr std::size_t kMaxResult = 65'536;

/// Puts a flag down when it goes, by whatever way.
struct Release {
  bool& flag;
  ~Release() { flag = false; }
};

class McpTool final : public LocalTool {
 public:
  McpTool(std::shared_ptr<McpClient> client, std::string name, const McpDescriptor& descriptor)
      : LocalTool({.spec = {name, describe(client->name(), descriptor), open_schema(descriptor.schema)},
                   .capability = Capability::kServer,
                   .action = ActionClass::kCallServer}),
        client_(std::move(client)), full_name_(std::move(name)), tool_(descriptor.name) {}

  std::string subject(const Value&) const override { return full_name_; }

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const auto client = client_;
    CO_TRY(const McpToolResult result, co_await client->call(tool_, std::move(params)));
    std::string text = enclose({.source = "mcp", .author = full_name_, .trust = Trust::kStranger}, result.text, kMaxResult);
    if (result.is_error) co_return fail(Errc::kPeer, "the server says it failed:\n" + text);
    co_return text;
  }

 private:
  /// JSON Schema takes members it does not name; ours has to be told so.
  static Value open_schema(Value schema) {
    schema["type"] = "object";
    if (!schema.contains("additionalProperties")) schema["additionalProperties"] = true;
    return schema;
  }
  static std::string describe(const std::string& server, const McpDescriptor& descriptor) {
    return fmt::format("A tool of the server {}, in its own words: {}", server,
                       enclose({.source = "mcp", .author = server, .trust = Trust::kStranger},
                               descriptor.description, kMaxShownDescription));
  }

  std::shared_ptr<McpClient> client_;
  std::string full_name_;
  std::string tool_;
};

}  // namespace

McpClient::McpClient(std::unique_ptr<McpTransport> transport, McpClientOptions options)
    : transport_(std::move(transport)), options_(std::move(options)) {
  transport_->on_notification = [this](const std::string& method) {
    if (method == "notifications/tools/list_changed") stale_ = true;
  };
}

Task<Result<Value>> McpClient::ask(std::string method, Value params, std::chrono::milliseconds limit) {
  auto answer = co_await transport_->call(std::move(method), std::move(params), limit);
  if (answer) co_return answer;
  if (answer.error().code == Errc::kClosed) connected_ = false;
  co_return std::unexpected(base::in_context("mcp server " + options_.name, std::move(answer).error()));
}

Task<Result<void>> McpClient::connect() {
  while (connecting_) co_await base::sleep_for(kConnectLook);
  if (connected_) co_return Result<void>{};
  connecting_ = true;
  const Release release{connecting_};
  if (auto opened = co_await transport_->open(); !opened)
    co_return std::unexpected(base::in_context("mcp server " + options_.name, std::move(opened).error()));
  const Value hello = {{"protocolVersion", kMcpVersion},
                       {"capabilities", Value::object()},
                       {"clientInfo", {{"name", "sovereign"}, {"version", SOVEREIGN_VERSION}}}};
  CO_TRY(const Value answer, co_await ask("initialize", hello, options_.startup_timeout));
  const std::string version = base::json::string_or(answer, "protocolVersion");
  if (version.empty()) co_return fail(Errc::kPeer, "mcp server " + options_.name + " names no protocol version");
  CO_TRY(co_await transport_->notify("notifications/initialized", Value::object()));
  connected_ = true;
  co_return Result<void>{};
}

Task<Result<void>> McpClient::refresh() {
  CO_TRY(co_await connect());
  std::map<std::string, McpDescriptor> found;
  std::string cursor;
  stale_ = false;
  for (int page = 0; page < kMaxPages; ++page) {
    Value params = Value::object();
    if (!cursor.empty()) params["cursor"] = cursor;
    CO_TRY(const Value answer, co_await ask("tools/list", std::move(params), options_.startup_timeout));
    CO_TRY(McpToolPage tools, parse_tool_page(answer));
    for (McpDescriptor& descriptor : tools.tools) {
      const auto name = mcp_tool_name(options_.name, descriptor.name);
      if (name && found.size() < options_.max_tools)
        found.insert_or_assign(*name, std::move(descriptor));
      else
        LOG(kWarn, "mcp", "a tool is left out", {{"server", options_.name}, {"why", name ? "too many" : name.error().detail}});
    }
    for (const std::string& why : tools.odd)
      LOG(kWarn, "mcp", "a tool is left out", {{"server", options_.name}, {"why", why}});
    cursor = tools.next;
    if (cursor.empty()) break;
  }
  tools_ = std::move(found);
  co_return Result<void>{};
}

Task<Result<McpToolResult>> McpClient::call(std::string tool, Value arguments) {
  CO_TRY(co_await connect());
  const auto start = std::chrono::steady_clock::now();
  auto answer = co_await ask("tools/call", {{"name", tool}, {"arguments", std::move(arguments)}}, options_.tool_timeout);
  if (answer) co_return parse_tool_result(*answer);
  base::Error error = std::move(answer).error();
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  error.detail = fmt::format("{} ({} after {} ms)", error.detail, tool, spent.count());
  // The session goes on without it: it is told, and may try something else.
  if (error.code == Errc::kUnavailable || error.code == Errc::kClosed) error.code = Errc::kPeer;
  co_return std::unexpected(std::move(error));
}

std::vector<std::unique_ptr<Tool>> make_mcp_tools(std::shared_ptr<McpClient> client) {
  std::vector<std::unique_ptr<Tool>> out;
  for (const auto& [name, descriptor] : client->tools())
    out.push_back(std::make_unique<McpTool>(client, name, descriptor));
  return out;
}

Hook descriptor_gate(std::vector<std::shared_ptr<McpClient>> clients, storage::McpPins& pins,
                     const base::Clock& clock) {
  Hook hook{.name = "descriptor", .priority = 95, .guarded = true};
  const auto find = [clients = std::move(clients)](const std::string& tool) -> const McpDescriptor* {
    for (const auto& client : clients)
      if (const auto found = client->tools().find(tool); found != client->tools().end()) return &found->second;
    return nullptr;
  };
  // What a person was shown for a call is what the call pins, or nothing: it may change meanwhile.
  auto shown = std::make_shared<std::map<std::pair<std::string, std::string>, nostr::Sha256>>();
  hook.decide_tool = [find, shown, &pins](const ToolInvocation& call) {
    if (call.capability != Capability::kServer) return Decision{};
    const McpDescriptor* descriptor = find(call.tool);
    if (!descriptor) return Decision{Decision::Verdict::kBlock, "the server does not offer it any more"};
    const auto pinned = pins.get(call.tool);
    if (!pinned) return Decision{Decision::Verdict::kBlock, "its pin cannot be read"};
    if (*pinned == descriptor->hash) return Decision{};
    shown->insert_or_assign({call.session, call.call_id}, descriptor->hash);
    return Decision{.verdict = Decision::Verdict::kAsk,
                    .reason = fmt::format("{} is {} (sha256 {}), described as: {}", call.tool,
                                          *pinned ? "not what you agreed to any more" : "new to you",
                                          descriptor->hash.hex().substr(0, 16),
                                          cut_utf8(descriptor->description, 300)),
                    .each_time = true};
  };
  hook.on_session = [shown](const SessionNotice& notice) {
    if (notice.phase == SessionPhase::kEnded)
      std::erase_if(*shown, [&](const auto& entry) { return entry.first.first == notice.session; });
  };
  hook.reserve_tool = [find, shown, &pins, &clock](const ToolInvocation& call) -> base::Result<void> {
    if (call.capability != Capability::kServer) return {};
    const McpDescriptor* descriptor = find(call.tool);
    if (!descriptor) return fail(Errc::kNotFound, "the server does not offer it any more");
    TRY(const auto pinned, pins.get(call.tool));
    if (pinned == descriptor->hash) return {};
    const auto seen = shown->extract({call.session, call.call_id});
    if (seen.empty() || seen.mapped() != descriptor->hash)
      return fail(Errc::kConflict, "its description changed while the operator was asked", "call it again");
    return pins.put(call.tool, descriptor->hash, clock.now());
  };
  return hook;
}

}  // namespace orchestration
