// Metric: how good an answer to an example is, from 0 to 1.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/programs/dataset.h"

namespace orchestration {

using Metric = std::function<double(const Example& example, const base::json::Value& outputs)>;

struct MetricInfo {
  std::string_view name;
  std::string_view about;
};
/// match, valid, agent, places, sources, paths.
const std::vector<MetricInfo>& metrics();

/// What suits `signature` when nobody says otherwise.
std::string_view usual_metric(const Signature& signature);

/// kNotFound with the nearest name; kInvalid when the metric looks at files and `root` is empty. Files are
/// read below `root` only, each at most 1 MiB.
base::Result<Metric> find_metric(std::string_view name, const std::filesystem::path& root);

}  // namespace orchestration
