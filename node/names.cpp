// Looking names up, and remembering what was found.
#include "node/names.h"

#include <fmt/format.h>

#include "node/home.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxDocument = 256u << 10;
constexpr std::size_t kMaxRemembered = 1'000;

}  // namespace

Names::Names(base::Loop& loop, const base::Clock& clock, NameOptions options)
    : clock_(clock), options_(std::move(options)), http_(loop) {}

base::Task<Result<nostr::PublicKey>> Names::find(std::string text) {
  // What looks like a key is one or is wrong; only what could be a domain is asked for.
  if (auto key = nostr::parse_public_key(text); key || !text.contains('.')) co_return key;
  CO_TRY(nostr::InternetIdentifier name, nostr::parse_identifier(text));
  const std::string full = name.name + "@" + name.domain;
  if (const auto known = recall(full)) co_return *known;
  auto found = co_await ask(std::move(name));
  if (!found) co_return std::unexpected(base::in_context(full, found.error()));
  remember(full, *found);
  co_return found;
}

base::Task<Result<nostr::PublicKey>> Names::ask(nostr::InternetIdentifier name) {
  std::string url = nostr::identifier_url(name);
  if (options_.trust_local) url.replace(0, std::string_view("https").size(), "http");
  nostr::HttpCall call{.url = std::move(url),
                       .connect_timeout = options_.limit,
                       .total_timeout = options_.limit,
                       .max_body_bytes = kMaxDocument,
                       .follow_redirects = false,  // NIP-05 "Security Constraints"
                       .allow_private_addresses = options_.trust_local};
  CO_TRY(const nostr::HttpReply reply, co_await http_.perform(std::move(call)));
  if (reply.status != 200)
    co_return fail(Errc::kPeer, fmt::format("the domain answers with status {}", reply.status));
  CO_TRY(const nostr::NamedKey found, nostr::find_name(reply.body, name.name));
  co_return found.pubkey;
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
