// Shop: a seller of skills with a home, a wallet and goods, beside a World.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/crypto/keys.h"
#include "tests/e2e/support/world.h"

namespace e2e {

/// Writes `entry` into the empty list called `name` of a TOML file; throws when there is none.
void set_list(const std::filesystem::path& file, const std::string& name, const std::string& entry);
/// The same for several.
void set_list(const std::filesystem::path& file, const std::string& name,
              const std::vector<std::string>& entries);

class Shop {
 public:
  /// Its home lies in the world's folder. `world` outlives it.
  Shop(World& world, std::string name);

  const std::filesystem::path& home() const { return home_; }
  /// Who publishes, sells and issues; known after the first publish().
  nostr::PublicKey key() const { return key_; }
  std::string address(const std::string& skill) const;

  /// Writes SKILL.md of `skill` with `text` behind its front matter.
  void write(const std::string& skill, const std::string& text);
  /// The manifest's id.
  std::string publish(const std::string& skill, const std::string& version);
  base::json::Value offer(const std::string& skill, std::int64_t sats, std::vector<std::string> terms = {});
  void connect_wallet(const std::string& uri);
  /// Opens it: orders are taken from here on.
  void open(Environment environment = {}, std::vector<std::string> more = {});
  Program& program() { return *program_; }
  bool is_open() const { return program_ != nullptr; }
  void close();

  /// Runs `sovereign … --home HOME --relay URL`.
  Exit run(std::vector<std::string> arguments);
  base::json::Value ask(std::vector<std::string> arguments);
  /// Lines of `skill orders`.
  std::vector<base::json::Value> orders();

 private:
  std::vector<std::string> here(std::vector<std::string> arguments) const;
  std::filesystem::path folder(const std::string& skill) const;

  World& world_;
  std::string name_;
  std::filesystem::path home_;
  nostr::PublicKey key_;
  std::unique_ptr<Program> program_;
};

/// One JSON value for each line of `text`.
std::vector<base::json::Value> json_lines(const std::string& text);

}  // namespace e2e
