// Loads the public FROST vectors: the selection kept with the tests, and the whole files if present.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "frostr/frost/sign.h"
#include "nostr/base/json.h"

namespace frostr::vectors {

using base::json::Value;

inline std::optional<Value> load(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto value = base::json::parse(text, {.max_bytes = 8'000'000, .max_depth = 32});
  EXPECT_TRUE(value.has_value()) << path;
  if (!value) return std::nullopt;
  return *std::move(value);
}

inline std::vector<Value> load_both(const std::string& kept, const std::string& whole) {
  std::vector<Value> out;
  auto selection = load(std::string(SOVEREIGN_TEST_DATA) + "/frostr/" + kept);
  EXPECT_TRUE(selection.has_value()) << kept;
  if (selection) out.push_back(*std::move(selection));
  if (auto all = load(std::string(SOVEREIGN_VECTORS) + "/" + whole)) out.push_back(*std::move(all));
  return out;
}

/// The published file `name` of `set`: as it lies beside the project, else from the values kept here.
inline Value published(const std::string& set, const std::string& name) {
  if (auto whole = load(std::string(SOVEREIGN_VECTORS) + "/" + name)) return *std::move(whole);
  const auto kept = load(std::string(SOVEREIGN_TEST_DATA) + "/frostr/" + set + ".json");
  if (!kept || !kept->contains(name)) {
    ADD_FAILURE() << "no values of " << name;
    std::abort();
  }
  return kept->at(name);
}

/// Values generated with @frostr/bifrost 2.0.2.
inline std::vector<Value> bifrost() { return load_both("bifrost.json", "bifrost-2.0.2.json"); }

inline std::string text(const Value& object, const char* key) {
  return object.at(key).get<std::string>();
}

inline ShareIndex index(const Value& object) { return {object.at("idx").get<std::uint32_t>()}; }

/// Unwraps a value that a vector promises to be valid.
template <class T>
T must(Result<T> value) {
  EXPECT_TRUE(value.has_value()) << (value ? "" : value.error().detail);
  if (!value) std::abort();
  return *std::move(value);
}

inline Point point(const Value& object, const char* key) {
  return must(Point::from_hex(text(object, key)));
}

inline GroupPackage group(const Value& vector) {
  const Value& object = vector.at("group");
  std::vector<GroupMember> members;
  for (const Value& member : object.at("members"))
    members.push_back({index(member), point(member, "pubkey")});
  return must(GroupPackage::create(point(object, "group_pk"),
                                   object.at("threshold").get<std::uint32_t>(), std::move(members)));
}

inline SecretShare share(const Value& vector, ShareIndex idx) {
  for (const Value& item : vector.at("shares"))
    if (index(item) == idx)
      return {idx, must(SecretScalar::from_hex(text(item, "seckey")))};
  ADD_FAILURE() << "no share " << idx.value;
  std::abort();
}

inline std::vector<ShareIndex> indices(const Value& list) {
  std::vector<ShareIndex> out;
  for (const Value& item : list) out.push_back({item.get<std::uint32_t>()});
  return out;
}

}  // namespace frostr::vectors
