// The Prometheus text format over a status.
#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "node/dashboard/views.h"

namespace node {
namespace {

using base::json::int_or;
using base::json::string_or;
using base::json::Value;

/// A label's value: backslash, quote and newline escaped.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

class Exposition {
 public:
  /// Begins a family; samples follow.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(std::string_view labels, std::int64_t value) {
    fmt::format_to(std::back_inserter(text_), "{}{}{}{} {}\n", name_, labels.empty() ? "" : "{", labels,
                   labels.empty() ? "" : "}", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void add_relays(const Value& status, std::int64_t now, Exposition& out) {
  const Value relays = status.value("relays", Value::array());
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out.family(name, type, help);
    for (const Value& relay : relays)
      out.sample(fmt::format("relay=\"{}\"", label(string_or(relay, "url"))), value(relay));
  };
  each("relay_up", "gauge", "Whether the relay is connected.",
       [](const Value& relay) { return relay.value("connected", false) ? 1 : 0; });
  each("relay_reconnects_total", "counter", "Connections made after the first.", [](const Value& relay) {
    return std::max<std::int64_t>(int_or(relay, "connections") - 1, 0);
  });
  each("relay_last_event_seconds", "gauge", "Age of the newest event, -1 for none.", [&](const Value& relay) {
    const std::int64_t last = int_or(relay, "last_event");
    return last > 0 ? now - last : -1;
  });
  each("relay_authenticated", "gauge", "Whether the relay knows us (NIP-42).",
       [](const Value& relay) { return string_or(relay, "auth") == "done" ? 1 : 0; });
  out.family("events_received_total", "counter", "Events of relays by what became of them.");
  for (const Value& relay : relays)
    for (const auto& [member, result] : {std::pair{"events", "ok"}, {"duplicates", "dup"}, {"rejected", "bad"}})
      out.sample(fmt::format("relay=\"{}\",result=\"{}\"", label(string_or(relay, "url")), result),
                 int_or(relay, member));
}

void add_group(const Value& status, Exposition& out) {
  const Value members = status.value("cosigners", Value::array());
  std::int64_t online = 0;
  for (const Value& member : members) online += member.value("online", false) ? 1 : 0;
  out.family("frost_peers_online", "gauge", "Co-signers that answer.");
  out.sample("", online);
  out.family("frost_ready", "gauge", "Whether a signature would succeed now.");
  out.sample("", status.value("ready", false) ? 1 : 0);
  out.family("frost_nonces_available", "gauge", "Nonces at hand, by co-signer.");
  for (const Value& member : members)
    out.sample(fmt::format("peer=\"{}\"", int_or(member, "idx")), int_or(member, "nonces"));
}

void add_work(const Value& status, std::int64_t now, Exposition& out) {
  const Value outbox = status.value("outbox", Value::object());
  out.family("outbox_depth", "gauge", "Publications under way.");
  out.sample("", int_or(outbox, "open"));
  out.family("publish_total", "counter", "Publications kept in the outbox, by state.");
  for (const char* state : {"done", "failed", "superseded"})
    out.sample(fmt::format("result=\"{}\"", state), int_or(outbox, state));
  std::int64_t oldest = 0;
  for (const Value& publication : outbox.value("publications", Value::array()))
    if (string_or(publication, "state") == "open")
      oldest = std::max(oldest, now - int_or(publication, "created"));
  out.family("outbox_oldest_seconds", "gauge", "Age of the oldest publication shown as under way.");
  out.sample("", oldest);
  out.family("tasks", "gauge", "Ticks that are not over, by phase.");
  std::map<std::string, std::int64_t> phases;
  for (const Value& tick : status.value("tasks", Value::array())) ++phases[string_or(tick, "phase")];
  for (const auto& [phase, count] : phases) out.sample(fmt::format("state=\"{}\"", label(phase)), count);
  std::int64_t pending = 0;
  for (const Value& question : status.value("pending", Value::array()))
    pending += string_or(question, "state") == "open" ? 1 : 0;
  out.family("approvals_pending", "gauge", "Questions of this home that wait for the operator.");
  out.sample("", pending);
  out.family("paused", "gauge", "Whether everything stands still.");
  out.sample("", string_or(status, "paused").empty() ? 0 : 1);
}

void add_money(const Value& status, Exposition& out) {
  const Value budget = status.value("budget", Value::object());
  const std::int64_t used = int_or(budget, "day_spent_msat") + int_or(budget, "day_reserved_msat");
  out.family("budget_remaining_msat", "gauge", "What may still be spent today.");
  out.sample("scope=\"day\"", std::max<std::int64_t>(int_or(budget, "day_limit_msat") - used, 0));
  out.family("budget_spent_msat", "gauge", "What was spent today.");
  out.sample("scope=\"day\"", int_or(budget, "day_spent_msat"));
}

void add_pace(const Value& pace, Exposition& out) {
  const Value node = pace.value("node", Value::object());
  out.family("agent_actions_last_minute", "gauge", "What agents did in the last minute, model turns and tool calls.");
  out.sample("", int_or(node, "actions_in_window"));
  out.family("agent_actions_total", "counter", "What agents did since the start, by how it ended.");
  const std::int64_t failed = int_or(node, "failed_actions");
  out.sample("result=\"ok\"", int_or(node, "total_actions") - failed);
  out.sample("result=\"failed\"", failed);
  out.family("tool_call_p95_milliseconds", "gauge", "How long calls of the last minute took, but for one in twenty.");
  for (const auto& [tool, latency] : node.value("tools", Value::object()).items())
    out.sample(fmt::format("tool=\"{}\"", label(tool)), int_or(latency, "p95_ms"));
}

}  // namespace

std::string metrics_text(const Value& status, base::UnixTime now) {
  Exposition out;
  out.family("build_info", "gauge", "The program that answers.");
  out.sample(fmt::format("version=\"{}\",role=\"{}\"", SOVEREIGN_VERSION, label(string_or(status, "role"))), 1);
  add_relays(status, base::to_unix(now), out);
  add_group(status, out);
  add_work(status, base::to_unix(now), out);
  if (status.contains("budget")) add_money(status, out);
  if (status.contains("pace")) add_pace(status["pace"], out);
  if (status.contains("clock_behind_seconds")) {
    out.family("clock_offset_seconds", "gauge", "How far our clock is behind the relays'.");
    out.sample("", int_or(status, "clock_behind_seconds"));
  }
  return out.take();
}

}  // namespace node
