// One fetch finds manifests; the evidence about each is asked for on its own.
#include "node/skill_search.h"

#include <algorithm>
#include <cctype>

#include "nipsa/kinds.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::uint32_t kMaxFetched = 200;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool speaks_of(const nostr::Event& event, const std::string& words) {
  if (words.empty()) return true;
  const auto manifest = nipsa::parse_manifest(event);
  return manifest && (lower(manifest->name) + "\n" + lower(manifest->description) + "\n" +
                      lower(manifest->slug))
                         .contains(lower(words));
}

}  // namespace

Task<Result<Value>> show_skill(nostr::Pool& pool, std::vector<std::string> relays,
                               nipsa::TrustPolicy policy, nostr::Address skill,
                               base::UnixTime now) {
  CO_TRY(const SkillEvidence evidence,
         co_await find_evidence(pool, std::move(relays), skill, std::nullopt));
  if (!evidence.head) co_return fail(Errc::kNotFound, "no relay has that skill");
  Value out = skill_view(*evidence.head,
                         judge_skill(*evidence.head, evidence, policy, {skill, {}, {}}, now));
  std::vector<nipsa::VersionEntry> entries;
  for (const nostr::Event& event : evidence.log)
    if (auto entry = nipsa::parse_version_entry(event); entry && entry->slug == skill.d)
      entries.push_back(*std::move(entry));
  CO_TRY(const auto log, nipsa::order_log(std::move(entries)));
  out["versions"] = Value::array();
  for (const nipsa::VersionEntry& entry : log)
    out["versions"].push_back({{"version", entry.version},
                               {"manifest", entry.manifest.hex()},
                               {"hash", entry.hash.hex()},
                               {"change", nipsa::change_type_name(entry.change)},
                               {"note", entry.note}});
  co_return out;
}

Task<Result<Value>> search_skills(nostr::Pool& pool, std::vector<std::string> relays,
                                  nipsa::TrustPolicy policy, orchestration::SkillSearch what,
                                  base::UnixTime now) {
  // Words are looked for here: few relays search, and none of those everybody has.
  nostr::Filter filter{.kinds = {nipsa::kinds::kSkillManifest},
                       .tags = {{'t', {what.topic.empty() ? "agent-skill" : what.topic}}},
                       .limit = what.words.empty() ? what.limit : kMaxFetched};
  if (what.author) filter.authors = {*what.author};
  nostr::Filters filters{std::move(filter)};
  const nostr::FetchResult found = co_await pool.fetch(relays, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  Value out = Value::array();
  for (const nostr::EventPtr& event : found.events) {
    if (out.size() >= what.limit) break;
    const auto address = nostr::address_of(*event);
    if (!address || !speaks_of(*event, what.words)) continue;
    auto one = co_await show_skill(pool, relays, policy, *address, now);
    if (one) out.push_back(*std::move(one));
  }
  co_return out;
}

}  // namespace node
