// Status in words.
#include "node/cli/status_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/record_view.h"
#include "nostr/base/clock.h"

namespace node::cli {
namespace {

using base::json::int_or;
using base::json::string_or;
using base::json::Value;
using Lines = std::vector<std::string>;

constexpr int kBar = 20;

std::string utc(std::int64_t time) {
  return base::format_utc(base::unix_time(time));
}

/// How it stands with one relay, in a line: its state, until when, and why.
std::string relay_words(const Value& relay) {
  const std::string state = string_or(relay, "state");
  if (relay.value("connected", false)) {
    const bool known = string_or(relay, "auth") == "done";
    return (known ? "connected, authenticated" : "connected") + (state == "open" ? "" : ", " + state);
  }
  std::string out = state.empty() ? "not connected" : state;
  if (const std::int64_t until = int_or(relay, "until"); until > 0) out += " until " + utc(until);
  const std::string why = string_or(relay, "last_error");
  return why.empty() ? out : out + ": " + why;
}

std::string cosigner_words(const Value& cosigner) {
  return fmt::format("{}  {}, {} nonces", int_or(cosigner, "idx"),
                     cosigner.value("online", false) ? "online" : "away", int_or(cosigner, "nonces"));
}

void add_policy(const Value& status, Lines& out) {
  const auto policy = base::json::get_object(status, "policy");
  if (!policy) return;
  out.push_back(fmt::format("policy    {}  since {}  {}", string_or(*policy, "level"),
                            utc(int_or(*policy, "since")), string_or(*policy, "file")));
  if (const std::string why = string_or(*policy, "error"); !why.empty())
    out.push_back("policy    the file was NOT taken, the one before is in force: " + why);
}

void add_leases(const Value& status, Lines& out) {
  for (const Value& lease : status.value("leases", Value::array()))
    if (lease.value("held", false))
      out.push_back(fmt::format("lease     member {}  until {}  home {} start {}",
                                int_or(lease, "member"), utc(int_or(lease, "until")),
                                string_or(lease, "home"), int_or(lease, "start")));
}

/// "[#####---------------]  500 of 10000 sat today".
std::string budget_words(const Value& budget) {
  const std::int64_t limit = int_or(budget, "day_limit_msat");
  const std::int64_t used = int_or(budget, "day_spent_msat") + int_or(budget, "day_reserved_msat");
  const int filled =
      limit > 0 ? static_cast<int>(std::clamp<std::int64_t>(used / std::max<std::int64_t>(limit / kBar, 1), 0, kBar)) : 0;
  return fmt::format("[{:#<{}}{:-<{}}]  {} of {} sat today", "", filled, "", kBar - filled, used / 1000,
                     limit / 1000);
}

std::string name_of(const Value& status) {
  const Value agents = status.value("agents", Value::array());
  return agents.empty() ? "" : string_or(agents.front(), "name") + "  ";
}

}  // namespace

Lines question_lines(const Value& question) {
  return {fmt::format("{}  {}  {}  open for {} s", string_or(question, "code"),
                      string_or(question, "state"), string_or(question, "action"),
                      int_or(question, "age")),
          string_or(question, "text")};
}

Lines status_lines(const Value& status) {
  Lines out{fmt::format("{}  {}", string_or(status, "role"),
                        string_or(status, "npub", string_or(status, "identity"))),
            "now       " + doing_now(status)};
  if (const std::string why = string_or(status, "agents_error"); !why.empty())
    out.push_back("agents    what is written was NOT taken, what was before is in force: " + why);
  for (const Value& relay : status.value("relays", Value::array()))
    out.push_back(fmt::format("relay     {}  {}", string_or(relay, "url"), relay_words(relay)));
  for (const Value& person : status.value("operators", Value::array()))
    out.push_back(fmt::format("operator  {}  asked by {}", string_or(person, "npub"), string_or(person, "asked_by")));
  for (const Value& cosigner : status.value("cosigners", Value::array()))
    out.push_back("cosigner  " + cosigner_words(cosigner));
  if (const std::string why = string_or(status, "why_not"); !why.empty())
    out.push_back("not ready  " + why);
  if (const auto state = base::json::get_object(status, "state");
      state && !string_or(*state, "problem").empty())
    out.push_back("state     NOT opened, so no tick runs: " + string_or(*state, "problem") +
                  "  (sovereign state accept)");
  for (const Value& goal : status.value("goals", Value::array()))
    if (string_or(goal, "status") == "active")
      out.push_back(fmt::format("goal      {}  {}  {} %  {}", string_or(goal, "id"),
                                string_or(goal, "priority"), int_or(goal, "percent"),
                                string_or(goal, "title")));
  add_policy(status, out);
  add_leases(status, out);
  for (const Value& tick : status.value("tasks", Value::array()))
    out.push_back(fmt::format("tick      {}  {}  {}", string_or(tick, "trigger"),
                              string_or(tick, "phase"), string_or(tick, "note")));
  for (const Value& question : status.value("pending", Value::array()))
    for (std::string& line : question_lines(question)) out.push_back(std::move(line));
  return out;
}

std::string record_line(const Value& entry) {
  return fmt::format("{}  {:<8}  {}", utc(int_or(entry, "at")), string_or(entry, "what"),
                     string_or(entry, "text"));
}

Lines frame_lines(const Value& status, const Value& record, std::string_view time, std::size_t rows) {
  Lines out{fmt::format("{}  {}{}  {}", string_or(status, "role"), name_of(status),
                        string_or(status, "npub", string_or(status, "identity")), time),
            "now       " + doing_now(status), ""};
  for (const Value& relay : status.value("relays", Value::array()))
    out.push_back(fmt::format("relay     {:<40}  {}, {} events", string_or(relay, "url"),
                              relay_words(relay), int_or(relay, "events")));
  for (const Value& cosigner : status.value("cosigners", Value::array()))
    out.push_back(fmt::format("cosigner  {}, {} ms away", cosigner_words(cosigner),
                              int_or(cosigner, "round_trip_ms")));
  add_policy(status, out);
  add_leases(status, out);
  if (const auto budget = base::json::get_object(status, "budget"))
    out.push_back("budget    " + budget_words(*budget));
  if (const auto outbox = base::json::get_object(status, "outbox"))
    out.push_back(fmt::format("outbox    {} under way, {} failed", int_or(*outbox, "open"),
                              int_or(*outbox, "failed")));
  for (const Value& question : status.value("pending", Value::array()))
    out.push_back(fmt::format("waiting   {}  {}  {}  for {} s", string_or(question, "code"),
                              string_or(question, "state"), string_or(question, "action"),
                              int_or(question, "age")));
  out.emplace_back();
  const std::size_t room = rows > out.size() ? rows - out.size() : 0;
  const std::size_t first = record.size() > room ? record.size() - room : 0;
  for (std::size_t i = first; i < record.size(); ++i) out.push_back(record_line(record[i]));
  return out;
}

}  // namespace node::cli
