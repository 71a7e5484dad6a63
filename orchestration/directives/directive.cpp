#include "orchestration/directives/directive.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "nostr/base/files.h"
#include "nostr/base/suggest.h"
#include "orchestration/envelope.h"
#include "orchestration/front_matter.h"
#include "orchestration/names.h"
#include "orchestration/words.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxFile = 65'536;
constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kMaxTitle = 200;
constexpr std::size_t kMaxGoal = 600;
constexpr double kRelated = 0.5;

// The first word of each is the one that is written.
constexpr Name<DirectiveStatus> kStatuses[] = {
    {DirectiveStatus::kActive, "active"},       {DirectiveStatus::kPaused, "paused"},   {DirectiveStatus::kBlocked, "blocked"},
    {DirectiveStatus::kCompleted, "completed"}, {DirectiveStatus::kActive, "pending"},  {DirectiveStatus::kPaused, "on-hold"},
    {DirectiveStatus::kCompleted, "complete"},  {DirectiveStatus::kCompleted, "done"}};
constexpr Name<DirectivePriority> kPriorities[] = {
    {DirectivePriority::kCritical, "critical"}, {DirectivePriority::kHigh, "high"},    {DirectivePriority::kMedium, "medium"},
    {DirectivePriority::kLow, "low"},           {DirectivePriority::kCritical, "urgent"}, {DirectivePriority::kMedium, "normal"}};

std::string day_of(base::UnixTime now) { return base::format_utc(now).substr(0, 10); }

bool comes_first(const Directive& a, const Directive& b) {
  if (a.priority != b.priority) return a.priority < b.priority;
  if (a.updated != b.updated) return a.updated > b.updated;
  return a.id < b.id;
}

std::string render(const Directive& directive) {
  return fmt::format(
      "---\nid: {}\ntitle: \"{}\"\nstatus: {}\npriority: {}\n{}created: \"{}\"\nupdated: "
      "\"{}\"\n---\n\n{}{}",
      directive.id, directive.title, directive_status_name(directive.status),
      directive_priority_name(directive.priority), directive.is_public ? "public: true\n" : "",
      directive.created, directive.updated, directive.body,
      directive.body.ends_with('\n') ? "" : "\n");
}

}  // namespace

std::string_view directive_status_name(DirectiveStatus status) { return name_in(kStatuses, status); }
Result<DirectiveStatus> parse_directive_status(std::string_view word) { return value_in(kStatuses, word, "status"); }
std::string_view directive_priority_name(DirectivePriority priority) { return name_in(kPriorities, priority); }
Result<DirectivePriority> parse_directive_priority(std::string_view word) { return value_in(kPriorities, word, "priority"); }

bool is_directive_id(std::string_view id) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  return !id.empty() && id.size() <= 64 && kFirst.contains(id.front()) &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == id.npos;
}

std::string Directive::goal() const {
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\n\n");
    std::string_view paragraph = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 2);
    while (paragraph.starts_with('\n')) paragraph.remove_prefix(1);
    while (paragraph.starts_with('#')) {
      const std::size_t line = paragraph.find('\n');
      paragraph = line == paragraph.npos ? std::string_view{} : paragraph.substr(line + 1);
    }
    if (!paragraph.empty()) return std::string(paragraph.substr(0, paragraph.find_last_not_of('\n') + 1));
  }
  return "";
}

Result<Directive> parse_directive(std::string file, std::string_view text) {
  TRY(const FrontMatter front, parse_front_matter(text));
  Directive out{.id = front.text("id"), .title = front.text("title"), .created = front.text("created"), .updated = front.text("updated"), .body = front.body, .file = std::move(file)};
  if (!is_directive_id(out.id)) return fail(Errc::kInvalid, "its id is missing or none: lower-case letters, digits, . _ -");
  if (out.title.empty()) out.title = out.id;
  if (const std::string word = front.text("status"); auto status = parse_directive_status(word))
    out.status = *status;
  else
    out.warnings.push_back(fmt::format("status \"{}\" is unknown: taken as paused", cut_utf8(word, 40)));
  if (const std::string word = front.text("priority"); auto priority = parse_directive_priority(word)) {
    out.priority = *priority;
    out.ranked = true;
  } else if (!word.empty())
    out.warnings.push_back(fmt::format("priority \"{}\" is unknown: taken as medium", cut_utf8(word, 40)));
  if (const std::string word = front.text("public"); word == "true")
    out.is_public = true;
  else if (!word.empty() && word != "false")
    out.warnings.push_back(
        fmt::format("public \"{}\" is neither true nor false: taken as false", cut_utf8(word, 40)));
  return out;
}

Value directive_json(const Directive& directive) {
  return {{"id", directive.id},
          {"title", directive.title},
          {"status", directive_status_name(directive.status)},
          {"priority", directive_priority_name(directive.priority)},
          {"ranked", directive.ranked},
          {"public", directive.is_public},
          {"created", directive.created},
          {"updated", directive.updated},
          {"goal", directive.goal()},
          {"file", directive.file},
          {"warnings", directive.warnings}};
}

