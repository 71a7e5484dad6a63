#include "orchestration/autopilot/queue.h"

#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "nostr/base/bytes.h"
#include "nostr/base/log.h"
#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;
using storage::IssueRow;

constexpr std::size_t kMaxTitle = 200;
constexpr std::size_t kMaxDescription = 16'384;
constexpr std::size_t kMaxImported = 10'000;
constexpr std::chrono::seconds kHeartbeat{5 * 60};

std::string uuid(base::Rng& rng) {
  std::array<std::uint8_t, 16> bytes{};
  rng.fill(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = base::hex_encode(bytes);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4), hex.substr(20));
}

template <class E>
Result<E> word_at(const Value& value, const char* key, E fallback) {
  const std::string word = base::json::string_or(value, key);
  if (word.empty()) return fallback;
  const auto parsed = storage::enum_from<E>(word);
  if (!parsed) return fail(Errc::kInvalid, fmt::format("{} \"{}\" is unknown", key, cut_utf8(word, 64)));
  return *parsed;
}

Result<IssueRow> parse_issue(const Value& value, base::UnixTime now) {
  IssueRow out;
  TRY(out.id, base::json::get_string(value, "id"));
  TRY(out.title, base::json::get_string(value, "title"));
  out.description = base::json::string_or(value, "description");
  if (out.id.empty() || out.id.size() > 64 || out.title.empty() || out.title.size() > kMaxTitle || out.description.size() > kMaxDescription)
    return fail(Errc::kInvalid, "id, title or description is empty or too long");
  TRY(out.status, word_at(value, "status", storage::IssueStatus::kOpen));
  if (out.status == storage::IssueStatus::kInProgress) out.status = storage::IssueStatus::kOpen;
  TRY(out.priority, word_at(value, "priority", storage::IssuePriority::kMedium));
  TRY(out.type, word_at(value, "issue_type", storage::IssueType::kTask));
  out.agent = base::json::string_or(value, "agent");
  out.blocked = value.value("is_blocked", false) && out.status != storage::IssueStatus::kDone;
  out.blocked_reason = out.blocked ? base::json::string_or(value, "blocked_reason") : "";
  out.created = base::unix_time(base::json::int_or(value, "created_at", base::to_unix(now)));
  out.updated = now;
  if (out.status == storage::IssueStatus::kDone) out.completed = base::unix_time(base::json::int_or(value, "completed_at", base::to_unix(now)));
  return out;
}

/// Few words of each: the model chooses, it does not work yet.
Value shortlist(const std::vector<IssueRow>& ready) {
  Value out = Value::array();
  for (const IssueRow& issue : ready)
    out.push_back({{"id", fmt::to_string(issue.number)},
                   {"title", issue.title},
                   {"priority", storage::name_of(issue.priority)},
                   {"type", storage::name_of(issue.type)},
                   {"description", cut_utf8(issue.description, 600)}});
  return out;
}

}  // namespace

Value issue_json(const IssueRow& issue) {
  const auto time = [](const std::optional<base::UnixTime>& at) { return at ? Value(base::to_unix(*at)) : Value(); };
  return {{"number", issue.number},
          {"id", issue.id},
          {"title", issue.title},
          {"description", issue.description},
          {"status", storage::name_of(issue.status)},
          {"priority", storage::name_of(issue.priority)},
          {"issue_type", storage::name_of(issue.type)},
          {"agent", issue.agent},
          {"is_blocked", issue.blocked},
          {"blocked_reason", issue.blocked_reason},
          {"claimed_by", issue.claimed_by},
          {"claimed_at", time(issue.claimed_at)},
          {"lease_until", time(issue.lease_until)},
          {"created_at", base::to_unix(issue.created)},
          {"updated_at", base::to_unix(issue.updated)},
          {"completed_at", time(issue.completed)}};
}

