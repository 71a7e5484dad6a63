// KeyParties: three people with a host key and a folder each, and a relay to meet on.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frostr/ceremony/invitation.h"
#include "frostr/ceremony/room.h"
#include "nostr/base/json.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {

class KeyParties : public ::testing::Test {
 protected:
  explicit KeyParties(int parties = 3);

  const std::filesystem::path& root() const { return dir_.path(); }
  std::filesystem::path folder(int party) const { return root() / ("party-" + std::to_string(party)); }
  std::string host_key(int party) const { return (root() / ("host-" + std::to_string(party))).string(); }
  std::string npub(int party) const { return npubs_.at(static_cast<std::size_t>(party)); }
  std::string stranger_key() const { return (root() / "stranger").string(); }
  std::string relay_url() const { return url_; }
  std::string invitation() const { return (root() / "invitation.json").string(); }

  /// `frost …` as `party`, with its host key and folder and in JSON.
  std::vector<std::string> party_arguments(int party, std::vector<std::string> command) const;
  std::unique_ptr<Program> start(int party, std::vector<std::string> arguments);
  Exit run(std::vector<std::string> arguments);
  /// Runs what `make` makes of the invitation as `party`, in this process, to its end.
  using MakeCeremony = std::function<std::unique_ptr<frostr::Ceremony>(
      const frostr::Invitation&, const nostr::SecretKey& host, base::Rng&)>;
  void hold(int party, const MakeCeremony& make);

  /// Waits until `file` is there and whole.
  void await_file(const std::filesystem::path& file) const;
  std::string text(const std::filesystem::path& file) const;
  void write_secret(const std::filesystem::path& file, const std::string& content) const;
  unsigned mode(const std::filesystem::path& file) const;
  std::string log(int party) const;  ///< its standard error so far
  std::string logs() const;

  /// Signs a hash as the member in `requester`'s folder with the given ones as the only others there, and
  /// checks the signature under the group's key.
  void expect_signature(int requester, std::vector<int> cosigners, std::vector<std::string> more = {});
  void expect_signature(int requester, int cosigner, std::vector<std::string> more = {}) {
    expect_signature(requester, std::vector{cosigner}, std::move(more));
  }
  /// The request alone, with one other there.
  Exit request_signature(const std::filesystem::path& requester, const std::filesystem::path& cosigner);

 private:
  node::testing::TempDir dir_;
  Program relay_;
  std::string url_;
  std::vector<std::string> npubs_;
  Exit request(const std::filesystem::path& requester, const std::vector<std::filesystem::path>& cosigners,
               std::vector<std::string> more);
  std::unique_ptr<Program> serve(const std::filesystem::path& cosigner);

  int cosigners_ = 0;
};

}  // namespace e2e
