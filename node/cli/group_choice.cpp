// Which group of a co-signer's home a command is about.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cosigner_groups.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;

/// Commands about one running process, or its files.
constexpr std::array<std::string_view, 13> kAboutOne{
    "status", "pending", "approve", "deny", "approval", "pause", "resume",
    "outbox", "log",     "metrics", "top",  "doctor",   "backup"};
constexpr std::array<std::string_view, 3> kAboutOneOfCosigner{"policy", "audit", "lease"};

bool is_about_one(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) return false;
  if (std::ranges::find(kAboutOne, chosen.front()->get_name()) != kAboutOne.end()) return true;
  if (chosen.front()->get_name() != "cosigner") return false;
  const auto below = chosen.front()->get_subcommands();
  return !below.empty() && std::ranges::find(kAboutOneOfCosigner, below.front()->get_name()) !=
                               kAboutOneOfCosigner.end();
}

}  // namespace

Result<void> choose_group(Context& context, const CLI::App& app) {
  const Home home = Home::locate(context.home_dir);
  if (!context.identity.empty()) {
    TRY(context.of_group, home_of_group(home, context.identity));
    return {};
  }
  if (!is_about_one(app) || !serves_several(home)) return {};
  TRY(const auto groups, groups_of(home));
  std::string names;
  for (const ServedGroup& group : groups)
    names += (names.empty() ? "--identity " : " or ") + nostr::encode_npub(group.identity);
  return base::fail(Errc::kInvalid, "this home serves several groups, and the command is about one",
                    names);
}

}  // namespace node::cli
