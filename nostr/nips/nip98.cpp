// NIP-98: tags u, method and payload, and the header around the event.
#include "nostr/nips/nip98.h"

#include <algorithm>

#include "nostr/event/event_json.h"

namespace nostr {

namespace {

constexpr std::string_view kScheme = "nostr ";
constexpr std::size_t kMaxHeader = 16'384;
constexpr EventLimits kLimits{.max_bytes = kMaxHeader, .max_tags = 32, .max_tag_elements = 16};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

Draft build_http_auth(const HttpAuth& request, UnixTime at) {
  Draft draft{.kind = kinds::kHttpAuth,
              .created_at = at,
              .tags = {{"u", request.url}, {"method", request.method}},
              .content = ""};
  if (request.body_hash) draft.tags.push_back({"payload", request.body_hash->hex()});
  return draft;
}

std::string http_auth_header(const Event& event) {
  return "Nostr " + base::base64_encode(base::as_bytes(to_json(event)));
}

base::Result<Event> parse_http_auth_header(std::string_view value) {
  if (value.size() > kMaxHeader)
    return base::fail(base::Errc::kInvalid, "authorization header is " +
                                                std::to_string(value.size()) + " bytes, limit is " +
                                                std::to_string(kMaxHeader));
  if (!equal_ignoring_case(value.substr(0, kScheme.size()), kScheme))
    return base::fail(base::Errc::kInvalid, "authorization header is not of the scheme Nostr");
  TRY(const base::Bytes json, base::base64_decode(value.substr(kScheme.size())));
  return parse_event(base::as_text(json), kLimits);
}

base::Result<void> check_http_auth(const Event& event, const HttpAuth& request, UnixTime now) {
  const auto denied = [](std::string what) {
    return base::fail(base::Errc::kDenied, std::move(what));
  };
  if (event.kind != kinds::kHttpAuth)
    return denied("http auth event has kind " + std::to_string(event.kind) + ", 27235 is needed");
  if (event.created_at < now - kHttpAuthWindow || event.created_at > now + kHttpAuthWindow)
    return denied("http auth event is dated more than 60 s from now");
  if (tag_value(event.tags, "u") != request.url)
    return denied("http auth event is for another url");
  const auto method = tag_value(event.tags, "method");
  if (!method || !equal_ignoring_case(*method, request.method))
    return denied("http auth event is for another method");
  if (request.body_hash && tag_value(event.tags, "payload") != request.body_hash->hex())
    return denied("http auth event does not cover this body");
  return check(event);
}

}  // namespace nostr
