// New shares beside the old, then in their place.
#include "node/renewal_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "node/identity.h"
#include "nostr/base/json.h"

namespace node {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using frostr::Invitation;
using frostr::SecretText;

namespace {

fs::path beside(const fs::path& path) { return path.string() + ".new"; }

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Overwrites what a file holds before it goes: a best effort, disks keep copies of their own.
Result<void> overwrite(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? Result<void>() : fail(Errc::kIo, "cannot open " + path.string());
  std::error_code error;
  const std::string zeros(static_cast<std::size_t>(fs::file_size(path, error)), '\0');
  const bool done = !error && ::write(fd, zeros.data(), zeros.size()) == static_cast<ssize_t>(zeros.size()) &&
                    ::fsync(fd) == 0;
  ::close(fd);
  if (!done) return fail(Errc::kIo, "cannot overwrite " + path.string());
  return {};
}

Result<void> move_over(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!is_there(from)) return {};
  fs::rename(from, to, error);
  if (error) return fail(Errc::kIo, fmt::format("cannot put {} in place: {}", from.string(), error.message()));
  return {};
}

}  // namespace

fs::path RenewalFiles::state() const { return paths_.share.string() + ".renewal"; }

Result<RenewalFiles> RenewalFiles::open(Paths paths, const Invitation& invitation,
                                        const Invitation::Party& self, base::Rng& rng) {
  TRY(SecretText phrase, share_passphrase(paths.passphrase_file));
  RenewalFiles out(std::move(paths), invitation.id(), std::move(phrase), rng);
  out.leaves_ = invitation.kind == Invitation::Kind::kReshare && self.holds && !self.receives;
  if (is_there(out.state())) {
    TRY(out.load());
    if (!out.kept_.confirmations.empty()) {
      TRY(out.install());  // a process may have been killed between the two files
      return out;
    }
  } else {
    if (!self.holds && is_there(out.paths_.share))
      return fail(Errc::kConflict, out.paths_.share.string() + " holds a share already",
                  "shares are never overwritten by strangers: name another --share");
    out.kept_.seed = rng.secret<32>();
  }
  if (self.holds) {
    TRY(ThresholdIdentity identity, load_identity(out.paths_.group.string(), out.paths_.share.string(),
                                                  out.paths_.passphrase_file));
    if (identity.group != *invitation.group)
      return fail(Errc::kConflict, "the invitation is about another group, or another state of this one");
    out.share_ = std::move(identity.share);
  }
  TRY(out.save());
  return out;
}

frostr::RenewalMemory RenewalFiles::memory() const { return {kept_.seed.clone(), kept_.confirmations}; }

Result<void> RenewalFiles::load() {
  TRY(std::string text, read_secret_file(state()));
  const SecretText wiped(std::move(text));
  TRY(const Value object, base::json::parse(wiped.expose(), {.max_bytes = 1u << 20}));
  TRY(const std::string ceremony, base::json::get_string(object, "ceremony"));
  if (ceremony != ceremony_.hex())
    return fail(Errc::kConflict, fmt::format("{} belongs to another renewal", state().string()),
                "finish that one first, or remove the file if it never will be");
  TRY(std::string seed, base::json::get_string(object, "seed"));
  const bool whole = base::hex_decode_into(seed, kept_.seed.expose_mutable());
  base::wipe(seed);
  if (!whole) return fail(Errc::kInvalid, state().string() + " is damaged");
  TRY(kept_.confirmations, base::base64url_decode(base::json::string_or(object, "confirmations")));
  return {};
}

Result<void> RenewalFiles::save() const {
  const SecretText seed(base::hex_encode(kept_.seed.expose()));
  const SecretText text(fmt::format(R"({{"ceremony":"{}","seed":"{}","confirmations":"{}"}})" "\n",
                                    ceremony_.hex(), seed.expose(),
                                    base::base64url_encode(kept_.confirmations)));
  return write_file(state(), text.expose(), 0600);
}

Result<void> RenewalFiles::keep(const frostr::RenewalSession& session) {
  const frostr::Renewed* renewed = session.renewed();
  if (renewed != nullptr && !stored_) {
    TRY(write_file(beside(paths_.group), frostr::encode_group(renewed->group) + "\n"));
    if (renewed->share)
      TRY(save_share(beside(paths_.share), *renewed->share, passphrase_.expose(), *rng_));
    stored_ = true;
  }
  if (!session.may_let_go() || !kept_.confirmations.empty()) return {};
  // From here on there is no way back, so a restart must know it; and the seed would give the dealt
  // shares again, so it goes.
  kept_.seed = base::Secret<32>();
  kept_.confirmations = session.confirmations();
  TRY(save());
  return install();
}

/// Safe to repeat: what is in place already is left.
Result<void> RenewalFiles::install() const {
  if (leaves_) {
    TRY(overwrite(paths_.share));
    std::error_code error;
    fs::remove(paths_.share, error);
  } else if (is_there(beside(paths_.share))) {
    TRY(overwrite(paths_.share));
    TRY(move_over(beside(paths_.share), paths_.share));
  }
  return move_over(beside(paths_.group), paths_.group);
}

Result<void> RenewalFiles::close() const {
  std::error_code error;
  fs::remove(state(), error);
  if (error) return fail(Errc::kIo, fmt::format("cannot remove {}: {}", state().string(), error.message()));
  return {};
}

}  // namespace node
