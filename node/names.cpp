// Looking names up, and remembering what was found.
#include "node/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/home.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxDocument = 256u << 10;
constexpr std::size_t kMaxRemembered = 1'000;

bool consists_of(std::string_view text, std::string_view punctuation) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || punctuation.contains(c);
  });
}

std::unexpected<base::Error> no_name(std::string_view text) {
  return fail(Errc::kInvalid,
              fmt::format("\"{}\" is neither a key nor a name", text.substr(0, kMaxName)),
              "npub1…, nprofile1…, 64 hex characters or bob@example.com");
}

}  // namespace

Result<InternetName> parse_internet_name(std::string_view text) {
  if (text.size() > kMaxName) return no_name(text);
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const std::size_t at = lower.find('@');
  InternetName name{at == std::string::npos ? "_" : lower.substr(0, at),
                    at == std::string::npos ? lower : lower.substr(at + 1)};
  if (!consists_of(name.local, "-_.") || !consists_of(name.domain, "-.:")) return no_name(text);
  if (!name.domain.contains('.') || name.domain.starts_with('.') || name.domain.contains(".."))
    return no_name(text);
  return name;
}

Result<nostr::PublicKey> read_names(std::string_view document, std::string_view local) {
  const auto value = base::json::parse(document, {.max_bytes = kMaxDocument, .max_depth = 16});
  if (!value) return fail(Errc::kPeer, "the list of names is no JSON");
  const auto names = base::json::get_object(*value, "names");
  if (!names) return fail(Errc::kPeer, "the document holds no \"names\"");
  const std::string hex = base::json::string_or(*names, local);
  if (hex.empty()) return fail(Errc::kNotFound, fmt::format("nobody there is called \"{}\"", local));
  auto key = nostr::PublicKey::from_hex(hex);
  if (!key) return fail(Errc::kPeer, fmt::format("the key of \"{}\" is no key in hex", local));
  return key;
}

Names::Names(base::Loop& loop, const base::Clock& clock, NameOptions options)
    : clock_(clock), options_(std::move(options)), http_(loop) {}

base::Task<Result<nostr::PublicKey>> Names::find(std::string text) {
  // What looks like a key is one or is wrong; only what could be a domain is asked for.
  if (auto key = nostr::parse_public_key(text); key || !text.contains('.')) co_return key;
  CO_TRY(InternetName name, parse_internet_name(text));
  if (const auto known = recall(name.str())) co_return *known;
  const std::string full = name.str();
  auto found = co_await ask(std::move(name));
  if (!found) co_return std::unexpected(base::in_context(full, found.error()));
  remember(full, *found);
  co_return found;
}

base::Task<Result<nostr::PublicKey>> Names::ask(InternetName name) {
  // NIP-05: a client must not follow redirects here.
  nostr::HttpCall call{.url = fmt::format("{}://{}/.well-known/nostr.json?name={}", options_.scheme,
                                          name.domain, name.local),
                       .connect_timeout = options_.limit,
                       .total_timeout = options_.limit,
                       .max_body_bytes = kMaxDocument,
                       .follow_redirects = false,
                       .allow_private_addresses = options_.allow_private};
  CO_TRY(const nostr::HttpReply reply, co_await http_.perform(std::move(call)));
  if (reply.status != 200)
    co_return fail(Errc::kPeer, fmt::format("the domain answers with status {}", reply.status));
  co_return read_names(reply.body, name.local);
}

Value Names::read_cache() const {
  if (options_.cache.empty()) return Value::object();
  const auto text = read_file(options_.cache);
  if (!text) return Value::object();
  auto value = base::json::parse(*text, {.max_bytes = 1u << 20, .max_depth = 4});
  return value && value->is_object() ? *std::move(value) : Value::object();
}

std::optional<nostr::PublicKey> Names::recall(const std::string& name) const {
  const Value cache = read_cache();
  const auto entry = cache.find(name);
  if (entry == cache.end() || !entry->is_object()) return std::nullopt;
  const base::UnixTime at = base::unix_time(base::json::int_or(*entry, "at"));
  const base::UnixTime now = clock_.now();
  if (at > now || now - at > options_.keep_for) return std::nullopt;
  auto key = nostr::PublicKey::from_hex(base::json::string_or(*entry, "key"));
  if (!key) return std::nullopt;
  return *key;
}

void Names::remember(const std::string& name, const nostr::PublicKey& key) const {
  std::error_code error;
  if (options_.cache.empty() || !std::filesystem::exists(options_.cache.parent_path(), error)) return;
  Value cache = read_cache();
  if (cache.size() >= kMaxRemembered) cache = Value::object();
  cache[name] = {{"key", key.hex()}, {"at", base::to_unix(clock_.now())}};
  // A lost memory costs one request, so a full disk is no error here.
  static_cast<void>(write_file(options_.cache, base::json::dump(cache), 0600));
}

}  // namespace node
