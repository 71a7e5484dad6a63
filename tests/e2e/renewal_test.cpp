// New shares of an old key, among processes over our relay: old shares die, a lost one comes back, the
// roster changes, and the identity stays.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "frostr/wire/credential.h"
#include "node/home.h"
#include "tests/e2e/support/key_party.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

class DkgRenewal : public KeyParties {
 protected:
  /// The first three hold a dealt 2-of-3.
  DkgRenewal() : KeyParties(5) {
    must(deal());
    identity_ = group(0).identity();
  }
  base::Result<void> deal() {
    if (run({"frost", "deal", "-t", "2", "-n", "3", "--out", (root() / "deal").string()}).code != 0)
      return base::fail(base::Errc::kInternal, logs());
    for (int i = 0; i < 3; ++i) {
      fs::create_directory(folder(i));
      fs::copy(root() / "deal" / "group.txt", folder(i) / "group.txt");
      fs::copy(root() / "deal" / fmt::format("share-{}.txt", i + 1), folder(i) / "share.txt");
    }
    return {};
  }
  frostr::GroupPackage group(int party) const {
    return must(frostr::decode_group(text(folder(party) / "group.txt"))).group;
  }

  std::vector<std::string> arguments(int party, const std::string& what, std::vector<std::string> more) const {
    fs::create_directories(folder(party));
    std::vector<std::string> out{"--json", "frost", what, "--host-key", host_key(party),
                                 "--group", (folder(party) / "group.txt").string(),
                                 "--share", (folder(party) / "share.txt").string()};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  std::vector<std::string> inviting(const std::string& what, std::vector<std::string> more) const {
    more.insert(more.end(), {"--relay", relay_url(), "--invitation", invitation()});
    return arguments(0, what, more);
  }
  std::string named(int idx, int party) const { return fmt::format("{}:{}", idx, npub(party)); }

  /// The first invites with `more`, `guests` join; all must end well.
  void hold_all(const std::string& what, std::vector<std::string> more, std::vector<int> guests) {
    std::vector<std::unique_ptr<Program>> parties;
    parties.push_back(start(0, inviting(what, std::move(more))));
    await_file(invitation());
    for (const int guest : guests)
      parties.push_back(start(guest, arguments(guest, what, {"--join", invitation()})));
    for (auto& party : parties) {
      const Exit exit = party->wait();
      ASSERT_EQ(exit.code, 0) << logs();
      EXPECT_TRUE(must(base::json::parse(exit.out)).at("confirmed"));
    }
    for (const int guest : guests) {
      EXPECT_FALSE(fs::exists(folder(guest) / "share.txt.renewal"));
      EXPECT_FALSE(fs::exists(folder(guest) / "share.txt.new"));
    }
  }

  nostr::PublicKey identity_;
};

TEST_F(DkgRenewal, RefreshKillsOldShares) {
  fs::copy(folder(0), root() / "stolen", fs::copy_options::recursive);
  hold_all("refresh", {"--holder", named(2, 1), "--holder", named(3, 2)}, {1, 2});
  EXPECT_EQ(group(0).identity(), identity_);
  EXPECT_NE(text(folder(0) / "share.txt"), text(root() / "stolen" / "share.txt"));
  EXPECT_EQ(mode(folder(1) / "share.txt"), 0600);
  expect_signature(0, 2);
  // The stolen share does not ask any more, with its own group file or with the new one.
  EXPECT_NE(request_signature(root() / "stolen", folder(1)).code, 0);
  fs::copy(folder(0) / "group.txt", root() / "stolen" / "group.txt", fs::copy_options::overwrite_existing);
  EXPECT_NE(request_signature(root() / "stolen", folder(1)).code, 0);
}

TEST_F(DkgRenewal, RefreshGoesOnAfterAPartyWasKilled) {
  const auto invite = inviting("refresh", {"--holder", named(2, 1), "--holder", named(3, 2)});
  auto first = start(0, invite);
  await_file(invitation());
  auto second = start(1, arguments(1, "refresh", {"--join", invitation()}));
  await_file(folder(1) / "share.txt.renewal");
  first->kill();
  second->kill();
  expect_signature(0, 1);  // nothing changed yet: the old shares sign
  first = start(0, invite);
  second = start(1, arguments(1, "refresh", {"--join", invitation()}));
  auto third = start(2, arguments(2, "refresh", {"--join", invitation()}));
  for (auto* party : {&first, &second, &third}) EXPECT_EQ((*party)->wait().code, 0) << logs();
  expect_signature(1, 2);
}

TEST_F(DkgRenewal, RepairGivesALostMemberItsShareBack) {
  const std::string lost = text(folder(2) / "share.txt");
  fs::remove(folder(2) / "share.txt");
  hold_all("repair", {"--holder", named(2, 1), "--lost", named(3, 2)}, {1, 2});
  EXPECT_EQ(text(folder(2) / "share.txt"), lost);
  expect_signature(2, 0);
}

TEST_F(DkgRenewal, ReshareFromTwoOfThreeToThreeOfFiveKeepsTheIdentity) {
  const auto before = group(0);
  hold_all("reshare",
           {"-t", "3", "--holder", named(2, 1), "--receiver", named(1, 0), "--receiver", named(2, 1), "--receiver",
            named(3, 2), "--receiver", named(4, 3), "--receiver", named(5, 4)},
           // The third lost its share and is served like a new member.
           (fs::remove(folder(2) / "share.txt"), std::vector<int>{1, 2, 3, 4}));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(group(i).identity(), identity_);
    EXPECT_EQ(group(i).group_pk(), before.group_pk());
    EXPECT_EQ(group(i).threshold(), 3U);
  }
  expect_signature(4, {2, 3});
}

TEST_F(DkgRenewal, AnInvitationToAnotherStateOfTheGroupIsRefused) {
  auto first = start(0, inviting("refresh", {"--holder", named(2, 1), "--holder", named(3, 2)}));
  await_file(invitation());
  first->kill();
  ASSERT_EQ(run({"frost", "deal", "-t", "2", "-n", "3", "--out", (root() / "other").string()}).code, 0);
  fs::copy(root() / "other" / "group.txt", folder(1) / "group.txt", fs::copy_options::overwrite_existing);
  fs::copy(root() / "other" / "share-2.txt", folder(1) / "share.txt", fs::copy_options::overwrite_existing);
  EXPECT_EQ(run(arguments(1, "refresh", {"--join", invitation()})).code, 1);
  EXPECT_EQ(run(arguments(1, "repair", {"--join", invitation()})).code, 1);
}

}  // namespace
}  // namespace e2e
