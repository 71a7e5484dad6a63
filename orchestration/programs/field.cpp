// One reader and one writer for each shape.
#include "orchestration/programs/field.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestration/names.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxItems = 200;
constexpr Name<Shape> kShapes[] = {
    {Shape::kText, "text"},          {Shape::kMarkdown, "markdown"},   {Shape::kInteger, "integer"},
    {Shape::kNumber, "number"},      {Shape::kFlag, "yes/no"},         {Shape::kChoice, "choice"},
    {Shape::kTextList, "list"},      {Shape::kPlaces, "places"},       {Shape::kObjectList, "objects"},
    {Shape::kJson, "json"},          {Shape::kAttachment, "attachment"}};

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

/// Without the quotes and the full stop that models like to add to a single word.
std::string_view bare_word(std::string_view text) {
  text = trimmed(text);
  if (text.ends_with('.')) text.remove_suffix(1);
  for (const char quote : {'"', '\'', '`'})
    if (text.size() >= 2 && text.front() == quote && text.back() == quote) text = text.substr(1, text.size() - 2);
  if (text.ends_with('.')) text.remove_suffix(1);
  return trimmed(text);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<Value> ranged(const Field& field, double number) {
  if (!std::isfinite(number)) return fail(Errc::kInvalid, "is no finite number");
  if (number < field.least || number > field.most)
    return fail(Errc::kInvalid, fmt::format("is outside {} to {}", field.least, field.most));
  return Value(number);
}

Result<Value> read_number(const Field& field, std::string_view text) {
  text = trimmed(text);
  // A share may be written as a percentage; nothing else may.
  const bool percent = text.ends_with('%') && field.least == 0 && field.most == 1;
  if (percent) text = trimmed(text.substr(0, text.size() - 1));
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return fail(Errc::kInvalid, "is no number");
  return ranged(field, percent ? number / 100 : number);
}

Result<Value> whole(const Field& field, std::int64_t number) {
  TRY(ranged(field, static_cast<double>(number)));
  return Value(number);
}

Result<Value> read_integer(const Field& field, std::string_view text) {
  text = trimmed(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return fail(Errc::kInvalid, "is no whole number");
  return whole(field, number);
}

Result<Value> read_flag(std::string_view text) {
  const std::string word = lower(bare_word(text));
  if (word == "true" || word == "yes" || word == "1") return Value(true);
  if (word == "false" || word == "no" || word == "0") return Value(false);
  return fail(Errc::kInvalid, "is neither true nor false");
}

Result<Value> read_choice(const Field& field, std::string_view text) {
  const std::string word = lower(bare_word(text));
  std::vector<std::string> names;
  for (const Choice& choice : field.choices) {
    if (lower(choice.name) == word) return Value(choice.name);
    for (const std::string& alias : choice.aliases)
      if (lower(alias) == word) return Value(choice.name);
    names.push_back(choice.name);
  }
  return fail(Errc::kInvalid, fmt::format("is none of {}", fmt::join(names, ", ")));
}

/// "src/a.cpp:12", also with a column or a range behind it.
bool is_place(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos || colon == 0 || colon + 1 >= text.size()) return false;
  return text[colon + 1] >= '0' && text[colon + 1] <= '9' && text.find('\n') == text.npos;
}

Result<Value> read_list(const Field& field, const Value& items) {
  if (items.size() > kMaxItems) return fail(Errc::kInvalid, fmt::format("has over {} entries", kMaxItems));
  Value out = Value::array();
  for (const Value& item : items) {
    if (!item.is_string()) return fail(Errc::kInvalid, "holds an entry that is no text");
    const std::string_view text = trimmed(item.get_ref<const std::string&>());
    if (text.empty()) continue;
    if (field.shape == Shape::kPlaces && !is_place(text))
      return fail(Errc::kInvalid, "holds an entry that is no path:line");
    out.push_back(text);
  }
  return out;
}

/// Bullets, numbers or bare lines.
std::string_view without_bullet(std::string_view line) {
  line = trimmed(line);
  for (const std::string_view mark : {"- ", "* ", "+ ", "• "})
    if (line.starts_with(mark)) return trimmed(line.substr(mark.size()));
  const std::size_t digits = line.find_first_not_of("0123456789");
  if (digits != 0 && digits != line.npos && digits + 1 < line.size() && (line[digits] == '.' || line[digits] == ')') &&
      line[digits + 1] == ' ')
    return trimmed(line.substr(digits + 2));
  return line;
}

Result<Value> read_lines(const Field& field, std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    auto parsed = base::json::parse(text, {.max_bytes = field.max_bytes});
    if (!parsed || !parsed->is_array()) return fail(Errc::kInvalid, "is no JSON list");
    return read_list(field, *parsed);
  }
  Value lines = Value::array();
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(without_bullet(text.substr(0, end)));
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  return read_list(field, lines);
}

