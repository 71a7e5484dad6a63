// NIP-42: the AUTH event and the relay's check of it.
#include "nostr/nips/nip42.h"

#include <string>

#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

/// Scheme, host and port of a relay URL: paths differ behind proxies without meaning another relay.
std::string authority_of(std::string_view url) {
  std::string out = normalize_relay_url(url);
  const auto path = out.find('/', out.find("://") + 3);
  return path == std::string::npos ? out : out.substr(0, path);
}

}  // namespace

Draft build_auth(std::string_view challenge, std::string_view relay_url, UnixTime at) {
  return {.kind = kinds::kClientAuth,
          .created_at = at,
          .tags = {{"relay", std::string(relay_url)}, {"challenge", std::string(challenge)}},
          .content = ""};
}

base::Result<void> check_auth(const Event& event, std::string_view challenge,
                              std::string_view relay_url, UnixTime now) {
  const auto denied = [](std::string what) {
    return base::fail(base::Errc::kDenied, std::move(what));
  };
  if (event.kind != kinds::kClientAuth)
    return denied("auth event has kind " + std::to_string(event.kind) + ", 22242 is needed");
  if (challenge.empty() || tag_value(event.tags, "challenge") != challenge)
    return denied("auth event answers another challenge");
  const auto relay = tag_value(event.tags, "relay");
  if (!relay || !is_relay_url(*relay) || authority_of(*relay) != authority_of(relay_url))
    return denied("auth event is for another relay");
  if (event.created_at < now - kAuthWindow || event.created_at > now + kAuthWindow)
    return denied("auth event is dated more than 600 s from now");
  return check(event);
}

}  // namespace nostr
