// Looking at the files of a home.
#include "node/doctor/home_checks.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include "frostr/policy_file.h"
#include "frostr/wire/credential.h"
#include "frostr/wire/rs_package.h"
#include "node/identity.h"
#include "node/key_file.h"
#include "node/policy_source.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

constexpr std::uint64_t kTooLittle = 100u << 20;
constexpr std::uint64_t kLittle = 1u << 30;

/// Whether others can reach into `path` by any bit of `forbidden`, in words and with the cure.
void check_mode(const fs::path& path, mode_t forbidden, const char* mode, std::string check,
                Findings& findings) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return;
  if (info.st_uid != ::geteuid() && ::geteuid() != 0)
    findings.fail(std::move(check), path.string() + " belongs to another user",
                  fmt::format("chown {} {}", ::geteuid(), path.string()));
  else if ((info.st_mode & forbidden) != 0)
    findings.fail(std::move(check),
                  fmt::format("{} is open to others (mode {:04o})", path.string(), info.st_mode & 07777u),
                  fmt::format("chmod {} {}", mode, path.string()));
  else
    findings.ok(std::move(check), path.string());
}

void read_node(const Home& home, Subject& subject, Findings& findings) {
  auto config = load_config(home);
  if (!config) {
    findings.fail("config", config.error().detail, config.error().hint);
    return;
  }
  subject.config = *std::move(config);
  subject.relays = subject.config.node.relays;
  for (const std::string& relay : subject.config.node.inbox_relays)
    if (std::find(subject.relays.begin(), subject.relays.end(), relay) == subject.relays.end())
      subject.relays.push_back(relay);
  for (const std::string& text : subject.config.node.operators)
    if (const auto key = nostr::parse_public_key(text)) subject.operators.push_back(*key);
  findings.ok("config", home.config_file().string());
  if (subject.relays.empty())
    findings.fail("config.relays", "no relay is named", "[node] relays = [\"wss://…\"] in config.toml");
}

void read_cosigner(const Home& home, Subject& subject, Findings& findings) {
  PolicySource source(home.policy_file());
  auto loaded = source.load();
  if (!loaded) {
    findings.fail("policy", loaded.error().detail, loaded.error().hint);
    return;
  }
  subject.relays = loaded->policy.follow_relays;
  subject.operators = loaded->policy.operators;
  findings.ok("policy", fmt::format("{} ({})", home.policy_file().string(),
                                    frostr::level_name(loaded->policy.level)));
  if (loaded->policy.requesters.empty())
    findings.fail("policy.requesters", "nobody may ask for a signature", "[[requesters]] in policy.toml");
  if (loaded->policy.follow_relays.empty())
    findings.warn("policy.relays", "no relay is followed", "[relays] follow in policy.toml");
}

/// Whether the share can be opened with what we have.
bool is_sealed(const std::string& path) {
  auto text = read_secret_file(path);
  if (!text) return false;
  const frostr::SecretText line(*std::move(text));
  return frostr::is_encrypted_share(line.expose()) || frostr::is_rs_package(line.expose());
}

void check_identity(const std::string& group, const std::string& share, const std::string& phrase,
                    Findings& findings) {
  if (is_sealed(share) && phrase.empty()) {
    findings.ok("identity", share + " is sealed; not opened here (--passphrase-file)");
    return;
  }
  const auto identity = load_identity(group, share, phrase);
  if (!identity) {
    findings.fail("identity", identity.error().detail,
                  identity.error().hint.empty() ? "copy group.txt and this machine's share in again"
                                                : identity.error().hint);
    return;
  }
  findings.ok("identity", fmt::format("{}, share {} of {}-of-{}",
                                      nostr::encode_npub(identity->group.identity()),
                                      identity->share.idx.value, identity->group.threshold(),
                                      identity->group.members().size()));
}

void check_key(const std::string& path, std::string check, Findings& findings) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    findings.warn(std::move(check), path + " does not exist yet", "it is made at the first start");
    return;
  }
  check_mode(path, 077, "600", check + ".mode", findings);
  const auto text = read_secret_file(path);
  if (!text)
    findings.fail(std::move(check), text.error().detail, text.error().hint);
}

}  // namespace

Subject read_subject(const Home& home, Findings& findings) {
  Subject subject;
  std::error_code error;
  if (fs::exists(home.config_file(), error)) {
    subject.role = Subject::Role::kNode;
    read_node(home, subject, findings);
  } else if (fs::exists(home.policy_file(), error)) {
    subject.role = Subject::Role::kCosigner;
    read_cosigner(home, subject, findings);
  } else {
    findings.fail("home", home.config_dir.string() + " holds neither config.toml nor policy.toml",
                  "sovereign init, or name the home with --home");
    return subject;
  }
  if (subject.operators.empty())
    findings.fail("operators", "nobody can say yes: no operator is named",
                  subject.role == Subject::Role::kNode ? "[node] operators in config.toml"
                                                       : "operators in policy.toml");
  return subject;
}

void check_files(const Home& home, const Subject& subject, const std::string& passphrase_file,
                 Findings& findings) {
  if (subject.role == Subject::Role::kNobody) return;
  check_mode(home.config_dir, 022, "700", "files.home", findings);
  if (home.data_dir != home.config_dir) check_mode(home.data_dir, 077, "700", "files.data", findings);
  check_mode(home.database(), 077, "600", "files.database", findings);
  check_mode(home.control_socket(), 077, "600", "files.socket", findings);

  std::string group = (home.config_dir / "group.txt").string();
  std::string share = (home.config_dir / "share.txt").string();
  std::string phrase = passphrase_file;
  if (subject.role == Subject::Role::kNode) {
    check_mode(home.config_file(), 022, "600", "files.config", findings);
    check_key(subject.config.node.key_file.empty() ? home.node_key_file().string()
                                                   : subject.config.node.key_file,
              "files.key", findings);
    if (!subject.config.identity.group.empty()) group = subject.config.identity.group;
    if (!subject.config.identity.share.empty()) share = subject.config.identity.share;
    if (phrase.empty()) phrase = subject.config.identity.passphrase_file;
    for (const BackendConfig& backend : subject.config.backends)
      if (!backend.api_key_file.empty())
        check_key(backend.api_key_file, "files.api-key." + backend.id, findings);
  } else {
    check_mode(home.policy_file(), 022, "600", "files.policy", findings);
    check_key(home.service_key_file().string(), "files.key", findings);
  }
  check_mode(share, 077, "600", "files.share", findings);
  check_identity(group, share, phrase, findings);
}

void check_room(std::uint64_t free_bytes, Findings& findings) {
  const std::string found = fmt::format("{} MiB free", free_bytes >> 20);
  if (free_bytes < kTooLittle)
    findings.fail("disk", found, "make room: nothing is signed or published when a commit fails");
  else if (free_bytes < kLittle)
    findings.warn("disk", found, "make room soon: the database grows with what the agent reads");
  else
    findings.ok("disk", found);
}

void check_disk(const Home& home, Findings& findings) {
  struct statvfs room{};
  fs::path dir = home.data_dir;
  std::error_code error;
  while (!fs::exists(dir, error) && dir.has_relative_path()) dir = dir.parent_path();
  if (::statvfs(dir.c_str(), &room) != 0) {
    findings.fail("disk", "cannot look at " + dir.string(), "check that the folder can be read");
    return;
  }
  check_room(std::uint64_t{room.f_bavail} * room.f_frsize, findings);
}

}  // namespace node
