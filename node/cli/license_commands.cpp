// license: who may use a skill of ours, and what a licence is worth.
#include <fmt/format.h>

#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/seller.h"
#include "node/cli/skill_commands.h"
#include "node/skill_evidence.h"
#include "nostr/event/event_json.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::string_or;
using base::json::Value;

struct IssueArguments {
  SellerFlags seller;
  std::string folder, agent, receiver;
  std::string type = "perpetual";
  std::uint64_t uses = 0;
  std::uint64_t per_day = 0;
  std::chrono::seconds lasts{0};
};

void print_licence(const Value& v) {
  print_foreign(fmt::format("{:<8}  {}  {} {}  for {}", string_or(v, "status"), string_or(v, "licence"),
                            string_or(v, "skill"), string_or(v, "version"), string_or(v, "agent")));
}

int print_answer(const Context& context, const Result<Value>& answer) {
  if (!answer) return report_usage(context, answer.error());
  if (context.json) print_json(*answer);
  else print_licence(*answer);
  return kOk;
}

Result<nipsa::LicenceTerms> terms_of(const IssueArguments& arguments) {
  nipsa::LicenceTerms out;
  TRY(out.type, nipsa::parse_licence_type(arguments.type));
  if (arguments.uses > 0) out.max_uses = arguments.uses;
  if (arguments.per_day > 0) out.max_per_day = arguments.per_day;
  if (arguments.lasts.count() > 0) out.lasts = arguments.lasts;
  TRY(nipsa::check_terms(out));
  return out;
}

base::Task<Result<Value>> issue_with(Runtime& runtime, SkillSeller& seller, const Context& context,
                                     IssueArguments arguments, nipsa::LicenceTerms terms) {
  IssueLicence wish{.folder = arguments.folder,
                    .receiver = {},
                    .grant = {.agent = {}, .terms = terms, .id = "", .payment_hash = {}, .price = {}}};
  CO_TRY(wish.grant.agent, co_await find_person(runtime, context, arguments.agent));
  CO_TRY(wish.receiver, co_await find_person(runtime, context, arguments.receiver));
  co_return co_await seller.issue(std::move(wish));
}

int issue(const Context& context, const IssueArguments& arguments) {
  const auto terms = terms_of(arguments);
  if (!terms) return report_usage(context, terms.error());
  return print_answer(context,
                      with_seller(context, arguments.seller, [&](Runtime& runtime, SkillSeller& seller) {
                        return issue_with(runtime, seller, context, arguments, *terms);
                      }));
}

int list(const Context& context, const SellerFlags& flags, std::int64_t limit) {
  const auto rows = ask_seller(
      context, flags, {{"verb", "list"}, {"limit", limit}}, [limit](Runtime&, SkillSeller& seller) -> base::Task<Result<Value>> {
        co_return seller.list(limit);
      });
  if (!rows) return report_usage(context, rows.error());
  for (const Value& row : *rows) {
    if (context.json) print_json(row);
    else print_licence(row);
  }
  if (rows->empty()) progress(context, "no licence was issued here");
  return kOk;
}

// ---- verify ------------------------------------------------------------------------------------

struct VerifyArguments {
  std::string file = "-";
  std::string issuer, agent;
};

Result<Value> verify(const Context& context, const VerifyArguments& arguments) {
  TRY(const std::string text, read_input(arguments.file, nipsa::kMaxEventBytes));
  TRY(const nostr::Event event, nostr::parse_event(text));
  Runtime runtime;
  const base::UnixTime now = runtime.clock.now();
  TRY(nipsa::check_event(event, nipsa::kinds::kSkillLicence, now));
  TRY(const nipsa::Licence licence, nipsa::parse_licence(event));
  TRY(const Config config, load_config(context.home()));
  TRY(SkillRules rules, skill_rules(config));
  nostr::PublicKey agent = licence.agent;
  const auto find = [&](const std::string& who) {
    return runtime.loop.run_until_complete(find_person(runtime, context, who));
  };
  if (!arguments.issuer.empty()) {
    TRY(const nostr::PublicKey issuer, find(arguments.issuer));
    rules.issuers = {issuer};
  }
  if (!arguments.agent.empty()) {
    TRY(agent, find(arguments.agent));
  }
  TRY(nipsa::check_licence(licence, rules.issuers, agent, now));
  return Value{{"licence", licence.id},
               {"status", "active"},
               {"issuer", licence.issuer.hex()},
               {"agent", licence.agent.hex()},
               {"skill", licence.skill ? licence.skill->str() : licence.skill_name},
               {"version", licence.version}};
}

