// Kind 39211 and the report inside it.
#include <algorithm>

#include "nipsa/tick.h"
#include "nostr/nips/nip40.h"

namespace nipsa {

namespace {

/// All spellings in use (C18); a status nobody knows is read as an error.
TickStatus read_status(std::string_view text, std::string& detail) {
  if (text == "success" || text == "completed") return TickStatus::kSuccess;
  if (text == "partial") return TickStatus::kPartial;
  if (text == "skipped") return TickStatus::kSkipped;
  if (text != "error" && text != "failure" && text != "failed" && detail.empty())
    detail = std::string(text.substr(0, 64));
  return TickStatus::kError;
}

Result<nostr::EventId> read_request(const nostr::Tags& tags) {
  if (const auto text = nostr::tag_value(tags, "request")) return parse_id(*text, "request");
  for (const nostr::Tag& tag : tags)
    if (tag.size() >= 2 && tag[0] == "e" && (tag.size() < 4 || tag[3].empty()))
      return parse_id(tag[1], "e");
  return fail(Code::kTagMissing, "request");
}

Result<void> read_duration(const nostr::Tags& tags, TickResult& out) {
  const auto a = nostr::tag_value(tags, "duration");
  const auto b = nostr::tag_value(tags, "duration_ms");
  if (a && b && *a != *b) return fail(Code::kTagDup, "duration and duration_ms differ");
  if (const auto text = a ? a : b) {
    TRY(const auto value, parse_range(*text, 0, static_cast<std::uint64_t>(kMaxTime), "duration"));
    out.duration_ms = static_cast<std::int64_t>(value);
  }
  return {};
}

Result<void> read_references(const nostr::Tags& tags, TickResult& out) {
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "guardian_approved") {
      if (tag[1] == "auto") {
        out.guardian_auto = true;
        continue;
      }
      TRY(const auto id, parse_id(tag[1], "guardian_approved"));
      out.guardian_approved.push_back(id);
    } else if (tag[0] == "e" && tag.size() >= 4) {
      const auto ref = nostr::parse_event_ref(tag, 4);
      if (ref && tag[3] == "receipt") out.receipts.push_back(*ref);
      if (ref && tag[3] == "result") out.results.push_back(*ref);
    }
  }
  if (const nostr::Tag* tag = nostr::find_tag(tags, "trajectory"))
    out.trajectory = nostr::parse_event_ref(*tag, 4);
  if (const nostr::Tag* tag = nostr::find_tag(tags, "trajectory_hash")) {
    TRY(out.trajectory_hash, parse_hash((*tag)[1], "trajectory_hash"));
    if (tag->size() > 2) out.trajectory_alg = (*tag)[2];
    if (tag->size() > 3) {
      TRY(const auto count, parse_range((*tag)[3], 0, 0xffff'ffff, "trajectory_hash"));
      out.trajectory_count = static_cast<std::uint32_t>(count);
    }
  }
  return {};
}

void put_ref(nostr::Tags& tags, std::string_view name, const nostr::EventRef& ref,
             std::string_view marker) {
  nostr::Tag tag{std::string(name), ref.id.hex(), ref.relay};
  if (!marker.empty()) tag.emplace_back(marker);
  tags.push_back(std::move(tag));
}

void put_references(const TickResult& result, nostr::Tags& tags) {
  for (const auto& id : result.guardian_approved) tags.push_back({"guardian_approved", id.hex()});
  if (result.guardian_auto) tags.push_back({"guardian_approved", "auto"});
  for (const auto& ref : result.results) put_ref(tags, "e", ref, "result");
  for (const auto& ref : result.receipts) put_ref(tags, "e", ref, "receipt");
  if (result.trajectory) put_ref(tags, "trajectory", *result.trajectory, "");
  if (!result.trajectory_hash) return;
  nostr::Tag tag{"trajectory_hash", result.trajectory_hash->hex()};
  if (!result.trajectory_alg.empty()) {
    tag.push_back(result.trajectory_alg);
    if (result.trajectory_count) tag.push_back(std::to_string(*result.trajectory_count));
  }
  tags.push_back(std::move(tag));
}

}  // namespace

Result<nostr::Draft> build_tick_result(const TickResult& result, const nostr::PublicKey& runner,
                                       UnixTime at) {
  const std::string request = result.request.hex();
  nostr::Draft draft{.kind = kinds::kTickResult,
                     .created_at = at,
                     .tags = {{"d", request}},
                     .content = result.content};
  auto& tags = draft.tags;
  tags.push_back({"p", result.agent.hex()});
  tags.push_back({"e", request});
  tags.push_back({"request", request});
  tags.push_back({"runner", runner.hex()});
  nostr::Tag status{"status", std::string(tick_status_name(result.status))};
  if (!result.detail.empty()) status.push_back(result.detail);
  tags.push_back(std::move(status));
  tags.push_back(number_tag("actions", result.actions));
  tags.push_back(number_tag("cost", result.cost.value));
  const auto duration = std::max<std::int64_t>(1, result.duration_ms);  // some readers refuse 0
  tags.push_back(number_tag("duration", duration));
  tags.push_back(number_tag("duration_ms", duration));
  put_references(result, tags);
  tags.push_back(nostr::expiration_tag(at + kEphemeralTtl));
  return checked(std::move(draft));
}

Result<TickResult> parse_tick_result(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kTickResult));
  const auto runner = nostr::tag_value(event.tags, "runner");
  if (runner && *runner != event.pubkey.hex())
    return fail(Code::kSigner, "the runner tag names another key than the author");
  TickResult out;
  TRY(out.request, read_request(event.tags));
  TRY(out.agent, required_key(event.tags, "p"));
  TRY(const auto status, required_tag(event.tags, "status"));
  const nostr::Tag* status_tag = nostr::find_tag(event.tags, "status");
  if (status_tag->size() > 2) out.detail = (*status_tag)[2];
  out.status = read_status(status, out.detail);
  if (const auto text = nostr::tag_value(event.tags, "actions")) {
    TRY(const auto actions, parse_range(*text, 0, 1'000'000, "actions"));
    out.actions = static_cast<std::uint32_t>(actions);
  }
  if (const auto text = nostr::tag_value(event.tags, "cost")) {
    TRY(out.cost, parse_sats(*text, "cost"));
  }
  TRY(read_duration(event.tags, out));
  TRY(read_references(event.tags, out));
  out.content = event.content;
  return out;
}

