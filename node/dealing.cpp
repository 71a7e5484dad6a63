// frostr/frost/deal, and the files.
#include "node/dealing.h"

#include <filesystem>

#include <fmt/format.h>

#include "node/identity.h"
#include "node/key_file.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;

Result<std::optional<frostr::SecretScalar>> secret_to_split(const std::string& file) {
  if (file.empty()) return std::nullopt;
  TRY(const nostr::SecretKey key, load_key_file(file));
  TRY(frostr::SecretScalar scalar, frostr::SecretScalar::from_bytes(key.expose()));
  return std::optional(std::move(scalar));
}

}  // namespace

Result<frostr::GroupPackage> deal_into(const DealRequest& request) {
  const std::filesystem::path dir(request.out);
  std::error_code error;
  // A folder of our making is nobody else's to read; one that was there keeps its mode.
  if (std::filesystem::create_directories(dir, error)) std::filesystem::permissions(dir, std::filesystem::perms::owner_all, error);
  if (error) return fail(Errc::kIo, fmt::format("cannot create {}: {}", request.out, error.message()));
  const auto share_file = [&dir](std::uint32_t idx) { return dir / fmt::format("share-{}.txt", idx); };
  for (std::uint32_t i = 1; i <= request.members; ++i)
    if (std::filesystem::exists(share_file(i), error))
      return fail(Errc::kConflict, fmt::format("{} holds shares already", request.out),
                  "shares are never overwritten: name another --out");
  base::SystemRng rng;
  TRY(auto secret, secret_to_split(request.secret_file));
  TRY(const frostr::Dealt dealt, frostr::deal(rng, request.threshold, request.members, std::move(secret)));
  TRY(const frostr::SecretText phrase, share_passphrase(request.passphrase_file));
  TRY(write_file(dir / "group.txt", frostr::encode_group(dealt.group) + "\n"));
  for (const frostr::SecretShare& share : dealt.shares)
    TRY(save_share(share_file(share.idx.value), share, phrase.expose(), rng));
  return dealt.group;
}

std::string split_key_warning(const std::string& secret_file) {
  return "the key that was split still signs alone, past every co-signer, wherever a copy of it is: in " +
         secret_file +
         ", in clients, in backups. While one is left, this identity is no safer than before.";
}

}  // namespace node