void add_issue(CLI::App& license, Context& context, Action* chosen) {
  auto a = std::make_shared<IssueArguments>();
  auto* command = license.add_subcommand(
      "issue", "License a published skill to an agent, and deliver it encrypted for its group");
  command->add_option("folder", a->folder, "The skill's folder, as it was published")->required();
  command->add_option("--agent", a->agent, "The agent's identity: npub, hex or NIP-05")->required();
  command->add_option("--to", a->receiver, "Its node, which receives the delivery")->required();
  command->add_option("--type", a->type, "perpetual, subscription or metered");
  command->add_option("--uses", a->uses, "How often it may be opened, in all");
  command->add_option("--per-day", a->per_day, "How often it may be opened in a day");
  add_duration(*command, "--lasts", a->lasts, "How long; default without end");
  add_seller_flags(*command, a->seller);
  add_blob_flag(*command, a->seller);
  command->footer(
      "Examples:\n  sovereign license issue release-digest --agent $NPUB --to $NPUB --type metered "
      "--uses 100 --relay ws://127.0.0.1:7777 --home shop");
  command->callback([=, &context] { *chosen = [=, &context] { return issue(context, *a); }; });
}

}  // namespace

void add_license_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* license = app.add_subcommand("license", "Licences: issue, list, take back, verify");
  license->require_subcommand(1);
  license->footer(
      "Examples:\n  sovereign license list --home shop\n"
      "  sovereign license revoke 7d0c4e… -m refunded --relay ws://127.0.0.1:7777 --home shop");
  add_issue(*license, context, chosen);

  struct Listing {
    SellerFlags seller;
    std::int64_t limit = 50;
  };
  auto listing = std::make_shared<Listing>();
  listing->seller.offline = true;
  auto* list_command = license->add_subcommand("list", "Licences issued here, newest first");
  list_command->add_option("--limit", listing->limit, "At most so many")->check(CLI::Range(1, 1'000));
  list_command->callback([=, &context] {
    *chosen = [=, &context] { return list(context, listing->seller, listing->limit); };
  });

  struct Revoking {
    SellerFlags seller;
    std::string id, reason;
  };
  auto revoking = std::make_shared<Revoking>();
  auto* revoke = license->add_subcommand("revoke", "Take a licence back: co-signers stop opening it");
  revoke->add_option("licence", revoking->id, "Its id, as license list shows it")->required();
  revoke->add_option("-m,--reason", revoking->reason, "Why");
  add_seller_flags(*revoke, revoking->seller);
  revoke->callback([=, &context] {
    *chosen = [=, &context] {
      const Value params = {
          {"verb", "revoke"}, {"licence", revoking->id}, {"reason", revoking->reason}};
      return print_answer(
          context, ask_seller(context, revoking->seller, params, [&](Runtime&, SkillSeller& s) {
            return s.revoke(revoking->id, revoking->reason);
          }));
    };
  });

  auto v = std::make_shared<VerifyArguments>();
  auto* verify_command = license->add_subcommand("verify", "Whether a licence (39220 as JSON) is good now");
  verify_command->add_option("file", v->file, "File with the event; default standard input");
  verify_command->add_option("--issuer", v->issuer, "Whose licences count; default skills.issuers");
  verify_command->add_option("--agent", v->agent, "For whom it must be");
  verify_command->footer(
      "Says what the licence says: whether its issuer took it back, relays know.\n"
      "Examples:\n  sovereign license verify licence.json --issuer $NPUB");
  verify_command->callback(
      [=, &context] { *chosen = [=, &context] { return print_answer(context, verify(context, *v)); }; });
}

}  // namespace node::cli
