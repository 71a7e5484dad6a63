// A text that holds a secret, and a key file.
#include "node/remote_pairing.h"

#include "node/key_file.h"
#include "nostr/base/log.h"

namespace node {

base::Result<Pairing> load_pairing(const Home& home, const std::filesystem::path& file, base::Rng& rng) {
  TRY(std::string text, read_secret_file(file));
  auto uri = nostr::parse_bunker_uri(std::string_view(text).substr(0, text.find_first_of(" \r\n")));
  base::wipe(text);
  if (!uri) return std::unexpected(base::in_context(file.string(), uri.error()));
  const std::string name = "bunker-client-" + uri->signer.hex().substr(0, 16) + ".key";
  Pairing out{.uri = *std::move(uri),
              .client = nostr::SecretKey::generate(rng),
              .key_file = home.config_dir / name};
  std::error_code error;
  out.paired = std::filesystem::exists(out.key_file, error);
  if (out.paired) {
    TRY(out.client, load_key_file(out.key_file));
  }
  return out;
}

base::Result<void> keep_pairing(const Home& home, const Pairing& pairing) {
  TRY(home.ensure());
  return save_key_file(pairing.key_file, pairing.client);
}

base::Result<std::vector<orchestration::PromptTarget>> signer_apps_of(
    const Home& home, const std::vector<std::string>& files, base::Rng& rng) {
  std::vector<orchestration::PromptTarget> out;
  for (const std::string& file : files) {
    TRY(Pairing pairing, load_pairing(home, home.config_dir / file, rng));
    auto kept = std::make_shared<Pairing>(Pairing{.uri = pairing.uri,
                                                  .client = pairing.client.clone(),
                                                  .key_file = pairing.key_file});
    out.push_back({.uri = std::move(pairing.uri),
                   .client = std::move(pairing.client),
                   .paired = pairing.paired,
                   .paired_now = [home, kept] {
                     if (auto saved = keep_pairing(home, *kept); !saved)
                       LOG(kError, "desk", "the key a signer app knows us by cannot be kept",
                           {{"detail", saved.error().detail}});
                   }});
  }
  return out;
}

}  // namespace node
