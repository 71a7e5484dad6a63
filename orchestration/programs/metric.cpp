#include "orchestration/programs/metric.h"

#include <algorithm>
#include <charconv>

#include "nostr/base/files.h"
#include "nostr/base/suggest.h"
#include "orchestration/words.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::json::Value;

constexpr std::size_t kMaxFile = 1u << 20;

/// Text counts by its words, everything else by being the same.
double likeness(const Value& wanted, const Value& got) {
  if (wanted == got) return 1;
  if (!wanted.is_string() || !got.is_string()) return 0;
  const auto left = words_of(wanted.get<std::string>());
  const auto right = words_of(got.get<std::string>());
  const double precision = overlap(right, left), recall = overlap(left, right);
  return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall);
}

/// The mean over the outputs that are known; nothing known is no evidence.
double match(const Example& example, const Value& outputs) {
  if (example.outputs.empty()) return 0;
  double sum = 0;
  for (const auto& [name, wanted] : example.outputs.items())
    sum += outputs.contains(name) ? likeness(wanted, outputs[name]) : 0;
  return sum / static_cast<double>(example.outputs.size());
}

double valid(const Example&, const Value& outputs) { return outputs.empty() ? 0 : 1; }

double agent(const Example& example, const Value& outputs) {
  const std::string wanted = base::json::string_or(example.outputs, "assigned_agent");
  return !wanted.empty() && wanted == base::json::string_or(outputs, "assigned_agent") ? 1 : 0;
}

double sources(const Example&, const Value& outputs) {
  const auto found = outputs.find("sources");
  if (found == outputs.end() || !found->is_array() || found->empty()) return 0;
  const auto good = std::ranges::count_if(*found, [](const Value& one) {
    return one.is_string() && one.get_ref<const std::string&>().find("https://") != std::string::npos;
  });
  return static_cast<double>(good) / static_cast<double>(found->size());
}

/// The file at `relative`, if it is one and lies below `root`, links followed.
std::optional<fs::path> file_below(const fs::path& root, std::string_view relative) {
  std::error_code error;
  const fs::path top = fs::weakly_canonical(root, error);
  if (error) return std::nullopt;
  const fs::path path = fs::weakly_canonical(top / fs::path(relative), error);
  if (error || !path.string().starts_with(top.string() + "/") || !fs::is_regular_file(path, error)) return std::nullopt;
  return path;
}

/// Whether the line a place names is there and holds a word of the query.
bool place_holds(const fs::path& root, const std::string& place, const std::set<std::string>& asked) {
  const std::size_t colon = place.find(':');
  const auto path = file_below(root, place.substr(0, colon));
  if (!path || colon == std::string::npos) return false;
  std::size_t line = 0;
  std::from_chars(place.data() + colon + 1, place.data() + place.size(), line);
  const auto text = base::read_file(*path, kMaxFile);
  if (!text || line == 0) return false;
  std::size_t at = 0;
  for (std::size_t i = 1; i < line && at != std::string::npos; ++i) {
    at = text->find('\n', at);
    if (at != std::string::npos) ++at;
  }
  if (at == std::string::npos || at >= text->size()) return false;
  // The named line and its neighbours: models count a little off.
  const auto near = words_of(std::string_view(*text).substr(at, 400));
  return asked.empty() || overlap(asked, near) > 0;
}

Metric places_metric(fs::path root) {
  return [root = std::move(root)](const Example& example, const Value& outputs) {
    const auto found = outputs.find("locations");
    if (found == outputs.end() || !found->is_array() || found->empty()) return 0.0;
    const auto asked = words_of(base::json::string_or(example.inputs, "query"));
    const auto good = std::ranges::count_if(*found, [&](const Value& one) { return one.is_string() && place_holds(root, one, asked); });
    return static_cast<double>(good) / static_cast<double>(found->size());
  };
}

/// Targets of Markdown links that lead into the folder.
std::vector<std::string> local_links(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find("]("); at != text.npos; at = text.find("](", at + 2)) {
    const std::size_t end = text.find(')', at);
    if (end == text.npos) break;
    std::string target(text.substr(at + 2, end - at - 2));
    if (target.find("://") != std::string::npos || target.starts_with('#') || target.empty()) continue;
    out.push_back(target.substr(0, target.find('#')));
  }
  return out;
}

Metric paths_metric(fs::path root) {
  return [root = std::move(root)](const Example&, const Value& outputs) {
    const auto links = local_links(base::json::string_or(outputs, "content"));
    if (links.empty()) return base::json::string_or(outputs, "content").empty() ? 0.0 : 1.0;
    const auto good = std::ranges::count_if(links, [&](const std::string& link) { return file_below(root, link).has_value(); });
    return static_cast<double>(good) / static_cast<double>(links.size());
  };
}

}  // namespace

const std::vector<MetricInfo>& metrics() {
  static const std::vector<MetricInfo> kAll = {
      {"match", "how far the known outputs are met: text by its words, the rest by being equal"},
      {"valid", "whether there is an answer that fits its fields"},
      {"agent", "whether the right agent was chosen"},
      {"places", "what share of path:line entries is there and holds a word of the query (needs a folder)"},
      {"sources", "what share of the sources is an https address"},
      {"paths", "what share of links into the folder leads to a file (needs a folder)"}};
  return kAll;
}

std::string_view usual_metric(const Signature& signature) {
  if (signature.id == "delegation") return "agent";
  return "match";
}

base::Result<Metric> find_metric(std::string_view name, const fs::path& root) {
  if (name == "match") return Metric(match);
  if (name == "valid") return Metric(valid);
  if (name == "agent") return Metric(agent);
  if (name == "sources") return Metric(sources);
  if (name == "places" || name == "paths") {
    if (root.empty()) return base::fail(Errc::kInvalid, "metric " + std::string(name) + " looks at files and has no folder", "--root DIR");
    return name == "places" ? places_metric(root) : paths_metric(root);
  }
  std::vector<std::string> known;
  for (const MetricInfo& one : metrics()) known.emplace_back(one.name);
  return base::fail(Errc::kNotFound, "no metric is called \"" + std::string(name.substr(0, 64)) + "\"", base::did_you_mean(name, known));
}

}  // namespace orchestration
