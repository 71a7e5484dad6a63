// Keys, processes and files of those who make a key together.
#include "tests/e2e/support/key_party.h"

#include <sys/stat.h>

#include <thread>

#include <fmt/format.h>

#include "frostr/wire/credential.h"
#include "node/home.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/crypto/hash.h"
#include "nostr/nips/nip19.h"

namespace e2e {

namespace fs = std::filesystem;

namespace {

/// Signs whatever any other member asks for.
constexpr std::string_view kSignsAll = R"(default = "refuse"
{}
)";

std::string policy_for(const frostr::GroupPackage& group, const std::string& self_pubkey) {
  std::string requesters;
  for (const frostr::GroupMember& member : group.members())
    if (member.identity().hex() != self_pubkey)
      requesters += fmt::format("[[requesters]]\nidx = {}\nblind = \"allow\"\n", member.idx.value);
  return fmt::format(kSignsAll, requesters);
}

base::Task<base::Result<void>> run_room(frostr::CeremonyRoom& room, frostr::Ceremony& ceremony,
                                        nostr::Pool& pool) {
  auto done = co_await room.run(ceremony);
  co_await pool.stop();
  co_return done;
}

}  // namespace

KeyParties::KeyParties(int parties)
    : relay_({"relay", "--listen", "127.0.0.1:0"}, {.environment = {}, .log = dir_ / "relay.log", .input = ""}) {
  const auto line = relay_.read_line("listening ");
  if (!line) throw std::runtime_error("the relay did not start");
  url_ = line->substr(std::string("listening ").size());
  base::SystemRng rng;
  for (int i = 0; i < parties; ++i) {
    const nostr::SecretKey key = must(node::load_or_create_key_file(host_key(i), rng));
    npubs_.push_back(nostr::encode_npub(key.public_key()));
  }
  must(node::load_or_create_key_file(stranger_key(), rng));
}

std::vector<std::string> KeyParties::party_arguments(int party, std::vector<std::string> command) const {
  std::vector<std::string> out{"--json", "frost"};
  out.insert(out.end(), command.begin(), command.end());
  out.insert(out.end(), {"--host-key", host_key(party), "--out", folder(party).string()});
  return out;
}

std::unique_ptr<Program> KeyParties::start(int party, std::vector<std::string> arguments) {
  return std::make_unique<Program>(
      std::move(arguments), ProgramOptions{.environment = {},
                                           .log = root() / fmt::format("party-{}.log", party),
                                           .input = ""});
}

Exit KeyParties::run(std::vector<std::string> arguments) {
  return run_program(std::move(arguments), {.environment = {}, .log = root() / "commands.log", .input = ""});
}

void KeyParties::hold(int party, const MakeCeremony& make) {
  const frostr::Invitation to = must(frostr::parse_invitation(text(invitation())));
  const nostr::SecretKey host = must(node::load_key_file(host_key(party)));
  node::Runtime runtime;
  const auto ceremony = make(to, host, runtime.rng);
  frostr::CeremonyRoom room({runtime.loop, runtime.pool, runtime.clock, runtime.rng}, host.clone(),
                            {.relays = to.relays, .parties = to.hosts(), .before_send = {}, .progress = {}});
  must(runtime.loop.run_until_complete(run_room(room, *ceremony, runtime.pool)));
}

void KeyParties::await_file(const fs::path& file) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!fs::exists(file)) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error(file.string() + " does not come\n" + logs());
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

std::string KeyParties::text(const fs::path& file) const { return must(node::read_file(file)); }

void KeyParties::write_secret(const fs::path& file, const std::string& content) const {
  must(node::write_file(file, content, 0600));
}

unsigned KeyParties::mode(const fs::path& file) const {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) return 0;
  return about.st_mode & 0777U;
}

std::string KeyParties::log(int party) const {
  return node::read_file(root() / fmt::format("party-{}.log", party)).value_or("");
}

std::string KeyParties::logs() const {
  std::string out;
  for (const auto& entry : fs::directory_iterator(root()))
    if (entry.path().extension() == ".log")
      out += "--- " + entry.path().filename().string() + "\n" + node::read_file(entry.path()).value_or("");
  return out;
}

std::unique_ptr<Program> KeyParties::serve(const fs::path& cosigner) {
  const std::string name = fmt::format("cosigner-{}", ++cosigners_);
  const auto group = must(frostr::decode_group(text(cosigner / "group.txt"))).group;
  const auto share = must(frostr::decode_share(text(cosigner / "share.txt"))).share;
  must(node::write_file(root() / (name + ".toml"),
                        policy_for(group, group.find(share.idx)->identity().hex())));
  auto serving = std::make_unique<Program>(
      std::vector<std::string>{"cosigner", "--home", (root() / name).string(), "--group",
                               (cosigner / "group.txt").string(), "--share", (cosigner / "share.txt").string(),
                               "--relay", relay_url(), "--policy", (root() / (name + ".toml")).string()},
      ProgramOptions{.environment = {}, .log = root() / (name + ".log"), .input = ""});
  if (!serving->read_line("ready ")) throw std::runtime_error("the co-signer did not start\n" + logs());
  return serving;
}

Exit KeyParties::request(const fs::path& requester, const std::vector<fs::path>& cosigners,
                         std::vector<std::string> more) {
  std::vector<std::unique_ptr<Program>> serving;
  for (const fs::path& cosigner : cosigners) serving.push_back(serve(cosigner));
  std::vector<std::string> arguments{"frost", "sign", "--group", (requester / "group.txt").string(), "--share",
                                     (requester / "share.txt").string(), "--relay", relay_url(), "--hash",
                                     nostr::sha256("a hash to sign").hex()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(std::move(arguments));
}

Exit KeyParties::request_signature(const fs::path& requester, const fs::path& cosigner) {
  return request(requester, {cosigner}, {});
}

void KeyParties::expect_signature(int requester, std::vector<int> cosigners, std::vector<std::string> more) {
  std::vector<fs::path> folders;
  for (const int cosigner : cosigners) folders.push_back(folder(cosigner));
  const Exit exit = request(folder(requester), folders, std::move(more));
  ASSERT_EQ(exit.code, 0) << logs();
  const auto group = must(frostr::decode_group(text(folder(requester) / "group.txt"))).group;
  const auto signature = must(nostr::Signature::from_hex(exit.out.substr(0, exit.out.find('\n'))));
  EXPECT_TRUE(nostr::verify(group.identity(), nostr::sha256("a hash to sign"), signature));
}

}  // namespace e2e
