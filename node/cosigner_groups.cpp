// Finding the groups of a home, and running a co-signer for each.
#include "node/cosigner_groups.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nostr/nips/nip19.h"

namespace node {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::Result;
using base::Task;

constexpr std::size_t kMaxGroups = 1'000;
constexpr std::size_t kNameDigits = 16;
constexpr std::size_t kLeastDigits = 8;
constexpr const char* kGroupFile = "group.txt";

bool holds_group(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / kGroupFile, error);
}

/// Names of the folders that hold further groups, sorted.
Result<std::vector<std::string>> names_beside(const Home& home) {
  std::vector<std::string> out;
  std::error_code error;
  if (!fs::exists(home.groups_dir(), error)) return out;
  for (const auto& entry : fs::directory_iterator(home.groups_dir(), error)) {
    if (!holds_group(entry.path())) continue;
    if (out.size() >= kMaxGroups)
      return fail(Errc::kLimit, fmt::format("{} holds more than {} groups",
                                            home.groups_dir().string(), kMaxGroups));
    out.push_back(entry.path().filename().string());
  }
  if (error)
    return fail(Errc::kIo, fmt::format("{}: {}", home.groups_dir().string(), error.message()));
  std::ranges::sort(out);
  return out;
}

Result<ServedGroup> read_group(Home home) {
  TRY(const frostr::GroupPackage group, load_group((home.config_dir / kGroupFile).string()));
  return ServedGroup{std::move(home), group.identity()};
}

bool is_prefix(const std::string& text) {
  return text.size() >= kLeastDigits && text.size() < 64 &&
         std::ranges::all_of(
             text, [](unsigned char c) { return std::isxdigit(c) != 0 && std::isupper(c) == 0; });
}

}  // namespace

Result<std::vector<ServedGroup>> groups_of(const Home& home) {
  std::vector<ServedGroup> out;
  if (holds_group(home.config_dir)) {
    TRY(ServedGroup own, read_group(home));
    out.push_back(std::move(own));
  }
  TRY(const auto names, names_beside(home));
  for (const std::string& name : names) {
    TRY(ServedGroup group, read_group(home.beside(name)));
    if (std::ranges::find(out, group.identity, &ServedGroup::identity) != out.end())
      return fail(Errc::kConflict,
                  fmt::format("{} has a second share of a group this home serves already",
                              group.home.config_dir.string()),
                  "two shares in one place are no threshold; take one of them elsewhere");
    out.push_back(std::move(group));
  }
  return out;
}

bool serves_several(const Home& home) {
  const auto names = names_beside(home);
  return !names || names->size() + (holds_group(home.config_dir) ? 1 : 0) > 1;
}

Result<Home> home_of_group(const Home& home, const std::string& name) {
  TRY(const auto groups, groups_of(home));
  std::string wanted = name;
  if (!is_prefix(name)) {
    TRY(const nostr::PublicKey key, nostr::parse_public_key(name));
    wanted = key.hex();
  }
  std::vector<ServedGroup> found;
  std::ranges::copy_if(groups, std::back_inserter(found), [&](const ServedGroup& group) {
    return group.identity.hex().starts_with(wanted);
  });
  if (found.size() == 1) return found.front().home;
  if (!found.empty())
    return fail(Errc::kConflict, "several groups of this home begin with " + wanted);
  return fail(Errc::kNotFound, "this home serves no group " + wanted, "sovereign cosigner groups");
}

Home home_beside(const Home& home, const nostr::PublicKey& identity) {
  return home.beside(identity.hex().substr(0, kNameDigits));
}

// ---- running --------------------------------------------------------------------------------

Result<std::unique_ptr<CosignerGroups>> CosignerGroups::create(Runtime& runtime,
                                                               const CosignerSettings& first) {
  std::unique_ptr<CosignerGroups> out(new CosignerGroups(runtime));
  if (!first.group_file.empty() || !first.share_file.empty() || !first.policy_file.empty()) {
    TRY(out->open(first));
    return out;
  }
  TRY(auto groups, groups_of(first.home));
  // A home that has none says so in the words of the first.
  if (groups.empty()) groups.push_back({first.home, {}});
  for (ServedGroup& group : groups) {
    CosignerSettings settings = first;
    settings.home = group.home;
    if (auto opened = out->open(settings); !opened) {
      if (groups.size() == 1) return std::unexpected(std::move(opened).error());
      return std::unexpected(
          base::in_context("group " + group.identity.hex(), std::move(opened).error()));
    }
  }
  return out;
}

Result<void> CosignerGroups::open(const CosignerSettings& settings) {
  CosignerSettings own = settings;
  if (own.group_file.empty()) own.group_file = (own.home.config_dir / kGroupFile).string();
  if (own.share_file.empty()) own.share_file = (own.home.config_dir / "share.txt").string();
  Member member;
  if (!members_.empty())
    member.pool = std::make_unique<nostr::Pool>(runtime_.loop, runtime_.net, runtime_.workers,
                                                runtime_.clock, runtime_.rng);
  TRY(member.app, CosignerApp::create(runtime_, member.pool ? *member.pool : runtime_.pool, own));
  members_.push_back(std::move(member));
  return {};
}

Task<void> CosignerGroups::start_one(std::size_t index) {
  members_[index].started = co_await members_[index].app->start();
  changed_.notify();
}

Task<Result<void>> CosignerGroups::start() {
  for (std::size_t i = 0; i < members_.size(); ++i) scope_.spawn("co-signer", start_one(i));
  const auto waits = [](const Member& member) { return !member.started.has_value(); };
  while (std::ranges::any_of(members_, waits)) co_await changed_.wait_for(std::chrono::seconds{1});
  for (Member& member : members_)
    if (!*member.started)
      co_return std::unexpected(
          base::in_context("group " + member.app->identity().hex(), member.started->error()));
  co_return Result<void>{};
}

Task<void> CosignerGroups::stop() {
  co_await scope_.stop();
  for (Member& member : members_) co_await member.app->stop();
}

std::vector<const CosignerApp*> CosignerGroups::all() const {
  std::vector<const CosignerApp*> out;
  for (const Member& member : members_) out.push_back(member.app.get());
  return out;
}

}  // namespace node
