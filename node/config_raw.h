// Raw: a value of the configuration before it has a type, from a TOML file or, as text, the environment.
// For the files that read sections.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "nostr/base/result.h"
#include "orchestration/agents/patch.h"

namespace node {

struct Raw {
  std::vector<std::string> items;  ///< one element unless a list
  bool is_list = false;
  std::string origin;
  /// What the file wrote; the environment knows only text, which may become anything.
  enum class Type { kText, kInteger, kReal, kBoolean, kUntyped } type = Type::kUntyped;
};

/// "config.toml:12".
std::string place_of(const toml::node& node);
/// kInvalid for anything but a string, a number, a truth value or a list of one of these.
base::Result<Raw> raw_of(const toml::node& node);

base::Result<void> expect_type(const Raw& raw, Raw::Type wanted);
base::Result<std::string> one(const Raw& raw);
base::Result<std::string> text_of(const Raw& raw);
base::Result<bool> truth_of(const Raw& raw);
base::Result<std::int64_t> integer(const Raw& raw, std::int64_t low, std::int64_t high);
/// A number, with a fraction or without; never NaN.
base::Result<double> real(const Raw& raw, double low, double high);
/// Whole seconds, or a text with a unit: 30, "30s", "5m", "2h", "3d", "1w".
base::Result<std::chrono::seconds> span_of_time(const Raw& raw, std::int64_t low, std::int64_t high);
base::Result<std::string> one_of(const Raw& raw, const std::vector<std::string>& allowed);
base::Result<std::vector<std::string>> texts_of(const Raw& raw);
std::string absolute_path(const std::string& text, const std::filesystem::path& base_dir);

/// The keys of one agent. kInvalid names place and key. `dir` resolves prompt_file.
base::Result<orchestration::AgentPatch> read_agent_table(const std::string& id, const toml::table& table,
                                                         const std::filesystem::path& dir);

}  // namespace node