Result<Value> read_document(const Field& field, const Value& value) {
  if (field.shape == Shape::kObjectList) {
    if (!value.is_array() || value.size() > kMaxItems)
      return fail(Errc::kInvalid, fmt::format("is no list of at most {} objects", kMaxItems));
    for (const Value& item : value)
      if (!item.is_object()) return fail(Errc::kInvalid, "holds an entry that is no object");
  }
  if (field.schema.empty()) return value;
  const Value schema = field.shape == Shape::kObjectList ? Value{{"type", "array"}, {"items", field.schema}} : field.schema;
  TRY(validate(schema, value));
  return value;
}

Result<Value> read_attachment(const Value& value) {
  if (!value.is_object() || !base::json::get_string(value, "mime") || !base::json::get_string(value, "base64"))
    return fail(Errc::kInvalid, "is no {\"mime\",\"base64\"}");
  return value;
}

bool is_list(const Field& field) { return field.shape == Shape::kTextList || field.shape == Shape::kPlaces; }

}  // namespace

std::string_view shape_name(Shape shape) { return name_in(kShapes, shape); }

bool is_field_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() < 'a' || name.front() > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
}

Result<Value> read_text(const Field& field, std::string_view text) {
  if (text.size() > field.max_bytes)
    return fail(Errc::kInvalid, fmt::format("is {} bytes, limit is {}", text.size(), field.max_bytes));
  switch (field.shape) {
    case Shape::kText:
    case Shape::kMarkdown:
      return Value(trimmed(text));
    case Shape::kInteger:
      return read_integer(field, text);
    case Shape::kNumber:
      return read_number(field, text);
    case Shape::kFlag:
      return read_flag(text);
    case Shape::kChoice:
      return read_choice(field, text);
    case Shape::kTextList:
    case Shape::kPlaces:
      return read_lines(field, text);
    case Shape::kObjectList:
    case Shape::kJson:
    case Shape::kAttachment: {
      auto parsed = base::json::parse(trimmed(text), {.max_bytes = field.max_bytes});
      if (!parsed) return fail(Errc::kInvalid, "is no JSON");
      return read_json(field, *parsed);
    }
  }
  return fail(Errc::kInternal, "has a shape nobody reads");
}

