// NIP-98: an HTTP request signed by a Nostr key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"

namespace nostr {

inline constexpr std::chrono::seconds kHttpAuthWindow{60};

/// What an HTTP request is authorised by: the parts of it that are signed.
struct HttpAuth {
  std::string url;                  ///< absolute, with its query
  std::string method;               ///< "GET", "POST", …
  std::optional<Sha256> body_hash;  ///< of the body, when there is one
};

/// The kind 27235 event to sign.
Draft build_http_auth(const HttpAuth& request, UnixTime at);
/// `Nostr ` + base64 of the event: the value of the Authorization header.
std::string http_auth_header(const Event& event);
/// The event in an Authorization header's value; the scheme in any case. kInvalid for another
/// scheme, broken base64 or JSON, or over 16 KiB.
base::Result<Event> parse_http_auth_header(std::string_view value);

/// The server's side: kind, URL (exactly), method, created_at within kHttpAuthWindow of `now`, the
/// body's hash where the request has a body, signature. kDenied naming what does not fit, kCrypto
/// for id or signature. A body without a `payload` tag is denied: the signature would cover any
/// body.
base::Result<void> check_http_auth(const Event& event, const HttpAuth& request, UnixTime now);

}  // namespace nostr
