// ErrandWorld: a home with a folder to work in, whose agent thinks at a scripted endpoint.
#pragma once

#include <fmt/format.h>

#include "node/home.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/world.h"
#include "tools/model_server/server.h"

namespace e2e {

inline base::json::Value calls(std::string name, base::json::Value arguments) {
  return {{"calls", base::json::Value::array({{{"name", std::move(name)}, {"arguments", std::move(arguments)}}})},
          {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 20}}}};
}
inline base::json::Value says(std::string text) {
  return {{"text", std::move(text)}, {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 5}}}};
}

/// The co-signers run; the node does not.
struct ErrandWorld {
  explicit ErrandWorld(base::json::Value script)
      : server(must(model_server::ModelServer::listen(0, std::move(script)))),
        world({.playbook = "",
               .config = fmt::format("\n[backends.scripted]\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"test-model\"\n"
                                     "\n[routes]\n\"*\" = [\"scripted\"]\n",
                                     server->base_url())}) {
    set("workspace = \"\"", fmt::format("workspace = \"{}\"", work().string()));
    std::filesystem::create_directories(work());
    must(node::write_file(work() / "notes.txt", "the door is green\n"));
    world.start_cosigner(World::kFirstCosigner);
    world.start_cosigner(World::kSecondCosigner);
  }
  std::filesystem::path work() const { return world.root() / "work"; }
  std::string home() const { return world.node_home().string(); }
  /// Changes one line of config.toml.
  void set(const std::string& from, const std::string& to) {
    const auto config = world.node_home() / "config.toml";
    std::string text = must(node::read_file(config));
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    must(node::write_file(config, text));
  }
  /// `sovereign run --once …` for its home.
  Exit run(std::vector<std::string> arguments, std::string input = "") {
    std::vector<std::string> all{"run", "--once", "--home", home()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return world.command(std::move(all), std::move(input));
  }
  /// `sovereign task …` for its home.
  Exit task(std::vector<std::string> arguments, std::string input = "") {
    arguments.insert(arguments.begin(), "task");
    arguments.insert(arguments.end(), {"--home", home()});
    return world.command(std::move(arguments), std::move(input));
  }

  std::unique_ptr<model_server::ModelServer> server;
  World world;
};

/// Lines of JSON.
inline std::vector<base::json::Value> lines_of(const std::string& text) {
  std::vector<base::json::Value> out;
  std::size_t from = 0;
  for (std::size_t at = text.find('\n'); at != text.npos; from = at + 1, at = text.find('\n', from))
    out.push_back(must(base::json::parse(text.substr(from, at - from), {.max_bytes = 1u << 16})));
  return out;
}

}  // namespace e2e