Result<void> check_result(const nostr::Event& result_event, const TickResult& result,
                          const nostr::Event& request_event, const TickRequest& request) {
  if (result.request != request_event.id)
    return fail(Code::kRef, "the result names another request");
  if (result_event.pubkey != request_event.pubkey)
    return fail(Code::kSigner, "the result is by another key than the request");
  if (result.agent != request.agent) return fail(Code::kSigner, "the result is for another agent");
  if (request.budget && result.cost > request.budget->amount)
    return fail(Code::kBudget, "cost is " + std::to_string(result.cost.value) +
                                   " sats, the budget was " +
                                   std::to_string(request.budget->amount.value));
  if (request.approval_threshold && result.cost > *request.approval_threshold &&
      result.guardian_approved.empty())
    return fail(Code::kAuthz, "cost is above the approval threshold and no decision is named");
  return {};
}

std::string encode_report(const TickReport& report) {
  Json out = {{"tokens_in", report.tokens_in},
              {"tokens_out", report.tokens_out},
              {"cost_sats", report.cost.value},
              {"goals_updated", report.goals_updated},
              {"actions", report.actions},
              {"summary", report.summary},
              {"error", report.error.empty() ? Json() : Json(report.error)}};
  if (!report.cost_usd.empty()) out["cost_usd"] = report.cost_usd;
  return base::json::dump(out);
}

Result<TickReport> decode_report(std::string_view plaintext) {
  TRY(const Json json, parse_object(plaintext));
  TickReport out;
  out.tokens_in = base::json::int_or(json, "tokens_in");
  out.tokens_out = base::json::int_or(json, "tokens_out");
  out.cost = Sat{std::clamp<std::int64_t>(base::json::int_or(json, "cost_sats"), 0, kMaxSats)};
  const auto goals =
      std::clamp<std::int64_t>(base::json::int_or(json, "goals_updated"), 0, 0xffff'ffff);
  out.goals_updated = static_cast<std::uint32_t>(goals);
  if (const auto it = json.find("cost_usd"); it != json.end())
    out.cost_usd = it->is_string()   ? it->get<std::string>()
                   : it->is_number() ? base::json::dump(*it)
                                     : "";
  if (const auto list = base::json::get_array(json, "actions"))
    for (const Json& action : *list)
      if (action.is_object()) out.actions.push_back(action);
  out.summary = base::json::string_or(json, "summary");
  out.error = base::json::string_or(json, "error");
  return out;
}

}  // namespace nipsa
