// skill: publish, look at, and open skills.
#include "node/cli/skill_commands.h"

#include <fmt/format.h>

#include "node/cli/flags.h"
#include "node/cli/seller.h"
#include "node/control.h"
#include "node/skill_search.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::string_or;
using base::json::Value;

constexpr std::chrono::seconds kLoadPatience{120};

// ---- printing ----------------------------------------------------------------------------------

void print_skill(const Value& skill) {
  print_foreign(fmt::format("{:<9}  {} {}  {}", string_or(skill, "trust"), string_or(skill, "name"),
                            string_or(skill, "version"), string_or(skill, "skill")));
  print_foreign(fmt::format("  {}", string_or(skill, "description")));
  std::string why = string_or(skill, "why");
  if (const std::string code = string_or(skill, "code"); !code.empty()) why = code + ": " + why;
  print_foreign(fmt::format("  because {} (row {})", why, base::json::int_or(skill, "row")));
  for (const Value& warning : skill.at("warnings"))
    print_foreign("  warning: " + warning.get<std::string>());
}

int print_answer(const Context& context, const Result<Value>& answer,
                 const std::function<void(const Value&)>& print) {
  if (!answer) return report_usage(context, answer.error());
  if (context.json) print_json(*answer);
  else print(*answer);
  return kOk;
}

int print_all(const Context& context, const Result<Value>& answer,
              const std::function<void(const Value&)>& print) {
  if (!answer) return report_usage(context, answer.error());
  for (const Value& entry : *answer) {
    if (context.json) print_json(entry);
    else print(entry);
  }
  if (answer->empty()) progress(context, "there is none");
  return kOk;
}

// ---- publish, revoke ---------------------------------------------------------------------------

struct PublishArguments {
  SellerFlags seller;
  PublishSkill wish;
  std::string change = "changed";
};

int publish(const Context& context, PublishArguments arguments) {
  const auto change = nipsa::parse_change_type(arguments.change);
  if (!change) return report_usage(context, change.error());
  arguments.wish.change = *change;
  const auto done = with_seller(context, arguments.seller, [&](Runtime&, SkillSeller& seller) {
    return seller.publish(arguments.wish);
  });
  return print_answer(context, done, [](const Value& v) {
    print_foreign(fmt::format("published  {} {}", string_or(v, "skill"), string_or(v, "version")));
    print_line("manifest   " + string_or(v, "manifest"));
  });
}

int withdraw(const Context& context, const SellerFlags& flags, const std::string& slug,
             const std::string& reason) {
  const auto done = with_seller(context, flags, [&](Runtime&, SkillSeller& seller) {
    return seller.withdraw(slug, reason);
  });
  return print_answer(context, done, [](const Value& v) {
    print_foreign(fmt::format("withdrawn  {}  {} versions", string_or(v, "skill"),
                              base::json::int_or(v, "versions")));
  });
}

// ---- list, show --------------------------------------------------------------------------------

struct LookArguments {
  std::vector<std::string> relays;
  std::string author, topic, skill;
  std::uint32_t limit = 50;
};

base::Task<Result<Value>> stop_after(Runtime& runtime, base::Task<Result<Value>> task) {
  auto answer = co_await std::move(task);
  co_await runtime.pool.stop();
  co_return answer;
}

Result<Value> look(const Context& context, const LookArguments& arguments) {
  TRY(const Config config, load_config(context.home()));
  TRY(auto relays, market_relays(config, arguments.relays));
  TRY(const SkillRules rules, skill_rules(config));
  Runtime runtime;
  if (!arguments.skill.empty()) {
    TRY(const nostr::Address skill, nostr::parse_address(arguments.skill));
    return runtime.loop.run_until_complete(stop_after(
        runtime, show_skill(runtime.pool, std::move(relays), rules.trust, skill, runtime.clock.now())));
  }
  orchestration::SkillSearch what{.topic = arguments.topic, .limit = arguments.limit};
  if (!arguments.author.empty()) {
    TRY(what.author, nostr::parse_public_key(arguments.author));
  }
  return runtime.loop.run_until_complete(
      stop_after(runtime, search_skills(runtime.pool, std::move(relays), rules.trust, std::move(what),
                                        runtime.clock.now())));
}

// ---- held, load --------------------------------------------------------------------------------

Result<Value> ask_node(const Context& context, const Value& params) {
  return control_call(context.home().control_socket(), "skill", params, kLoadPatience);
}

void print_held(const Value& skill) {
  print_foreign(fmt::format("{:<8}  {} {}  {}", string_or(skill, "status"), string_or(skill, "name"),
                            string_or(skill, "version"), string_or(skill, "licence")));
}

int load(const Context& context, const std::string& name, bool untrusted) {
  const auto answer =
      ask_node(context, {{"verb", "load"}, {"name", name}, {"untrusted", untrusted}});
  if (!answer) return report_node(context, answer.error());
  return print_answer(context, answer, [](const Value& v) {
    print_skill(v);
    print_foreign(fmt::format("  opens: {} files, granted {}", base::json::int_or(v, "files"),
                              nipsa::capabilities_text(v.at("granted").get<nipsa::Capabilities>())));
  });
}

// ---- registration ------------------------------------------------------------------------------

