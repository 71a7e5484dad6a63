// A walk over schema and value together; the first misfit is named by its path.
#include "orchestration/tools/schema.h"

#include <string>

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;

base::Result<void> misfit(const std::string& path, const std::string& why) {
  return base::fail(Errc::kInvalid, (path.empty() ? "arguments" : path) + " " + why);
}

bool has_type(const Value& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return false;
}

base::Result<void> check(const Value& schema, const Value& value, const std::string& path);

base::Result<void> check_object(const Value& schema, const Value& value, const std::string& path) {
  const Value none = Value::object();
  const auto declared = schema.find("properties");
  const Value& properties = declared == schema.end() ? none : *declared;
  const auto more = schema.find("additionalProperties");
  const bool takes_more = more != schema.end() && *more != false;
  const std::string prefix = path.empty() ? "" : path + ".";
  if (const auto required = schema.find("required"); required != schema.end())
    for (const Value& name : *required)
      if (!value.contains(name.get_ref<const std::string&>()))
        return misfit(prefix + name.get<std::string>(), "is missing");
  for (const auto& [name, item] : value.items()) {
    const auto known = properties.find(name);
    if (known == properties.end() && takes_more) continue;
    if (known == properties.end())
      return misfit(prefix + name.substr(0, 64), "is not a parameter of this tool");
    TRY(check(*known, item, prefix + name));
  }
  return {};
}

base::Result<void> check_array(const Value& schema, const Value& value, const std::string& path) {
  const auto most = static_cast<std::size_t>(base::json::int_or(schema, "maxItems", 1000));
  if (value.size() > most) return misfit(path, "has over " + std::to_string(most) + " items");
  const auto items = schema.find("items");
  if (items == schema.end()) return {};
  for (std::size_t i = 0; i < value.size(); ++i)
    TRY(check(*items, value[i], path + "[" + std::to_string(i) + "]"));
  return {};
}

base::Result<void> check_scalar(const Value& schema, const Value& value, const std::string& path) {
  if (value.is_string()) {
    const std::size_t size = value.get_ref<const std::string&>().size();
    const auto least = static_cast<std::size_t>(base::json::int_or(schema, "minLength", 0));
    const auto most = static_cast<std::size_t>(base::json::int_or(schema, "maxLength", 65'536));
    if (size < least) return misfit(path, "is shorter than " + std::to_string(least) + " bytes");
    if (size > most) return misfit(path, "is longer than " + std::to_string(most) + " bytes");
  }
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (const std::int64_t least = base::json::int_or(schema, "minimum", INT64_MIN); number < least)
      return misfit(path, "is below " + std::to_string(least));
    if (const std::int64_t most = base::json::int_or(schema, "maximum", INT64_MAX); number > most)
      return misfit(path, "is above " + std::to_string(most));
  }
  return {};
}

base::Result<void> check(const Value& schema, const Value& value, const std::string& path) {
  const std::string type = base::json::string_or(schema, "type");
  if (!type.empty() && !has_type(value, type)) return misfit(path, "is no " + type);
  if (const auto allowed = schema.find("enum"); allowed != schema.end()) {
    bool found = false;
    for (const Value& one : *allowed) found = found || one == value;
    if (!found) return misfit(path, "is none of " + base::json::dump(*allowed));
  }
  if (value.is_object()) return check_object(schema, value, path);
  if (value.is_array()) return check_array(schema, value, path);
  return check_scalar(schema, value, path);
}

}  // namespace

base::Result<void> validate(const Value& schema, const Value& value) {
  return check(schema, value, "");
}

Value text_param(const char* description, std::int64_t max, std::int64_t min) {
  return {{"type", "string"}, {"description", description}, {"minLength", min}, {"maxLength", max}};
}

Value int_param(const char* description, std::int64_t min, std::int64_t max) {
  return {{"type", "integer"}, {"description", description}, {"minimum", min}, {"maximum", max}};
}

Value object_schema(Value properties, Value required) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

}  // namespace orchestration
