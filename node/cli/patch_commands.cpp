// patch list | show: patches that were published for a repository (NIP-34), and one of them for git am.
#include <algorithm>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/runtime.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip34.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using nostr::Event;

constexpr std::chrono::seconds kPatience{15};
constexpr std::uint32_t kMaxListed = 500;

struct PatchArguments {
  std::string id;
  std::string repository;
  std::string author;
  std::uint32_t limit = 50;
  std::vector<std::string> relays;
};

Result<nostr::Filter> filter_of(const PatchArguments& arguments) {
  nostr::Filter filter{.kinds = {nostr::kinds::kPatch}, .limit = arguments.limit};
  if (!arguments.id.empty()) {
    TRY(const nostr::EventId id, nostr::parse_event_id(arguments.id));
    filter.ids = {id};
  }
  if (!arguments.repository.empty()) {
    TRY(const nostr::Address address, nostr::parse_address(arguments.repository));
    filter.tags['a'] = {address.str()};
  }
  if (!arguments.author.empty()) {
    TRY(const nostr::PublicKey author, nostr::parse_public_key(arguments.author));
    filter.authors = {author};
  }
  return filter;
}

base::Task<Result<std::vector<Event>>> fetch(Runtime& runtime, PatchArguments arguments) {
  auto filter = filter_of(arguments);
  if (!filter) co_return std::unexpected(std::move(filter).error());
  nostr::Filters filters{*std::move(filter)};
  const nostr::FetchResult found = co_await runtime.pool.fetch(arguments.relays, std::move(filters), kPatience);
  co_await runtime.pool.stop();
  if (found.complete.empty() && found.events.empty())
    co_return fail(Errc::kUnavailable, "no relay answered" + (found.failed.empty() ? "" : ": " + found.failed.front().second));
  std::vector<Event> out;
  for (const nostr::EventPtr& event : found.events) out.push_back(*event);
  co_return out;
}

Value patch_view(const Event& event, const nostr::Patch& patch) {
  return {{"id", event.id.hex()},
          {"author", event.pubkey.hex()},
          {"created_at", base::to_unix(event.created_at)},
          {"repository", patch.repository.str()},
          {"subject", nostr::patch_subject(patch.text)},
          {"commit", patch.commit},
          {"parent_commit", patch.parent_commit}};
}

int list(const Context& context, const PatchArguments& arguments) {
  Runtime runtime;
  const auto events = runtime.loop.run_until_complete(fetch(runtime, arguments));
  if (!events) return report_usage(context, events.error());
  for (const Event& event : *events) {
    const auto patch = nostr::parse_patch(event);
    if (!patch) continue;  // anybody can publish what only looks like one
    if (context.json) print_json(patch_view(event, *patch));
    else
      print_foreign(fmt::format("{}  {}  {}  {}", nostr::encode_note(event.id), base::format_utc(event.created_at),
                                nostr::encode_npub(event.pubkey), nostr::patch_subject(patch->text)));
  }
  return kOk;
}

/// The patch as it was written: what a terminal would act on is spelled out only where a person looks at it.
int show(const Context& context, const PatchArguments& arguments) {
  Runtime runtime;
  const auto events = runtime.loop.run_until_complete(fetch(runtime, arguments));
  if (!events) return report_usage(context, events.error());
  if (events->empty()) return report(context, {Errc::kNotFound, "none of these relays has that patch", "sovereign patch list"});
  const auto patch = nostr::parse_patch(events->front());
  if (!patch) return report(context, patch.error());
  if (context.json) {
    Value view = patch_view(events->front(), *patch);
    view["text"] = patch->text;
    print_json(view);
    return kOk;
  }
  progress(context, "by " + nostr::encode_npub(events->front().pubkey));
  print_document(patch->text);
  return kOk;
}

}  // namespace

void add_patch_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<PatchArguments>();
  auto* patch = app.add_subcommand("patch", "Patches for repositories on Nostr (NIP-34)");
  patch->require_subcommand(1);
  auto* listing = patch->add_subcommand("list", "Patches, newest first");
  listing->add_option("--repo", arguments->repository, "Of this repository: naddr or 30617:PUBKEY:NAME");
  listing->add_option("-a,--author", arguments->author, "By this person: npub or hex");
  listing->add_option("-l,--limit", arguments->limit, "How many")->check(CLI::Range(1u, kMaxListed));
  auto* showing = patch->add_subcommand("show", "One patch, as git am takes it");
  showing->add_option("id", arguments->id, "note1…, nevent1… or hex")->required();
  for (auto* command : {listing, showing})
    command->add_option("--relay", arguments->relays, "Relay (repeat)")->required()->allow_extra_args(false);
  listing->footer("Examples:\n  sovereign patch list --relay ws://127.0.0.1:7777 --author $NPUB");
  showing->footer(
      "A stranger's patch is a stranger's code: read it first.\n\n"
      "Examples:\n  sovereign patch show $NOTE --relay ws://127.0.0.1:7777\n"
      "  sovereign patch show $NOTE --relay ws://127.0.0.1:7777 | git am");
  listing->callback([=, &context] { *chosen = [=, &context] { return list(context, *arguments); }; });
  showing->callback([=, &context] { *chosen = [=, &context] { return show(context, *arguments); }; });
}

}  // namespace node::cli
