// Kinds 39230 and 39231.
#include "nipsa/trajectory.h"

#include <algorithm>

namespace nipsa {

namespace {

constexpr std::size_t kMaxSessionD = 128;
constexpr std::uint64_t kMaxSeq = 0xffff'ffff;

/// Names of an older writer and ours.
struct TypeName {
  std::string_view theirs;
  std::string_view ours;
};
constexpr TypeName kTypeNames[] = {
    {"ToolUse", step_type::kToolStart},
    {"ToolResult", step_type::kTool},
    {"Message", step_type::kAgent},
    {"Thinking", step_type::kThinking},
};

/// The name an older reader needs, or ours where it has none.
std::string_view written_step(std::string_view type) {
  for (const TypeName& row : kTypeNames)
    if (row.ours == type) return row.theirs;
  return type;
}

Result<void> check_d(std::string_view d) {
  if (d.empty() || d.size() > kMaxSessionD)
    return fail(Code::kTagBad, "d of a session is not 1 to 128 bytes");
  return {};
}

Result<std::optional<UnixTime>> read_time(const nostr::Tags& tags, std::string_view name) {
  const auto text = nostr::tag_value(tags, name);
  if (!text) return std::nullopt;
  TRY(const auto at, parse_time(*text, name));
  return at;
}

Result<std::optional<nostr::EventId>> read_id(const nostr::Tags& tags, std::string_view name) {
  const auto text = nostr::tag_value(tags, name);
  if (!text) return std::nullopt;
  TRY(const auto id, parse_id(*text, name));
  return id;
}

Result<std::optional<nostr::Sha256>> read_hash(const nostr::Tags& tags, std::string_view name) {
  const auto text = nostr::tag_value(tags, name);
  if (!text) return std::nullopt;
  TRY(const auto hash, parse_hash(*text, name));
  return hash;
}

std::string session_content(const TrajectorySession& s) {
  Json content = {{"session_id", s.d},
                  {"started_at", base::to_unix(s.started_at)},
                  {"model", s.model},
                  {"total_events", s.end ? s.end->count : 0}};
  if (s.end) {
    content["ended_at"] = base::to_unix(s.end->ended_at);
    content["trajectory_hash"] = s.end->hash.hex();
  }
  return base::json::dump(content);
}

/// Content of older writers stands in for tags that are missing (C40).
void fill_from_content(const nostr::Event& event, TrajectorySession& out,
                       std::optional<UnixTime>& started) {
  if (!event.content.starts_with('{')) return;
  const auto content = parse_object(event.content);
  if (!content) return;
  if (out.model.empty()) out.model = base::json::string_or(*content, "model");
  const auto at = base::json::int_or(*content, "started_at");
  if (!started && at > 0 && at <= kMaxTime) started = base::unix_time(at);
}

Result<void> read_end(const nostr::Tags& tags, TrajectorySession& out) {
  TRY(const auto ended, read_time(tags, "ended_at"));
  const nostr::Tag* hash = nostr::find_tag(tags, "trajectory_hash");
  if (!ended || hash == nullptr) return {};
  if (*ended < out.started_at) return fail(Code::kNum, "ended_at is before started_at");
  TrajectoryEnd end;
  end.ended_at = *ended;
  TRY(end.hash, parse_hash((*hash)[1], "trajectory_hash"));
  end.alg = hash->size() > 2 ? (*hash)[2] : "";
  if (hash->size() > 3) {
    TRY(const auto count, parse_range((*hash)[3], 0, kMaxSeq, "trajectory_hash"));
    end.count = static_cast<std::uint32_t>(count);
  }
  TRY(const auto first, read_id(tags, "first"));
  if (first) end.first = *first;
  out.end = end;
  return {};
}

nostr::Tag hash_tag(const TrajectoryEnd& end) {
  return {"trajectory_hash", end.hash.hex(), end.alg, std::to_string(end.count)};
}

/// `root` and `reply` by marker; an unmarked `e` of older writers is the session.
Result<void> read_links(const nostr::Tags& tags, TrajectoryStep& out) {
  std::optional<nostr::EventId> root;
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "e") continue;
    TRY(const auto id, parse_id(tag[1], "e"));
    const std::string_view marker = tag.size() > 3 ? std::string_view(tag[3]) : "";
    if (marker == "reply") {
      out.previous = id;
    } else if (!root && (marker == "root" || marker.empty())) {
      root = id;
      if (tag.size() > 2) out.relay = tag[2];
    }
  }
  if (!root) return fail(Code::kTagMissing, "e of the session");
  out.first_head = *root;
  return {};
}

/// The session by `a`, which `session` and `d` must not contradict.
Result<void> read_session(const nostr::Event& event, TrajectoryStep& out) {
  const auto a = nostr::tag_value(event.tags, "a");
  const auto session = nostr::tag_value(event.tags, "session");
  if (a) {
    TRY(out.session, parse_coordinate(*a));
    if (out.session.kind != kinds::kTrajectory)
      return fail(Code::kRef, "a is not the address of a session");
  } else if (session) {
    out.session = {kinds::kTrajectory, event.pubkey, std::string(*session)};
  } else {
    return fail(Code::kTagMissing, "a");
  }
  TRY(check_d(out.session.d));
  if (session && *session != out.session.d)
    return fail(Code::kRef, "session and a name different sessions");
  return {};
}

std::string read_type(const nostr::Event& event) {
  if (event.content.starts_with('{')) {
    if (const auto body = parse_object(event.content)) {
      const auto type = base::json::string_or(*body, "type");
      if (!type.empty()) return std::string(read_step_type(type));
    }
  }
  return std::string(read_step_type(nostr::tag_value(event.tags, "step").value_or("")));
}

