// Values of TOML and of the environment, checked one by one.
#include "node/config_raw.h"

#include "nostr/base/duration.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace node {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view type_name(Raw::Type type) {
  switch (type) {
    case Raw::Type::kText:
      return "a string";
    case Raw::Type::kInteger:
      return "a whole number";
    case Raw::Type::kReal:
      return "a number with a fraction";
    case Raw::Type::kBoolean:
      return "true or false";
    case Raw::Type::kUntyped:
      break;
  }
  return "a value";
}

std::optional<std::string> scalar(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

Raw::Type type_of(const toml::node& node) {
  if (node.is_string()) return Raw::Type::kText;
  if (node.is_floating_point()) return Raw::Type::kReal;
  return node.is_integer() ? Raw::Type::kInteger : Raw::Type::kBoolean;
}

}  // namespace

Result<void> expect_type(const Raw& raw, Raw::Type wanted) {
  if (raw.type == wanted || raw.type == Raw::Type::kUntyped) return {};
  return fail(Errc::kInvalid,
              fmt::format("expected {}, not {}", type_name(wanted), type_name(raw.type)));
}

Result<std::string> one(const Raw& raw) {
  if (raw.is_list || raw.items.size() != 1)
    return fail(Errc::kInvalid, "expected one value, not a list");
  return raw.items.front();
}

Result<std::string> text_of(const Raw& raw) {
  TRY(expect_type(raw, Raw::Type::kText));
  return one(raw);
}

Result<bool> truth_of(const Raw& raw) {
  TRY(expect_type(raw, Raw::Type::kBoolean));
  TRY(const std::string word, one_of({raw.items, raw.is_list, raw.origin}, {"true", "false"}));
  return word == "true";
}

Result<std::int64_t> integer(const Raw& raw, std::int64_t low, std::int64_t high) {
  TRY(expect_type(raw, Raw::Type::kInteger));
  TRY(const std::string text, one(raw));
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Errc::kInvalid, fmt::format("\"{}\" is not a whole number", text));
  if (value < low || value > high)
    return fail(Errc::kInvalid, fmt::format("{} is outside {}..{}", value, low, high));
  return value;
}

Result<double> real(const Raw& raw, double low, double high) {
  if (raw.type != Raw::Type::kInteger) TRY(expect_type(raw, Raw::Type::kReal));
  TRY(const std::string text, one(raw));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Errc::kInvalid, fmt::format("\"{}\" is not a number", text));
  // What is not a number is not within any bounds.
  if (!(value >= low && value <= high)) return fail(Errc::kInvalid, fmt::format("{} is outside {}..{}", text, low, high));
  return value;
}

Result<std::chrono::seconds> span_of_time(const Raw& raw, std::int64_t low, std::int64_t high) {
  if (raw.type == Raw::Type::kInteger) {
    TRY(const std::int64_t value, integer(raw, low, high));
    return std::chrono::seconds(value);
  }
  TRY(const std::string text, text_of(raw));
  TRY(const std::chrono::seconds value, base::parse_duration(text));
  if (value.count() < low || value.count() > high)
    return fail(Errc::kInvalid, fmt::format("{} is outside {}..{} seconds", text, low, high));
  return value;
}

Result<std::string> one_of(const Raw& raw, const std::vector<std::string>& allowed) {
  TRY(std::string text, text_of(raw));
  if (std::find(allowed.begin(), allowed.end(), text) == allowed.end())
    return fail(Errc::kInvalid,
                fmt::format("\"{}\" is not one of {}", text, fmt::join(allowed, ", ")));
  return text;
}

std::string absolute_path(const std::string& text, const std::filesystem::path& base_dir) {
  if (text.empty()) return text;
  const std::filesystem::path path(text);
  return (path.is_absolute() ? path : base_dir / path).lexically_normal().string();
}

Result<std::vector<std::string>> texts_of(const Raw& raw) {
  TRY(expect_type(raw, Raw::Type::kText));
  return raw.items;
}

Result<Raw> raw_of(const toml::node& node) {
  Raw raw;
  raw.origin = place_of(node);
  if (const toml::array* list = node.as_array()) {
    raw.is_list = true;
    for (const toml::node& item : *list) {
      auto text = scalar(item);
      if (!text) return fail(Errc::kInvalid, "a list holds strings or numbers only");
      if (!raw.items.empty() && raw.type != type_of(item))
        return fail(Errc::kInvalid, "a list holds values of one type");
      raw.type = type_of(item);
      raw.items.push_back(*text);
    }
    return raw;
  }
  auto text = scalar(node);
  if (!text)
    return fail(Errc::kInvalid, "expected a string, a number, true, false or a list of them");
  raw.type = type_of(node);
  raw.items.push_back(*text);
  return raw;
}

std::string place_of(const toml::node& node) {
  return fmt::format("{}:{}", node.source().path ? *node.source().path : "config.toml",
                     node.source().begin.line);
}

}  // namespace node
