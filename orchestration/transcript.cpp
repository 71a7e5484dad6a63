// Transcripts as JSON rows, and back.
#include "orchestration/transcript.h"

#include <algorithm>

#include "orchestration/names.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

constexpr Name<SessionStatus> kStatuses[] = {{SessionStatus::kSuccess, "success"},
                                             {SessionStatus::kPartial, "partial"},
                                             {SessionStatus::kError, "error"}};
/// Rows hold what passed our own limits; this only bounds a damaged file.
constexpr base::json::Limits kRowLimits{.max_bytes = 16u << 20, .max_depth = 64};

Value usage_json(const Usage& usage) {
  return {{"prompt", usage.prompt_tokens},
          {"cached", usage.cached_tokens},
          {"completion", usage.completion_tokens},
          {"estimated", usage.estimated}};
}

Usage usage_of(const Value& value) {
  const auto count = [&](const char* key) {
    return static_cast<std::uint64_t>(base::json::int_or(value, key));
  };
  return {count("prompt"), count("cached"), count("completion"), value.value("estimated", false)};
}

std::string encode(const TranscriptMessage& entry) {
  const Message& message = entry.message;
  Value out = {{"content", message.content}};
  if (message.role == Role::kAssistant) {
    Value calls = Value::array();
    for (const ToolCall& call : message.calls)
      calls.push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
    out["calls"] = std::move(calls);
    out["usage"] = usage_json(entry.usage);
  }
  if (entry.folds) {
    out["folds"] = *entry.folds;
    out["usage"] = usage_json(entry.usage);
  }
  if (message.role == Role::kTool) {
    out["call_id"] = message.call_id;
    out["outcome"] = tool_outcome_name(message.outcome);
  }
  if (entry.ending)
    out["ending"] = {{"status", session_status_name(entry.ending->status)},
                     {"detail", entry.ending->detail},
                     {"text", entry.ending->text}};
  return base::json::dump(out);
}

Result<TranscriptMessage> decode(const storage::MessageRow& row) {
  TranscriptMessage out;
  out.at = row.time;
  TRY(out.message.role, parse_role(row.role));
  TRY(const Value value, base::json::parse(row.json, kRowLimits));
  TRY(out.message.content, base::json::get_string(value, "content"));
  if (out.message.role == Role::kAssistant) {
    TRY(const Value calls, base::json::get_array(value, "calls"));
    for (const Value& call : calls)
      out.message.calls.push_back({base::json::string_or(call, "id"),
                                   base::json::string_or(call, "name"),
                                   base::json::string_or(call, "arguments")});
    out.usage = usage_of(value.value("usage", Value::object()));
  }
  if (value.contains("folds")) {
    TRY(const std::int64_t folds, base::json::get_int(value, "folds"));
    if (folds < 2 || folds >= row.seq) return base::fail(Errc::kInvalid, "a summary folds what is not there");
    out.folds = static_cast<std::size_t>(folds);
    out.usage = usage_of(value.value("usage", Value::object()));
  }
  if (out.message.role == Role::kTool) {
    out.message.call_id = base::json::string_or(value, "call_id");
    TRY(out.message.outcome, parse_tool_outcome(base::json::string_or(value, "outcome")));
  }
  if (const auto ending = value.find("ending"); ending != value.end()) {
    TRY(const auto status, parse_session_status(base::json::string_or(*ending, "status")));
    out.ending = Ending{status, base::json::string_or(*ending, "detail"),
                        base::json::string_or(*ending, "text")};
  }
  return out;
}