Result<Value> read_json(const Field& field, const Value& value) {
  if (field.shape == Shape::kAttachment) return read_attachment(value);
  if (const std::size_t size = base::json::dump(value).size(); size > field.max_bytes + 2)
    return fail(Errc::kInvalid, fmt::format("is {} bytes, limit is {}", size, field.max_bytes));
  if (field.shape == Shape::kJson) return read_document(field, value);
  // Models quote what should stand bare; the text reader is as strict.
  if (value.is_string()) return read_text(field, value.get_ref<const std::string&>());
  switch (field.shape) {
    case Shape::kNumber:
      if (value.is_number()) return ranged(field, value.get<double>());
      return fail(Errc::kInvalid, "is no number");
    case Shape::kInteger:
      if (value.is_number_integer()) return whole(field, value.get<std::int64_t>());
      return fail(Errc::kInvalid, "is no whole number");
    case Shape::kFlag:
      if (value.is_boolean()) return value;
      return value.is_number_integer() ? read_flag(base::json::dump(value)) : fail(Errc::kInvalid, "is neither true nor false");
    case Shape::kTextList:
    case Shape::kPlaces:
      return value.is_array() ? read_list(field, value) : fail(Errc::kInvalid, "is no list");
    case Shape::kObjectList:
      return read_document(field, value);
    case Shape::kText:
    case Shape::kMarkdown:
    case Shape::kChoice:
    case Shape::kJson:
    case Shape::kAttachment:
      return fail(Errc::kInvalid, "is no text");
  }
  return fail(Errc::kInternal, "has a shape nobody reads");
}

bool is_blank(const Value& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

std::string show_value(const Field& field, const Value& value) {
  if (field.shape == Shape::kAttachment) return "(attached as a picture)";
  if (value.is_string() && field.shape != Shape::kJson) return value.get<std::string>();
  if (!is_list(field) || !value.is_array()) return base::json::dump(value);
  std::string out;
  for (const Value& item : value)
    out += fmt::format("{}- {}", out.empty() ? "" : "\n", item.is_string() ? item.get<std::string>() : base::json::dump(item));
  return out;
}

std::string describe_shape(const Field& field) {
  switch (field.shape) {
    case Shape::kInteger:
      return fmt::format("a whole number from {} to {}", field.least, field.most);
    case Shape::kNumber:
      return fmt::format("a number from {} to {}", field.least, field.most);
    case Shape::kFlag:
      return "true or false";
    case Shape::kChoice: {
      std::vector<std::string> names;
      for (const Choice& choice : field.choices) names.push_back(choice.name);
      return fmt::format("one of: {}", fmt::join(names, ", "));
    }
    case Shape::kTextList:
      return "a list, one entry a line";
    case Shape::kPlaces:
      return "a list of path:line, one a line";
    case Shape::kObjectList:
      return "a JSON list of objects";
    case Shape::kJson:
      return "JSON";
    case Shape::kText:
    case Shape::kMarkdown:
    case Shape::kAttachment:
      return std::string(shape_name(field.shape));
  }
  return std::string(shape_name(field.shape));
}

Value schema_of(const Field& field) {
  Value out = Value::object();
  switch (field.shape) {
    case Shape::kText:
    case Shape::kMarkdown:
    case Shape::kAttachment:
      out["type"] = "string";
      break;
    case Shape::kInteger:
      out = {{"type", "integer"}, {"minimum", field.least}, {"maximum", field.most}};
      break;
    case Shape::kNumber:
      out = {{"type", "number"}, {"minimum", field.least}, {"maximum", field.most}};
      break;
    case Shape::kFlag:
      out["type"] = "boolean";
      break;
    case Shape::kChoice:
      out = {{"type", "string"}, {"enum", Value::array()}};
      for (const Choice& choice : field.choices) out["enum"].push_back(choice.name);
      break;
    case Shape::kTextList:
    case Shape::kPlaces:
      out = {{"type", "array"}, {"items", {{"type", "string"}}}};
      break;
    case Shape::kObjectList:
      out = {{"type", "array"}, {"items", field.schema.empty() ? Value{{"type", "object"}} : field.schema}};
      break;
    case Shape::kJson:
      out = field.schema;
      break;
  }
  out["description"] = field.about;
  return out;
}

Value spec_of(const Field& field) {
  Value choices = Value::array();
  for (const Choice& choice : field.choices) choices.push_back({choice.name, choice.aliases});
  return {{"name", field.name},   {"about", field.about}, {"shape", shape_name(field.shape)},
          {"required", field.required}, {"max_bytes", field.max_bytes}, {"range", {field.least, field.most}},
          {"choices", choices},   {"schema", field.schema}};
}

}  // namespace orchestration
