// Shops run the real program, as everybody in a World does.
#include "tests/e2e/support/shop.h"

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/key_file.h"
#include "nostr/nips/nip19.h"
#include "tests/e2e/support/must.h"

namespace e2e {

namespace fs = std::filesystem;
using base::json::Value;

void set_list(const fs::path& file, const std::string& name, const std::vector<std::string>& entries) {
  std::string text = must(node::read_file(file));
  const std::string empty = "\n" + name + " = []";
  const auto at = text.find(empty);
  if (at == std::string::npos) throw std::runtime_error(file.string() + " has no empty " + name);
  text.replace(at, empty.size(), fmt::format("\n{} = [\"{}\"]", name, fmt::join(entries, "\", \"")));
  must(node::write_file(file, text));
}

void set_list(const fs::path& file, const std::string& name, const std::string& entry) {
  set_list(file, name, std::vector{entry});
}

std::vector<Value> json_lines(const std::string& text) {
  std::vector<Value> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out.push_back(must(base::json::parse(line)));
  return out;
}

Shop::Shop(World& world, std::string name)
    : world_(world), name_(std::move(name)), home_(world.root() / name_) {}

fs::path Shop::folder(const std::string& skill) const {
  return world_.root() / (name_ + "-goods") / skill;
}

std::string Shop::address(const std::string& skill) const {
  return "33400:" + key_.hex() + ":" + skill;
}

void Shop::write(const std::string& skill, const std::string& text) {
  fs::create_directories(folder(skill));
  std::ofstream(folder(skill) / "SKILL.md")
      << "---\nname: " << skill << "\ndescription: Does " << skill << "\n---\n" << text << "\n";
}

std::vector<std::string> Shop::here(std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(), {"--home", home_.string()});
  const bool needs_relay = arguments[0] == "license" ? arguments[1] != "list" : arguments[0] == "skill" && arguments[1] != "orders";
  if (needs_relay) arguments.insert(arguments.end(), {"--relay", world_.relay_urls()[0]});
  return arguments;
}

Exit Shop::run(std::vector<std::string> arguments) {
  arguments = here(std::move(arguments));
  arguments.insert(arguments.begin(), "--json");
  return world_.command(std::move(arguments));
}

Value Shop::ask(std::vector<std::string> arguments) {
  return world_.ask(here(std::move(arguments)));
}

std::string Shop::publish(const std::string& skill, const std::string& version) {
  const Value made =
      ask({"skill", "publish", folder(skill).string(), "--as", version, "--capability", "nostr:read"});
  key_ = must(nostr::Address::parse(made.at("skill").get<std::string>())).pubkey;
  return made.at("manifest").get<std::string>();
}

Value Shop::offer(const std::string& skill, std::int64_t sats, std::vector<std::string> terms) {
  std::vector<std::string> arguments{"skill", "offer", folder(skill).string(), "--price", std::to_string(sats)};
  arguments.insert(arguments.end(), terms.begin(), terms.end());
  return ask(std::move(arguments));
}

void Shop::connect_wallet(const std::string& uri) {
  const Exit ended = world_.command({"wallet", "connect", "--home", home_.string()}, uri + "\n");
  if (ended.code != 0) throw std::runtime_error("the wallet was not connected");
}

void Shop::open(Environment environment, std::vector<std::string> more) {
  std::vector<std::string> arguments{"skill", "sell"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  program_ = std::make_unique<Program>(
      here(std::move(arguments)),
      ProgramOptions{.environment = std::move(environment), .log = world_.root() / (name_ + ".log")});
  if (!program_->read_line("selling ")) throw std::runtime_error(name_ + " did not open");
}

void Shop::close() {
  if (program_) program_->terminate();
  program_.reset();
}

std::vector<Value> Shop::orders() {
  return json_lines(run({"skill", "orders"}).out);
}

}  // namespace e2e