Value request_json(const ActionRequest& request) {
  Value out = {{"tick", request.key.tick},
               {"call_id", request.key.call_id},
               {"action", action_class_name(request.action)},
               {"kind", request.draft.kind},
               {"tags", request.draft.tags},
               {"content", request.draft.content},
               {"reason", request.reason},
               {"ask", request.ask}};
  if (const auto& order = request.payment)
    out["payment"] = {{"agent", order->agent},
                      {"destination", order->destination},
                      {"amount_msat", order->amount.value},
                      {"comment", order->comment}};
  if (const auto& order = request.purchase)
    out["purchase"] = {{"agent", order->agent},
                       {"skill", order->skill},
                       {"version", order->version},
                       {"manifest", order->manifest.hex()},
                       {"seller", order->seller.hex()},
                       {"listing", order->listing.hex()},
                       {"price_msat", order->price.value},
                       {"again", order->again}};
  return out;
}

Result<PurchaseOrder> purchase_of(const Value& value) {
  PurchaseOrder out;
  out.agent = base::json::string_or(value, "agent");
  TRY(out.skill, base::json::get_string(value, "skill"));
  TRY(out.version, base::json::get_string(value, "version"));
  TRY(out.manifest, nostr::EventId::from_hex(base::json::string_or(value, "manifest")));
  TRY(out.seller, nostr::PublicKey::from_hex(base::json::string_or(value, "seller")));
  TRY(out.listing, nostr::EventId::from_hex(base::json::string_or(value, "listing")));
  TRY(const std::int64_t price, base::json::get_int(value, "price_msat"));
  out.price = base::Msat{price};
  out.again = value.value("again", false);
  return out;
}

Result<ActionRequest> request_of(const Value& value) {
  ActionRequest out;
  TRY(out.key.tick, base::json::get_string(value, "tick"));
  TRY(out.key.call_id, base::json::get_string(value, "call_id"));
  TRY(const std::string action, base::json::get_string(value, "action"));
  TRY(out.action, parse_action_class(action));
  TRY(const std::int64_t kind, base::json::get_int(value, "kind"));
  out.draft.kind = static_cast<nostr::Kind>(kind);
  TRY(const Value tags, base::json::get_array(value, "tags"));
  for (const Value& tag : tags) {
    nostr::Tag parts;
    for (const Value& part : tag) {
      if (!part.is_string()) return base::fail(Errc::kInvalid, "a tag element is no text");
      parts.push_back(part.get<std::string>());
    }
    out.draft.tags.push_back(std::move(parts));
  }
  TRY(out.draft.content, base::json::get_string(value, "content"));
  out.reason = base::json::string_or(value, "reason");
  out.ask = value.value("ask", false);
  if (const auto order = value.find("payment"); order != value.end()) {
    TRY(const std::int64_t amount, base::json::get_int(*order, "amount_msat"));
    out.payment = PayOrder{.agent = base::json::string_or(*order, "agent"),
                           .destination = base::json::string_or(*order, "destination"),
                           .amount = base::Msat{amount},
                           .comment = base::json::string_or(*order, "comment")};
  }
  if (const auto order = value.find("purchase"); order != value.end()) {
    TRY(out.purchase, purchase_of(*order));
  }
  return out;
}

std::string encode(const CallPlan& plan) {
  Value out = {{"params", plan.params}};
  if (plan.request) out["request"] = request_json(*plan.request);
  if (!plan.local_ask.empty()) out["local_ask"] = plan.local_ask;
  return base::json::dump(out);
}

std::string encode(const ToolOutput& output) {
  Value out = {{"content", output.content},
               {"outcome", tool_outcome_name(output.outcome)},
               {"bytes", output.original_bytes}};
  if (const auto& action = output.action) {
    out["action"] = {{"status", action_status_name(action->status)}, {"text", action->text}};
    if (action->event_id) out["action"]["event_id"] = action->event_id->hex();
    if (action->decision) out["action"]["decision"] = action->decision->hex();
  }
  return base::json::dump(out);
}

Result<ActionResult> action_result_of(const Value& value) {
  ActionResult out;
  TRY(out.status, parse_action_status(base::json::string_or(value, "status")));
  out.text = base::json::string_or(value, "text");
  if (value.contains("event_id")) {
    TRY(out.event_id, nostr::EventId::from_hex(base::json::string_or(value, "event_id")));
  }
  if (value.contains("decision")) {
    TRY(out.decision, nostr::EventId::from_hex(base::json::string_or(value, "decision")));
  }
  return out;
}