Result<DirectiveFolder::Contents> DirectiveFolder::read() const {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (entry.path().extension() == ".md" && entry.is_regular_file(error) && !entry.is_symlink(error)) files.push_back(entry.path());
  std::ranges::sort(files);
  if (files.size() > kMaxFiles) return fail(Errc::kLimit, fmt::format("{} holds over {} directives", folder_.string(), kMaxFiles));
  Contents out;
  std::set<std::string> ids;
  for (const fs::path& path : files) {
    const std::string name = path.filename().string();
    const auto text = base::read_file(path, kMaxFile);
    auto directive = text ? parse_directive(name, *text) : std::unexpected(text.error());
    if (!directive)
      out.rejected.push_back(name + ": " + directive.error().detail);
    else if (!ids.insert(directive->id).second)
      out.rejected.push_back(name + ": another file has the id " + directive->id);
    else
      out.all.push_back(*std::move(directive));
  }
  std::ranges::sort(out.all, comes_first);
  return out;
}

Result<Directive> DirectiveFolder::find(std::string_view id) const {
  TRY(const Contents contents, read());
  std::vector<std::string> known;
  for (const Directive& one : contents.all) {
    if (one.id == id) return one;
    known.push_back(one.id);
  }
  return fail(Errc::kNotFound, fmt::format("no directive is called \"{}\"", id.substr(0, 64)), known.empty() ? "sovereign directive add" : base::did_you_mean(id, known));
}

Result<Directive> DirectiveFolder::add(const Directive& directive) const {
  if (!is_directive_id(directive.id)) return fail(Errc::kInvalid, fmt::format("\"{}\" is no id", directive.id.substr(0, 64)), "lower-case letters, digits, . _ -");
  if (directive.title.empty() || directive.title.size() > kMaxTitle || directive.title.find_first_of("\"\\\n\r") != std::string::npos)
    return fail(Errc::kInvalid, fmt::format("the title is a line of 1 to {} bytes without double quotes", kMaxTitle));
  const std::string text = render(directive);
  TRY(const Directive back, parse_directive(directive.id + ".md", text));
  TRY(const Contents contents, read());
  std::error_code error;
  const fs::path path = folder_ / (directive.id + ".md");
  if (fs::exists(path, error) || std::ranges::any_of(contents.all, [&](const Directive& one) { return one.id == directive.id; }))
    return fail(Errc::kConflict, "directive " + directive.id + " exists already", "choose another id, or edit " + path.string());
  fs::create_directories(folder_, error);
  TRY(base::write_file(path, text));
  return back;
}

Result<Directive> DirectiveFolder::change(std::string_view id, std::string_view key, std::string_view value, base::UnixTime now) const {
  TRY(const Directive old, find(id));
  TRY(const std::string text, base::read_file(folder_ / old.file, kMaxFile));
  TRY(const std::string changed, with_front_text(text, key, value));
  TRY(const std::string dated, with_front_text(changed, "updated", day_of(now)));
  TRY(base::write_file(folder_ / old.file, dated));
  return parse_directive(old.file, dated);
}

Result<Directive> DirectiveFolder::set_status(std::string_view id, DirectiveStatus status, base::UnixTime now) const {
  return change(id, "status", directive_status_name(status), now);
}

Result<Directive> DirectiveFolder::set_priority(std::string_view id, DirectivePriority priority, base::UnixTime now) const {
  return change(id, "priority", directive_priority_name(priority), now);
}

Result<Directive> DirectiveFolder::set_public(std::string_view id, bool is_public,
                                              base::UnixTime now) const {
  return change(id, "public", is_public ? "true" : "false", now);
}

std::vector<Directive> at_least(std::vector<Directive> all, DirectivePriority priority) {
  // The most urgent is the first of the enumerators.
  std::erase_if(all, [&](const Directive& one) { return one.priority > priority; });
  return all;
}

std::vector<Directive> related(const std::vector<Directive>& all, std::string_view query, std::size_t most) {
  const auto asked = words_of(query);
  // Of equals the one that comes first in the list.
  std::vector<std::pair<double, std::size_t>> scored;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].status != DirectiveStatus::kActive) continue;
    const double score = overlap(asked, words_of(all[i].title + " " + all[i].goal()));
    if (score >= kRelated) scored.emplace_back(-score, i);
  }
  std::ranges::sort(scored);
  std::vector<Directive> out;
  for (std::size_t i = 0; i < scored.size() && i < most; ++i) out.push_back(all[scored[i].second]);
  return out;
}

std::string directives_section(const std::vector<Directive>& all, std::size_t most,
                               std::span<const storage::GoalReport> reports) {
  std::string out;
  std::size_t shown = 0, active = 0;
  for (const Directive& one : all) {
    if (one.status != DirectiveStatus::kActive || ++active > most) continue;
    const auto report = std::ranges::find(reports, one.id, &storage::GoalReport::goal);
    const std::string so_far = report == reports.end() || report->percent == 0
                                   ? ""
                                   : fmt::format(", you said {} %", report->percent);
    out += fmt::format("- {} ({}{}): {}\n", one.id, directive_priority_name(one.priority), so_far,
                       one.title);
    if (shown++ > 0) continue;
    if (const std::string goal = one.goal(); !goal.empty()) out += fmt::format("  {}\n", cut_utf8(goal, kMaxGoal));
  }
  if (active > most) out += fmt::format("({} more are active)\n", active - most);
  return out;
}

}  // namespace orchestration