Result<std::vector<IssueRow>> parse_issues(std::string_view text, base::UnixTime now) {
  TRY(const Value list, base::json::parse(text, {.max_bytes = 32u << 20}));
  if (!list.is_array()) return fail(Errc::kInvalid, "it is no list of issues");
  if (list.size() > kMaxImported) return fail(Errc::kLimit, fmt::format("over {} issues", kMaxImported));
  std::vector<IssueRow> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto issue = parse_issue(list[i], now);
    if (!issue) return std::unexpected(base::in_context(fmt::format("issue {} of the list", i + 1), issue.error()));
    out.push_back(*std::move(issue));
  }
  return out;
}

Result<IssueRow> new_issue(std::string title, std::string description, base::UnixTime now, base::Rng& rng) {
  if (title.empty() || title.size() > kMaxTitle) return fail(Errc::kInvalid, fmt::format("the title is {} bytes, 1 to {} are allowed", title.size(), kMaxTitle));
  if (description.size() > kMaxDescription) return fail(Errc::kInvalid, fmt::format("the description is {} bytes, limit is {}", description.size(), kMaxDescription));
  IssueRow out;
  out.id = uuid(rng);
  out.title = std::move(title);
  out.description = std::move(description);
  out.created = out.updated = now;
  return out;
}

Task<std::int64_t> IssueQueue::choose(std::vector<IssueRow> ready, std::string capabilities) {
  const std::int64_t first = ready.front().number;
  if (chooser_ == nullptr || ready.size() == 1) co_return first;
  const Program* program = find_program("issue-selection").value();
  const Value inputs = {{"open_issues", shortlist(ready)}, {"agent_capabilities", capabilities.empty() ? "not told" : capabilities}};
  const auto answer = co_await chooser_->run(*program, inputs, {});
  if (!answer) co_return first;
  const std::string wanted = base::json::string_or(answer->values, "selected_issue_id");
  const auto found = std::ranges::find_if(ready, [&](const IssueRow& issue) { return fmt::to_string(issue.number) == wanted; });
  co_return found == ready.end() ? first : found->number;
}

Task<Result<std::optional<IssueRow>>> IssueQueue::claim_next(std::string agent, std::string run, std::string capabilities) {
  for (int i = 0; i < kTries; ++i) {
    CO_TRY(const auto ready, issues_.ready(agent, kChoice, clock_.now()));
    if (ready.empty()) co_return std::optional<IssueRow>{};
    const std::int64_t number = co_await choose(ready, capabilities);
    CO_TRY(const bool claimed, issues_.claim(number, run, clock_.now()));
    if (!claimed) continue;
    co_return issues_.find(number);
  }
  co_return fail(Errc::kConflict, fmt::format("{} times another run was faster", kTries));
}

Hook issue_keeper(storage::Issues& issues, const base::Clock& clock) {
  Hook hook{.name = "issues", .priority = 20};
  auto beats = std::make_shared<std::map<std::string, base::UnixTime>>();
  const auto beat = [beats, &issues, &clock](const std::string& session) {
    const base::UnixTime now = clock.now();
    base::UnixTime& last = (*beats)[session];
    if (now - last < kHeartbeat) return;
    last = now;
    if (auto kept = issues.keep(session, now); !kept) LOG(kWarn, "issues", "a claim was not kept", {{"error", kept.error().detail}});
  };
  hook.observe_model = [beat](const ModelCall& call, const Reply&) { beat(call.session); };
  hook.observe_tool = [beat](const ToolInvocation& call, const ToolOutput&) { beat(call.session); };
  hook.on_session = [beats, &issues, &clock](const SessionNotice& notice) {
    if (notice.phase != SessionPhase::kEnded) return;
    beats->erase(notice.session);
    const auto held = issues.held_by(notice.session);
    if (!held) return;
    for (const IssueRow& issue : *held) {
      const std::string why = notice.detail.empty() ? "the session ended" : notice.detail;
      if (auto done = issues.release(issue.number, notice.session, why, clock.now()); !done)
        LOG(kWarn, "issues", "a claim was not released", {{"issue", fmt::to_string(issue.number)}, {"error", done.error().detail}});
    }
  };
  return hook;
}

}  // namespace orchestration