Result<ToolOutput> output_of(const std::string& json) {
  TRY(const Value value, base::json::parse(json, kRowLimits));
  ToolOutput out;
  out.content = base::json::string_or(value, "content");
  TRY(out.outcome, parse_tool_outcome(base::json::string_or(value, "outcome")));
  out.original_bytes = static_cast<std::size_t>(base::json::int_or(value, "bytes"));
  if (const auto action = value.find("action"); action != value.end()) {
    TRY(out.action, action_result_of(*action));
  }
  return out;
}

Result<CallRecord> decode(const storage::CallRow& row) {
  CallRecord out{
      .call_id = row.call_id, .state = row.state, .created = row.created, .changed = row.changed};
  out.plan.tool = row.name;
  TRY(const Value plan, base::json::parse(row.args_json, kRowLimits));
  out.plan.params = plan.value("params", Value());
  out.plan.local_ask = base::json::string_or(plan, "local_ask");
  if (const auto request = plan.find("request"); request != plan.end()) {
    TRY(out.plan.request, request_of(*request));
  }
  if (row.state == storage::CallState::kFinished) {
    TRY(out.output, output_of(row.result_json));
  }
  return out;
}

}  // namespace

std::string_view session_status_name(SessionStatus status) {
  return name_in(kStatuses, status);
}
Result<SessionStatus> parse_session_status(std::string_view name) {
  return value_in(kStatuses, name, "session status");
}

Transcript::Transcript(storage::Sessions& sessions, std::string session)
    : sessions_(sessions), session_(std::move(session)) {}

Result<void> Transcript::load() {
  messages_.clear();
  calls_.clear();
  TRY(const auto messages, sessions_.transcript(session_));
  for (const storage::MessageRow& row : messages) {
    TRY(auto entry, decode(row));
    messages_.push_back(std::move(entry));
  }
  TRY(const auto calls, sessions_.calls(session_));
  for (const storage::CallRow& row : calls) {
    TRY(auto record, decode(row));
    calls_.push_back(std::move(record));
  }
  return {};
}

const CallRecord* Transcript::call(std::string_view call_id) const {
  const auto found = std::find_if(calls_.begin(), calls_.end(),
                                  [&](const CallRecord& c) { return c.call_id == call_id; });
  return found == calls_.end() ? nullptr : &*found;
}

CallRecord* Transcript::find(std::string_view call_id) {
  const auto found = std::find_if(calls_.begin(), calls_.end(),
                                  [&](const CallRecord& c) { return c.call_id == call_id; });
  CHECK(found != calls_.end());
  return &*found;
}

Result<void> Transcript::append(TranscriptMessage entry) {
  TRY(sessions_.append(session_, role_name(entry.message.role), encode(entry), entry.at));
  messages_.push_back(std::move(entry));
  return {};
}

Result<void> Transcript::propose(std::string call_id, CallPlan plan, base::UnixTime now) {
  TRY(const bool added, sessions_.add_call(session_, call_id, plan.tool, encode(plan), now));
  if (!added) return base::fail(Errc::kConflict, "tool call " + call_id + " exists already");
  calls_.push_back(
      {.call_id = std::move(call_id), .plan = std::move(plan), .created = now, .changed = now});
  return {};
}

Result<void> Transcript::start(std::string_view call_id, base::UnixTime now) {
  TRY(sessions_.start_call(session_, call_id, now));
  CallRecord* record = find(call_id);
  record->state = storage::CallState::kStarted;
  record->changed = now;
  return {};
}

Result<void> Transcript::finish(std::string_view call_id, ToolOutput output, base::UnixTime now) {
  TRY(sessions_.finish_call(session_, call_id, encode(output), now));
  CallRecord* record = find(call_id);
  record->state = storage::CallState::kFinished;
  record->changed = now;
  record->output = std::move(output);
  return {};
}

}  // namespace orchestration
