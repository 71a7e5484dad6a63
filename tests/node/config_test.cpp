// The configuration: every error names its place, every value its origin, and what is written reads
// back.
#include "node/config.h"

#include <gtest/gtest.h>

#include "nostr/base/files.h"

namespace node {
namespace {

using Environment = std::map<std::string, std::string>;

base::Result<Config> parse(std::string_view toml, const Environment& environment = {}) {
  return parse_config(toml, "/etc/agent", environment);
}

Config must_parse(std::string_view toml, const Environment& environment = {}) {
  auto config = parse(toml, environment);
  EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().detail);
  return config ? *config : Config{};
}

TEST(Config, EmptyFileIsTheDefaults) {
  const Config config = must_parse("");
  EXPECT_EQ(config.agent.level, "bounded");
  EXPECT_EQ(config.agent.approval_ttl, std::chrono::seconds(900));
  ASSERT_EQ(config.backends.size(), 1u);
  EXPECT_EQ(config.backends[0].kind, "playbook");
  EXPECT_EQ(config.origins.at("agent.level"), "default");
}

TEST(Config, ValuesAndTheirOrigins) {
  const Config config = must_parse(
      "[identity]\ngroup = \"group.txt\"\n[node]\nrelays = [\"ws://a\", "
      "\"ws://b\"]\n[agent]\nmax_steps = 4\n");
  EXPECT_EQ(config.identity.group, "/etc/agent/group.txt");
  EXPECT_EQ(config.node.relays, (std::vector<std::string>{"ws://a", "ws://b"}));
  EXPECT_EQ(config.agent.max_steps, 4u);
  EXPECT_EQ(config.origins.at("identity.group"), "config.toml:2");
  EXPECT_EQ(config.origins.at("agent.max_steps"), "config.toml:6");
}

TEST(Config, EnvironmentOverridesTheFile) {
  const Config config = must_parse("[agent]\nname = \"file\"\nmax_steps = 4\n",
                                   {{"SOVEREIGN_AGENT_NAME", "environment"},
                                    {"SOVEREIGN_AGENT_MAX_STEPS", "7"},
                                    {"SOVEREIGN_NODE_RELAYS", "ws://a, ws://b"},
                                    {"SOVEREIGN_PEERS_JUDGES", "2 3"},
                                    {"SOVEREIGN_HOME", "/somewhere"}});
  EXPECT_EQ(config.agent.name, "environment");
  EXPECT_EQ(config.agent.max_steps, 7u);
  EXPECT_EQ(config.node.relays, (std::vector<std::string>{"ws://a", "ws://b"}));
  EXPECT_EQ(config.peers.judges, (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(config.origins.at("agent.name"), "environment SOVEREIGN_AGENT_NAME");
}

struct Bad {
  const char* name;
  const char* toml;
  const char* detail;
  const char* hint = "";
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

class ConfigErrors : public testing::TestWithParam<Bad> {};

TEST_P(ConfigErrors, NamePlaceAndRemedy) {
  const auto config = parse(GetParam().toml);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, base::Errc::kInvalid);
  EXPECT_NE(config.error().detail.find(GetParam().detail), std::string::npos)
      << config.error().detail;
  EXPECT_NE(config.error().hint.find(GetParam().hint), std::string::npos) << config.error().hint;
}

INSTANTIATE_TEST_SUITE_P(
    Files, ConfigErrors,
    testing::Values(
        Bad{"unknown_key", "[node]\n\nrelay = [\"ws://a\"]\n",
            "config.toml:3: node.relay: unknown key", "node.relays"},
        Bad{"unknown_section", "[agnet]\nname = \"x\"\n", "config.toml:2: agnet.name",
            "agent.name"},
        Bad{"outside_a_section", "name = \"x\"\n",
            "config.toml:1: \"name\" stands outside a section"},
        Bad{"syntax", "[agent]\nname = \n", "config.toml:2"},
        Bad{"not_a_number", "[agent]\nmax_steps = \"many\"\n",
            "config.toml:2: agent.max_steps: expected a whole number"},
        Bad{"fraction", "[agent]\nmax_steps = 1.5\n", "config.toml:2: agent.max_steps"},
        Bad{"too_small", "[agent]\napproval_ttl = 9\n", "9 is outside 10..86400"},
        Bad{"too_large", "[agent]\nmax_steps = 201\n", "201 is outside 1..200"},
        Bad{"negative", "[budget]\nper_day_msat = -1\n", "budget.per_day_msat: -1 is outside"},
        Bad{"number_for_text", "[agent]\nname = 5\n",
            "config.toml:2: agent.name: expected a string"},
        Bad{"bool_for_text", "[agent]\nname = true\n",
            "config.toml:2: agent.name: expected a string"},
        Bad{"list_for_text", "[agent]\nname = [\"a\"]\n",
            "agent.name: expected one value, not a list"},
        Bad{"numbers_for_relays", "[node]\nrelays = [1, 2]\n", "node.relays: expected a string"},
        Bad{"mixed_list", "[node]\nrelays = [\"a\", 2]\n",
            "config.toml:2: node.relays: a list holds values of one type"},
        Bad{"nested_list", "[node]\nrelays = [[\"a\"]]\n", "config.toml:2: node.relays"},
        Bad{"level", "[agent]\nlevel = \"reckless\"\n",
            "not one of supervised, bounded, autonomous"},
        Bad{"trigger", "[agent]\ntriggers = [\"telepathy\"]\n",
            "\"telepathy\" is not one of mention, dm"},
        Bad{"judge", "[peers]\njudges = [0]\n", "0 is outside 1..65535"},
        Bad{"backend_key", "[backends.x]\nbase_ulr = \"http://a\"\n",
            "config.toml:2: backends.x.base_ulr: unknown key", "base_url"},
        Bad{"backend_kind", "[backends.x]\nkind = \"magic\"\n", "not one of openai, responses, ollama"},
        Bad{"backend_without_url", "[backends.x]\nkind = \"openai\"\n",
            "backends.x: kind openai needs base_url", "base_url"},
        Bad{"backend_quirk", "[backends.x]\nquirks = [\"odd\"]\n", "backends.x.quirks: \"odd\" is not one of"},
        Bad{"codex_priced", "[backends.x]\nkind = \"codex\"\nbase_url = \"http://127.0.0.1/v1\"\nrate_out_msat_per_1k = 1\n",
            "codex takes neither rates nor a key"},
        Bad{"nip90_nobody", "[backends.x]\nkind = \"nip90\"\n", "backends.x: kind nip90 needs provider", "npub1"},
        Bad{"nip90_elsewhere", "[backends.x]\nkind = \"playbook\"\nmax_price_msat = 5\n",
            "provider, relays and max_price_msat are for kind nip90"},
        Bad{"backend_enabled", "[backends.x]\nenabled = \"yes\"\n", "expected true or false"},
        Bad{"route_number", "[routes]\nmain = 7\n", "routes.main is a list of backends"},
        Bad{"route_empty", "[routes]\nmain = []\n", "routes.main is a list of backends"},
        Bad{"backend_no_section", "[backends]\nx = 1\n", "write [backends.x] as a section"},
        Bad{"backend_missing",
            "[agent]\nmodel = \"locla\"\n[backends.local]\nkind = \"playbook\"\n",
            "agent.model names the backend \"locla\"", "local"}),
    [](const auto& info) { return info.param.name; });

TEST(Config, WrongEnvironmentIsNamed) {
  const auto config = parse("", {{"SOVEREIGN_AGENT_MAX_STEPS", "0"}});
  ASSERT_FALSE(config.has_value());
  EXPECT_TRUE(
      config.error().detail.starts_with("environment SOVEREIGN_AGENT_MAX_STEPS: agent.max_steps"));
}

/// A configuration in which nothing is as by default.
Config unusual() {
  Config config;
  config.identity = {.group = "/g", .share = "/s", .passphrase_file = "/p"};
  config.node = {.key_file = "/k",
                 .relays = {"ws://a", "ws://b"},
                 .inbox_relays = {"ws://c"},
                 .operators = {"npub1x"},
                 .outbox_keep = std::chrono::seconds(90'000)};
  config.agent.name = "Scout \"the\\first\"\n\u00e9";
  config.agent.about = "";
  config.agent.level = "supervised";
  config.agent.model = "my.model";
  config.agent.triggers = {"dm"};
  config.agent.heartbeat = std::chrono::seconds(60);
  config.agent.approval_ttl = std::chrono::seconds(61);
  config.agent.max_steps = 3;
  config.budget = {.per_tick = base::Msat{5}, .per_day = base::Msat{6}};
  config.tools.read_root = "/r";
  config.peers.judges = {2, 3};
  config.backends = {{.id = "my.model",
                      .kind = "openai",
                      .base_url = "http://127.0.0.1:1/v1",
                      .model = "m",
                      .api_key_env = "KEY",
                      .api_key_file = "/f",
                      .playbook = "/b",
                      .rate_in_msat_per_1k = 7,
                      .rate_cached_in_msat_per_1k = 0,
                      .rate_out_msat_per_1k = 8,
                      .context_tokens = 9'000,
                      .supports = {"images"},
                      .quirks = {"harmony", "no-stream"},
                      .account = "acme",
                      .max_concurrency = 2,
                      .rpm = 30,
                      .tpm = 90'000,
                      .enabled = false,
                      .timeout = std::chrono::seconds(9),
                      .first_token_timeout = std::chrono::seconds(8),
                      .idle_timeout = std::chrono::seconds(7)},
                     {.id = "second"}};
  config.routes = {{"research*", {"my.model", "gpt-*"}}};
  return config;
}

TEST(Config, WhatIsWrittenReadsBackWhole) {
  const Config written = unusual();
  const Config read = must_parse(render_config(written));
  EXPECT_EQ(describe(read), describe(written));
  EXPECT_EQ(render_config(read), render_config(written));
  EXPECT_EQ(describe(must_parse(render_config(must_parse("")))), describe(must_parse("")));
}

TEST(Config, DescriptionCoversEveryKeyAndNoSecret) {
  const auto lines = describe(unusual());
  const auto has = [&](std::string_view key) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.first == key; });
  };
  for (const auto& [key, origin] : unusual().origins) EXPECT_TRUE(has(key)) << key;
  EXPECT_TRUE(has("backends.my.model.rate_in_msat_per_1k"));
  EXPECT_TRUE(has("backends.my.model.timeout"));
  EXPECT_TRUE(has("backends.my.model.quirks"));
  EXPECT_TRUE(has("routes.research*"));
}

/// The first block of TOML in a README beside the sources.
std::string toml_in(const std::string& readme) {
  const std::string text = base::read_file(std::filesystem::path(SOVEREIGN_TEST_DATA) / "../.." / readme).value();
  const std::size_t from = text.find("```toml\n") + 8;
  return text.substr(from, text.find("```", from) - from);
}

TEST(ConfigExamples, HooksAndToolsAreNamedAsPrinted) {
  const std::string text = toml_in("orchestration/hooks/README.md") + toml_in("orchestration/tools/README.md");
  const auto config = parse_config(text, "/home/agent", {});
  ASSERT_TRUE(config.has_value()) << config.error().detail;
  ASSERT_EQ(config->hooks.size(), 1U);
  EXPECT_EQ(config->hooks[0].tools, (std::vector<std::string>{"post", "reply"}));
  EXPECT_EQ(config->hooks[0].timeout, std::chrono::seconds(5));
  ASSERT_EQ(config->mcp.size(), 1U);
  EXPECT_EQ(config->mcp[0].name, "days");
}

TEST(Config, JobsForSaleHaveAKindEachAndAnAgentThatIsThere) {
  const auto read = [](const std::string& text) { return parse_config(text, "/home/agent", {}); };
  const auto config = read("[jobs.echo]\nagent = \"oracle\"\nprice_msat = 21000\n[jobs.other]\nkind = 5100\n");
  ASSERT_TRUE(config.has_value()) << config.error().detail;
  ASSERT_EQ(config->jobs.size(), 2U);
  EXPECT_EQ(config->jobs[0].kind, 5050U);
  EXPECT_EQ(config->jobs[0].price, base::Msat{21'000});
  const auto shown = describe(*config);
  EXPECT_NE(std::ranges::find(shown, std::pair<std::string, std::string>("jobs.other.kind", "5100")), shown.end());
  const std::string agents = "[backends.default]\nkind = \"codex\"\nprogram = \"/bin/true\"\nmodel = \"m\"\n"
                             "base_url = \"http://127.0.0.1:1/v1\"\n[jobs.echo]\n";
  for (const std::string& bad :
       {std::string("[jobs.echo]\n[jobs.two]\n"), std::string("[jobs.echo]\nkind = 6050\n"),
        std::string("[jobs.echo]\nagent = \"nobody\"\n"), std::string("[jobs.echo]\nprice_msat = -1\n"), agents})
    EXPECT_FALSE(read(bad).has_value()) << bad;
  for (const std::string& good : {std::string("[jobs.echo]\n[jobs.two]\nenabled = false\n"), agents + "enabled = false\n"})
    EXPECT_TRUE(read(good).has_value()) << good;
}

TEST(ConfigExamples, SpansOfTimeTakeAUnitOrAreSeconds) {
  const auto ttl = [](const char* value) { return parse_config(std::string("[agent]\napproval_ttl = ") + value, "/home/agent", {}); };
  EXPECT_EQ(ttl("90")->agent.approval_ttl, std::chrono::seconds(90));
  EXPECT_EQ(ttl("\"15m\"")->agent.approval_ttl, std::chrono::minutes(15));
  EXPECT_EQ(ttl("\"2h\"")->agent.approval_ttl, std::chrono::hours(2));
  for (const char* bad : {"\"2 parsecs\"", "\"3d\"", "5", "\"\"", "true"}) EXPECT_FALSE(ttl(bad).has_value()) << bad;
}

}  // namespace
}  // namespace node
