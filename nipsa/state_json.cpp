// The plaintext of kind 39201: one union shape out, every known shape in (nip-sa C7–C11, C70).
#include "nipsa/state_json.h"

#include <algorithm>
#include <cmath>

namespace nipsa {

namespace {

/// An integer member in [0, high]; absent or null is `fallback`. Never through a double.
Result<std::int64_t> whole(const Json& object, const char* name, std::int64_t fallback,
                           std::int64_t high = kMaxSats) {
  const auto it = object.find(name);
  if (it == object.end() || it->is_null()) return fallback;
  if (!it->is_number_integer()) return fail(Code::kJson, std::string(name) + " is not an integer");
  if (it->is_number_unsigned() ? it->get<std::uint64_t>() > static_cast<std::uint64_t>(high)
                               : it->get<std::int64_t>() < 0)
    return fail(Code::kNum, std::string(name) + " is out of range");
  return it->get<std::int64_t>();
}

const Json& member_object(const Json& object, const char* name) {
  static const Json kEmpty = Json::object();
  const auto it = object.find(name);
  return it != object.end() && it->is_object() ? *it : kEmpty;
}

bool has(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && !it->is_null();
}

/// What `object` holds beyond `known`: kept so that a rewrite loses nothing of others (C70).
Json beyond(const Json& object, std::initializer_list<std::string_view> known) {
  Json out = Json::object();
  for (const auto& [name, value] : object.items())
    if (std::ranges::find(known, name) == known.end()) out[name] = value;
  return out;
}

std::string status_of(std::string status) {
  if (status == "done") return "completed";
  if (status == "canceled") return "cancelled";
  return status.empty() ? "active" : status;
}

Result<double> progress_of(const Json& object) {
  const auto it = object.find("progress");
  if (it == object.end() || it->is_null()) return 0.0;
  if (!it->is_number()) return fail(Code::kJson, "progress is not a number");
  return std::clamp(it->get<double>(), 0.0, 1.0);
}

template <class T>
Result<std::vector<T>> read_list(const Json& state, const char* name,
                                 Result<T> (*read)(const Json&)) {
  const auto it = state.find(name);
  if (it == state.end() || it->is_null()) return std::vector<T>();
  return read_entries(*it, name, read);
}

Result<std::string> read_task(const Json& item) {
  if (item.is_string()) return item.get<std::string>();
  if (item.is_object()) return base::json::string_or(item, "description");
  return fail(Code::kJson, "a pending task is neither text nor an object");
}

Result<std::int64_t> read_balance(const Json& state) {
  if (has(state, "wallet_balance_sats")) return whole(state, "wallet_balance_sats", 0);
  if (has(member_object(state, "wallet"), "balance"))
    return whole(member_object(state, "wallet"), "balance", 0);
  return whole(state, "wallet_balance", 0);
}

struct Source {
  const Json& object;
  const char* name;
};

/// The lowest value any source names; 0 when none does.
Result<std::int64_t> lowest(std::initializer_list<Source> sources) {
  std::optional<std::int64_t> out;
  for (const Source& s : sources) {
    if (!has(s.object, s.name)) continue;
    TRY(const auto value, whole(s.object, s.name, 0));
    out = out ? std::min(*out, value) : value;
  }
  return out.value_or(0);
}

/// The highest value any source names.
Result<std::int64_t> highest(std::initializer_list<Source> sources) {
  std::int64_t out = 0;
  for (const Source& s : sources) {
    TRY(const auto value, whole(s.object, s.name, 0));
    out = std::max(out, value);
  }
  return out;
}

/// Two shapes are in use; where they differ, the lower limit and the higher spending count (C8).
Result<StateBudget> read_budget(const Json& state) {
  const Json& wallet = member_object(state, "wallet");
  const Json& budget = member_object(state, "budget");
  const Json& limits = member_object(budget, "limits");
  StateBudget out;
  TRY(out.daily_limit, lowest({{wallet, "daily_limit"}, {limits, "daily_limit_sats"}}));
  TRY(out.per_tick_limit, lowest({{wallet, "per_tick_limit"}, {limits, "per_tick_limit_sats"}}));
  TRY(out.reserved,
      highest({{wallet, "reserved"}, {limits, "reserved_sats"}, {state, "reserved_balance_sats"}}));
  TRY(out.daily_spent, highest({{wallet, "daily_spent"}, {budget, "daily_spent_sats"}}));
  TRY(out.tick_spent, highest({{budget, "tick_spent_sats"}}));
  TRY(out.violations_today, highest({{budget, "violations_today"}}));
  out.current_date = base::json::string_or(budget, "current_date");
  return out;
}

Json state_json(const State& state) {
  const StateBudget& b = state.budget;
  Json out = state.extra.is_object() ? state.extra : Json::object();
  Json goals = Json::array();
  for (const Goal& goal : state.goals) goals.push_back(goal_json(goal));
  Json memory = Json::array();
  for (const Memory& entry : state.memory) memory.push_back(memory_json(entry));
  out["schema_version"] = kStateVersion;
  out["goals"] = std::move(goals);
  out["memory"] = std::move(memory);
  out["pending_tasks"] = state.pending_tasks;
  out["beliefs"] = state.beliefs;
  out["wallet_balance_sats"] = state.balance;
  out["wallet_balance"] = state.balance;
  out["wallet"] = {{"balance", state.balance},
                   {"daily_limit", b.daily_limit},
                   {"per_tick_limit", b.per_tick_limit},
                   {"reserved", b.reserved},
                   {"daily_spent", b.daily_spent}};
  out["budget"] = {{"limits",
                    {{"daily_limit_sats", b.daily_limit},
                     {"per_tick_limit_sats", b.per_tick_limit},
                     {"reserved_sats", b.reserved}}},
                   {"current_date", b.current_date},
                   {"daily_spent_sats", b.daily_spent},
                   {"tick_spent_sats", b.tick_spent},
                   {"violations_today", b.violations_today}};
  out["last_tick"] = state.last_tick;
  out["tick_count"] = state.tick_count;
  return out;
}

}  // namespace

Json goal_json(const Goal& goal) {
  Json out = goal.extra.is_object() ? goal.extra : Json::object();
  out.update({{"id", goal.id},
              {"description", goal.description},
              {"priority", goal.priority},
              {"created_at", goal.created_at},
              {"status", goal.status},
              {"progress", goal.progress}});
  return out;
}

Json memory_json(const Memory& memory) {
  Json out = memory.extra.is_object() ? memory.extra : Json::object();
  out.update({{"id", memory.id},
              {"type", memory.type},
              {"content", memory.content},
              {"timestamp", memory.timestamp}});
  return out;
}

Result<Goal> read_goal(const Json& object) {
  if (!object.is_object()) return fail(Code::kJson, "a goal is not an object");
  Goal out;
  out.id = base::json::string_or(object, "id");
  out.description = base::json::string_or(object, "description");
  TRY(const auto priority, whole(object, "priority", 100, 0xffff'ffff));
  out.priority = static_cast<std::uint32_t>(priority);
  TRY(out.created_at, whole(object, "created_at", 0, kMaxTime));
  out.status = status_of(base::json::string_or(object, "status"));
  TRY(out.progress, progress_of(object));
  out.extra = beyond(object, {"id", "description", "priority", "created_at", "status", "progress"});
  return out;
}

Result<Memory> read_memory(const Json& object) {
  if (!object.is_object()) return fail(Code::kJson, "a memory is not an object");
  Memory out;
  out.id = base::json::string_or(object, "id");
  out.type = base::json::string_or(object, "type");
  out.content = base::json::string_or(object, "content");
  TRY(out.timestamp, whole(object, "timestamp", 0, kMaxTime));
  out.extra = beyond(object, {"id", "type", "content", "timestamp"});
  return out;
}

Result<std::string> encode_state(const State& state) {
  for (const Goal& goal : state.goals)
    if (!std::isfinite(goal.progress))
      return fail(Code::kJson, "progress of a goal is not a number");
  std::string text = base::json::dump(state_json(state));
  if (text.size() > kStatePlaintextMax)
    return fail(Code::kSize, "state is " + std::to_string(text.size()) + " bytes, limit is 12288");
  return text;
}

Result<State> decode_state(std::string_view plaintext) {
  TRY(const Json json, parse_object(plaintext));
  TRY(const auto version, whole(json, "schema_version", kStateVersion));
  if (version > kStateVersion)
    return fail(Code::kVersion,
                "state has schema_version " + std::to_string(version) + ", 1 is supported");
  State out;
  TRY(out.goals, read_list<Goal>(json, "goals", read_goal));
  TRY(out.memory, read_list<Memory>(json, "memory", read_memory));
  sort_by_time(out.memory);
  TRY(out.pending_tasks, read_list<std::string>(json, "pending_tasks", read_task));
  if (const auto it = json.find("beliefs"); it != json.end() && !it->is_null()) out.beliefs = *it;
  TRY(out.balance, read_balance(json));
  TRY(out.budget, read_budget(json));
  TRY(out.last_tick, whole(json, "last_tick", 0, kMaxTime));
  TRY(out.tick_count, whole(json, "tick_count", 0));
  out.extra = beyond(json, {"schema_version", "goals", "memory", "pending_tasks", "beliefs",
                            "wallet_balance_sats", "wallet_balance", "wallet", "budget",
                            "reserved_balance_sats", "last_tick", "tick_count"});
  return out;
}

}  // namespace nipsa
