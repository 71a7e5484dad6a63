// The Prometheus text format over a status.
#include <algorithm>
#include <functional>
#include <initializer_list>
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
  /// The samples of a histogram as meters.h writes one.
  void histogram(std::string_view name, std::string_view help, const Value& times) {
    family(name, "histogram", help);
    for (const Value& bucket : times.value("up_to", Value::array()))
      line(name_ + "_bucket", fmt::format("le=\"{}\"", bucket[0].is_null() ? "+Inf" : fmt::format("{}", bucket[0].get<double>())),
           fmt::format("{}", bucket[1].get<std::uint64_t>()));
    line(name_ + "_sum", "", fmt::format("{}", times.value("sum", 0.0)));
    line(name_ + "_count", "", fmt::format("{}", int_or(times, "count")));
  }
  void sample(std::string_view labels, std::int64_t value) {
    line(name_, labels, fmt::format("{}", value));
  }
  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view name, std::string_view labels, std::string_view value) {
    fmt::format_to(std::back_inserter(text_), "{}{}{}{} {}\n", name, labels.empty() ? "" : "{", labels,
                   labels.empty() ? "" : "}", value);
  }

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
  each("relay_last_frame_seconds", "gauge", "How long the relay has been silent, -1 when it never spoke.", [&](const Value& relay) {
    const std::int64_t last = int_or(relay, "last_frame");
    return last > 0 ? now - last : -1;
  });
  out.family("auth_total", "counter", "Challenges of relays (NIP-42) by what became of them.");
  for (const Value& relay : relays)
    for (const auto& [member, result] : {std::pair{"auths", "ok"}, {"auths_failed", "failed"}})
      out.sample(fmt::format("relay=\"{}\",result=\"{}\"", label(string_or(relay, "url")), result), int_or(relay, member));
  each("relay_authenticated", "gauge", "Whether the relay knows us (NIP-42).",
       [](const Value& relay) { return string_or(relay, "auth") == "done" ? 1 : 0; });
  out.family("events_received_total", "counter", "Events of relays by what became of them.");
  for (const Value& relay : relays)
    for (const auto& [member, result] : {std::pair{"events", "ok"}, {"duplicates", "dup"}, {"malformed", "malformed"}, {"forged", "badsig"}, {"unmatched", "mismatch"}, {"other_tags", "other_tags"}, {"dropped", "dropped"}})
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
  out.family("outbox_kept", "gauge", "Publications that are over and still remembered, by state.");
  for (const char* state : {"done", "failed", "superseded"})
    out.sample(fmt::format("state=\"{}\"", state), int_or(outbox, state));
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

void add_backends(const Value& backends, Exposition& out) {
  const auto each = [&](std::string_view name, std::string_view help, std::string_view key,
                        std::initializer_list<std::pair<std::string_view, std::function<std::int64_t(const Value&)>>> values) {
    out.family(name, "counter", help);
    for (const Value& backend : backends)
      for (const auto& [word, value] : values)
        out.sample(fmt::format("backend=\"{}\",{}=\"{}\"", label(string_or(backend, "id")), key, word), value(backend));
  };
  each("llm_requests_total", "Calls of models by how they ended.", "status",
       {{"ok", [](const Value& b) { return int_or(b, "calls") - int_or(b, "failures"); }},
        {"failed", [](const Value& b) { return int_or(b, "failures"); }}});
  each("llm_tokens_total", "Tokens that models counted.", "dir",
       {{"in", [](const Value& b) { return int_or(b, "tokens_in"); }},
        {"out", [](const Value& b) { return int_or(b, "tokens_out"); }}});
}

void add_meters(const Value& meters, Exposition& out) {
  out.histogram("verify_seconds", "How long one signature takes to check.", meters.at("verify"));
  if (meters.contains("sign")) out.histogram("frost_sign_seconds", "How long a signature of the group takes.", meters["sign"]);
  out.histogram("approval_latency_seconds", "How long operators took to answer the newest thousand questions.", meters.at("answer"));
  out.family("approvals_total", "gauge", "Of the newest thousand questions those that are over, by how they ended and the channel that decided.");
  for (const Value& one : meters.at("approvals"))
    out.sample(fmt::format("outcome=\"{}\",channel=\"{}\"", label(string_or(one, "outcome")), label(string_or(one, "channel"))), int_or(one, "count"));
  out.family("publish_total", "counter", "Answers of relays to what was published.");
  for (const Value& one : meters.at("published"))
    out.sample(fmt::format("relay=\"{}\",result=\"{}\"", label(string_or(one, "relay")), label(string_or(one, "result"))), int_or(one, "count"));
  out.family("relay_gap_seconds", "gauge", "How much of the past the relay has not handed over yet.");
  for (const Value& one : meters.value("gaps", Value::array()))
    out.sample(fmt::format("relay=\"{}\"", label(string_or(one, "relay"))), int_or(one, "seconds"));
  if (meters.contains("backends")) add_backends(meters["backends"], out);
  if (!meters.contains("agents")) return;
  out.family("llm_cost_msat_today", "gauge", "What agents spent on models today.");
  for (const Value& one : meters["agents"])
    out.sample(fmt::format("agent=\"{}\"", label(string_or(one, "agent"))), int_or(one, "msat"));
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
  if (status.contains("meters")) add_meters(status["meters"], out);
  if (status.contains("pace")) add_pace(status["pace"], out);
  if (status.contains("clock_behind_seconds")) {
    out.family("clock_offset_seconds", "gauge", "How far our clock is behind the relays'.");
    out.sample("", int_or(status, "clock_behind_seconds"));
  }
  return out.take();
}

}  // namespace node