void put(nostr::Tags& tags, std::string_view name, std::string value) {
  if (!value.empty()) tags.push_back({std::string(name), std::move(value)});
}

}  // namespace

std::string_view read_step_type(std::string_view name) {
  for (const TypeName& row : kTypeNames)
    if (row.theirs == name) return row.ours;
  return name;
}

Result<nostr::Draft> build_trajectory_session(const TrajectorySession& s, UnixTime at) {
  TRY(check_d(s.d));
  if (s.end && s.end->ended_at < s.started_at)
    return fail(Code::kNum, "ended_at is before started_at");
  nostr::Draft draft{.kind = kinds::kTrajectory,
                     .created_at = at,
                     .tags = {{"d", s.d}},
                     .content = session_content(s)};
  auto& tags = draft.tags;
  tags.push_back({"model", s.model});
  tags.push_back(time_tag("started_at", s.started_at));
  if (s.tick) tags.push_back({"tick", s.tick->hex()});
  tags.push_back({"visibility", s.is_public ? "public" : "private"});
  if (s.writer) tags.push_back({"writer", s.writer->hex()});
  for (const auto& key : s.participants) tags.push_back({"p", key.hex()});
  if (s.end) {
    tags.push_back(time_tag("ended_at", s.end->ended_at));
    if (!s.end->first.is_zero()) tags.push_back({"first", s.end->first.hex()});
    tags.push_back(hash_tag(*s.end));
  }
  return checked(std::move(draft));
}

Result<TrajectorySession> parse_trajectory_session(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kTrajectory));
  TrajectorySession out;
  TRY(const auto d, required_tag(event.tags, "d"));
  out.d = d;
  TRY(check_d(out.d));
  out.model = nostr::tag_value(event.tags, "model").value_or("");
  TRY(auto started, read_time(event.tags, "started_at"));
  fill_from_content(event, out, started);
  if (!started) return fail(Code::kTagMissing, "started_at");
  out.started_at = *started;
  TRY(out.tick, read_id(event.tags, "tick"));
  if (const auto text = nostr::tag_value(event.tags, "writer")) {
    TRY(out.writer, parse_key(*text, "writer"));
  }
  TRY(out.participants, all_keys(event.tags, "p"));
  // Unknown words are read as the more restrictive one.
  const auto visibility = nostr::tag_value(event.tags, "visibility");
  out.is_public = !visibility || *visibility == "public";
  TRY(read_end(event.tags, out));
  return out;
}

Result<nostr::Draft> build_trajectory_step(const TrajectoryStep& step, UnixTime at,
                                           base::Rng& rng) {
  TRY(check_d(step.session.d));
  if (step.seq == 0) return fail(Code::kNum, "seq is 0, steps count from 1");
  if (step.previous.has_value() != (step.seq > 1))
    return fail(Code::kRef, "every step but the first names the one before it");
  const std::string seq = std::to_string(step.seq);
  nostr::Draft draft{.kind = kinds::kTrajectoryEvent,
                     .created_at = at,
                     .tags = {{"d", step.session.d + ":" + seq + ":" + rng.hex(4)}},
                     .content = step.content};
  auto& tags = draft.tags;
  tags.push_back({"a", step.session.str()});
  tags.push_back({"e", step.first_head.hex(), step.relay, "root"});
  if (step.previous) tags.push_back({"e", step.previous->hex(), step.relay, "reply"});
  tags.push_back({"seq", seq});
  tags.push_back({"session", step.session.d});
  if (step.tick) tags.push_back({"tick", step.tick->hex()});
  put(tags, "step", std::string(written_step(step.type)));
  put(tags, "action_type", step.action_type);
  put(tags, "tool_invoked", step.tool);
  if (step.input_hash) tags.push_back({"input_hash", step.input_hash->hex()});
  if (step.output_hash) tags.push_back({"output_hash", step.output_hash->hex()});
  if (step.guardian_approval)
    tags.push_back({"guardian_approval_ref", step.guardian_approval->hex()});
  if (step.parent_session) tags.push_back({"parent_session", step.parent_session->hex()});
  return checked(std::move(draft));
}

Result<TrajectoryStep> parse_trajectory_step(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kTrajectoryEvent));
  const auto& tags = event.tags;
  TrajectoryStep out;
  TRY(read_session(event, out));
  TRY(read_links(tags, out));
  TRY(const auto seq, required_tag(tags, "seq"));
  TRY(const auto number, parse_range(seq, 0, kMaxSeq, "seq"));
  if (number == 0) return fail(Code::kNum, "seq is 0, steps count from 1");
  out.seq = static_cast<std::uint32_t>(number);
  TRY(out.tick, read_id(tags, "tick"));
  TRY(out.input_hash, read_hash(tags, "input_hash"));
  TRY(out.output_hash, read_hash(tags, "output_hash"));
  TRY(out.guardian_approval, read_id(tags, "guardian_approval_ref"));
  TRY(out.parent_session, read_id(tags, "parent_session"));
  out.action_type = nostr::tag_value(tags, "action_type").value_or("");
  out.tool = nostr::tag_value(tags, "tool_invoked").value_or("");
  out.type = read_type(event);
  out.content = event.content;
  return out;
}

Result<std::string> encode_step_body(std::string_view type, std::uint32_t seq, UnixTime at,
                                     const Json& members) {
  if (!members.is_object()) return fail(Code::kJson, "the members of a step are not an object");
  Json body = members;
  body["type"] = type;
  body["step"] = seq;
  body["ts"] = base::format_rfc3339(at);
  return base::json::dump(body);
}

}  // namespace nipsa