void add_publish(CLI::App& skill, Context& context, Action* chosen) {
  auto arguments = std::make_shared<PublishArguments>();
  auto* command = skill.add_subcommand(
      "publish", "Publish a folder with a SKILL.md as a new version (33400 and 33401)");
  command->add_option("folder", arguments->wish.folder, "The skill's folder")->required();
  command->add_option("--as", arguments->wish.version,
                      "Its version, e.g. 1.2.0; default metadata.version of SKILL.md");
  command->add_option("--capability", arguments->wish.capabilities,
                      "What it needs, e.g. http:outbound (repeat); default none")
      ->allow_extra_args(false);
  command->add_option("--topic", arguments->wish.topics, "A keyword (repeat)")->allow_extra_args(false);
  command->add_option("--change", arguments->change, "added, changed, fixed, deprecated or security");
  command->add_option("-m,--note", arguments->wish.note, "What is new");
  add_duration(*command, "--lasts", arguments->wish.lasts, "How long the manifest is good for");
  add_seller_flags(*command, arguments->seller);
  command->footer(
      "Examples:\n  sovereign skill publish release-digest --as 1.0.0 --capability http:outbound "
      "--relay ws://127.0.0.1:7777 --home shop");
  command->callback([=, &context] { *chosen = [=, &context] { return publish(context, *arguments); }; });
}

void add_revoke(CLI::App& skill, Context& context, Action* chosen) {
  struct Arguments {
    SellerFlags seller;
    std::string slug, reason;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = skill.add_subcommand("revoke", "Withdraw every version of a skill of yours");
  command->add_option("skill", arguments->slug, "Its name")->required();
  command->add_option("-m,--reason", arguments->reason, "Why, in a word or two");
  add_seller_flags(*command, arguments->seller);
  command->footer(
      "Examples:\n  sovereign skill revoke release-digest -m critical-vuln --relay "
      "ws://127.0.0.1:7777 --home shop");
  command->callback([=, &context] {
    *chosen = [=, &context] {
      return withdraw(context, arguments->seller, arguments->slug, arguments->reason);
    };
  });
}

void add_looking(CLI::App& skill, Context& context, Action* chosen) {
  auto all = std::make_shared<LookArguments>();
  auto* list = skill.add_subcommand("list", "Skills on the relays, each with the decision about it");
  list->add_option("--relay", all->relays, "Relays to ask (repeat); default node.relays")
      ->allow_extra_args(false);
  list->add_option("--author", all->author, "Only by this publisher");
  list->add_option("--topic", all->topic, "Only with this keyword");
  list->add_option("--limit", all->limit, "At most so many")->check(CLI::Range(1, 200));
  list->footer("Examples:\n  sovereign skill list --relay ws://127.0.0.1:7777 --json");
  list->callback([=, &context] {
    *chosen = [=, &context] { return print_all(context, look(context, *all), print_skill); };
  });

  auto one = std::make_shared<LookArguments>();
  auto* show = skill.add_subcommand("show", "One skill: its versions, and whether it may be loaded");
  show->add_option("skill", one->skill, "33400:KEY:NAME or naddr")->required();
  show->add_option("--relay", one->relays, "Relays to ask (repeat); default node.relays")
      ->allow_extra_args(false);
  show->footer("Examples:\n  sovereign skill show "
      "33400:3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaeefa459d:release-digest "
      "--relay ws://127.0.0.1:7777");
  show->callback([=, &context] {
    *chosen = [=, &context] {
      return print_answer(context, look(context, *one), [](const Value& v) {
        print_skill(v);
        for (const Value& version : v.at("versions"))
          print_foreign(fmt::format("  {:<10}  {:<10}  {}", string_or(version, "version"),
                                    string_or(version, "change"), string_or(version, "note")));
      });
    };
  });
}

void add_holding(CLI::App& skill, Context& context, Action* chosen) {
  auto* held = skill.add_subcommand("held", "Skills this agent has a licence for");
  held->footer("Examples:\n  sovereign skill held --home agent");
  held->callback([=, &context] {
    *chosen = [&context] {
      const auto rows = ask_node(context, {{"verb", "held"}});
      if (!rows) return report_node(context, rows.error());
      return print_all(context, rows, print_held);
    };
  });

  auto name = std::make_shared<std::string>();
  auto untrusted = std::make_shared<bool>(false);
  auto* load_command = skill.add_subcommand(
      "load", "Open a held skill with the co-signers, in the running node's memory");
  load_command->add_option("skill", *name, "Its name, or the address of its licence")->required();
  load_command->add_flag("--untrusted", *untrusted, "Even when nobody you trust vouches for it");
  load_command->footer(
      "Exit codes: 0 it opened, 3 no node runs, 4 refused: by trust, licence or a co-signer\n"
      "Examples:\n  sovereign skill load release-digest --home agent --json");
  load_command->callback(
      [=, &context] { *chosen = [=, &context] { return load(context, *name, *untrusted); }; });
}

}  // namespace

void add_skill_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* skill = app.add_subcommand("skill", "Skills for agents: publish, sell, look at, buy, open");
  skill->require_subcommand(1);
  skill->footer(
      "Examples:\n  sovereign skill list --relay ws://127.0.0.1:7777\n"
      "  sovereign skill load release-digest --home agent");
  add_publish(*skill, context, chosen);
  add_revoke(*skill, context, chosen);
  add_looking(*skill, context, chosen);
  add_trade_commands(*skill, context, chosen);
  add_holding(*skill, context, chosen);
}

}  // namespace node::cli
