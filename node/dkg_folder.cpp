// Keeping a key generation's memory and writing its key.
#include "node/dkg_folder.h"

#include <fmt/format.h>

#include "node/identity.h"
#include "nostr/base/bech32.h"
#include "nostr/base/json.h"

namespace node {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using frostr::SecretText;

namespace {

constexpr std::string_view kRecoveryHrp = "sovrecovery";
constexpr std::size_t kMaxRecoveryChars = 200'000;

Result<void> create_private(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error)
    return fail(Errc::kIo, fmt::format("cannot create {}: {}", dir.string(), error.message()));
  return {};
}

}  // namespace

std::string encode_recovery(base::ByteView recovery_data) {
  return base::bech32_encode(kRecoveryHrp, recovery_data, base::Bech32Variant::kBech32m);
}

Result<base::Bytes> decode_recovery(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  TRY(base::Bech32 decoded, base::bech32_decode(text, kMaxRecoveryChars));
  if (decoded.hrp != kRecoveryHrp || decoded.variant != base::Bech32Variant::kBech32m)
    return fail(Errc::kInvalid, "that is no recovery data of a key generation", "it begins with sovrecovery1");
  return std::move(decoded.data);
}

Result<DkgFolder> DkgFolder::open(std::filesystem::path dir, const nostr::Sha256& ceremony,
                                  SecretText passphrase, base::Rng& rng) {
  TRY(create_private(dir));
  DkgFolder out(std::move(dir), ceremony, std::move(passphrase), rng);
  std::error_code error;
  if (std::filesystem::exists(out.state(), error)) {
    TRY(out.load());
    return out;
  }
  if (std::filesystem::exists(out.share(), error))
    return fail(Errc::kConflict, fmt::format("{} holds a share already", out.dir_.string()),
                "shares are never overwritten: name another --out");
  out.kept_.random = rng.secret<32>();
  TRY(out.save());
  return out;
}

frostr::DkgMemory DkgFolder::memory() const {
  return {kept_.random.clone(), kept_.dealings, kept_.certificate};
}

Result<void> DkgFolder::load() {
  TRY(std::string text, read_secret_file(state()));
  const SecretText wiped(std::move(text));
  TRY(const Value object, base::json::parse(wiped.expose(), {.max_bytes = 1u << 20}));
  TRY(const std::string ceremony, base::json::get_string(object, "ceremony"));
  if (ceremony != ceremony_.hex())
    return fail(Errc::kConflict,
                fmt::format("{} belongs to another key generation", state().string()),
                "name another --out, or remove it if that one is over");
  TRY(std::string random, base::json::get_string(object, "random"));
  const bool whole = base::hex_decode_into(random, kept_.random.expose_mutable());
  base::wipe(random);
  if (!whole) return fail(Errc::kInvalid, state().string() + " is damaged");
  TRY(kept_.dealings, base::base64url_decode(base::json::string_or(object, "dealings")));
  TRY(kept_.certificate, base::base64url_decode(base::json::string_or(object, "certificate")));
  return {};
}

Result<void> DkgFolder::save() const {
  SecretText random(base::hex_encode(kept_.random.expose()));
  const SecretText text(fmt::format(
      R"({{"ceremony":"{}","random":"{}","dealings":"{}","certificate":"{}"}})" "\n", ceremony_.hex(),
      random.expose(), base::base64url_encode(kept_.dealings),
      base::base64url_encode(kept_.certificate)));
  return write_file(state(), text.expose(), 0600);
}

Result<void> DkgFolder::keep(const frostr::DkgSession& session, std::uint32_t threshold,
                             frostr::ShareIndex idx) {
  const frostr::DkgMemory& now = session.memory();
  if (now.dealings != kept_.dealings || now.certificate != kept_.certificate) {
    kept_.dealings = now.dealings;
    kept_.certificate = now.certificate;
    TRY(save());
  }
  const frostr::chilldkg::Finished* finished = session.finished();
  if (finished == nullptr || written_) return {};
  TRY(write_key(dir_, finished->output, finished->recovery_data, threshold, idx, passphrase_.expose(), *rng_));
  written_ = true;
  return {};
}

Result<void> DkgFolder::close() const {
  std::error_code error;
  std::filesystem::remove(state(), error);
  if (error) return fail(Errc::kIo, fmt::format("cannot remove {}: {}", state().string(), error.message()));
  return {};
}

Result<void> write_key(const std::filesystem::path& dir, const frostr::chilldkg::Output& output,
                       base::ByteView recovery_data, std::uint32_t threshold, frostr::ShareIndex idx,
                       std::string_view passphrase, base::Rng& rng) {
  TRY(create_private(dir));
  TRY(const frostr::GroupPackage group, frostr::chilldkg::to_group(output, threshold));
  const frostr::SecretShare share{idx, output.share->clone()};
  TRY(frostr::check_share(share, group));
  TRY(write_file(dir / "recovery.txt", encode_recovery(recovery_data) + "\n"));
  TRY(write_file(dir / "group.txt", frostr::encode_group(group) + "\n"));
  return save_share(dir / "share.txt", share, passphrase, rng);
}

}  // namespace node
