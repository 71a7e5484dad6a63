// The bodies of sign and ecdh, and the session id.
#include <algorithm>

#include "frostr/frost/hash.h"
#include "frostr/wire/envelope.h"
#include "frostr/wire/fields.h"
#include "frostr/wire/messages.h"
#include "frostr/wire/nonce_json.h"
#include "nostr/event/event_json.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::json::Value;

namespace {

constexpr base::json::Limits kBodyLimits{.max_bytes = kMaxRpcBytes, .max_depth = 16};
constexpr std::size_t kMaxTypeBytes = 128;
constexpr std::uint32_t kContextVersion = 1;

Result<std::vector<ShareIndex>> parse_members(const Value& parent) {
  TRY(const Value* list, fields::array(parent, "members", kMaxGroupMembers));
  std::vector<ShareIndex> out;
  out.reserve(list->size());
  for (const Value& item : *list) {
    TRY(const std::uint32_t idx, fields::as_u32(item, "members"));
    if (idx == 0) return fail(Errc::kInvalid, "member index is zero");
    out.push_back(ShareIndex{idx});
  }
  return out;
}

Value members_to_json(const std::vector<ShareIndex>& members) {
  Value out = Value::array();
  for (const ShareIndex idx : members) out.push_back(idx.value);
  return out;
}

Result<HashEntry> parse_hash_entry(const Value& item) {
  if (!item.is_array() || item.empty() || item.size() > 1 + kMaxWireTweaks)
    return fail(Errc::kInvalid, "hashes entry is not a list of a hash and at most " +
                                    std::to_string(kMaxWireTweaks) + " tweaks");
  HashEntry out;
  TRY(const std::string_view hash, fields::as_text(item.front(), "sighash", 64));
  TRY(out.sighash, nostr::Sha256::from_hex(hash));
  for (std::size_t i = 1; i < item.size(); ++i) {
    TRY(const std::string_view tweak_hex, fields::as_text(item[i], "tweak", 64));
    TRY(const Scalar tweak, Scalar::from_hex(tweak_hex));
    out.tweaks.push_back(tweak);
  }
  return out;
}

Result<nostr::Event> parse_attached(const Value& value, std::string_view what) {
  auto event = nostr::parse_event(base::json::dump(value), {.max_bytes = kMaxRpcBytes});
  if (!event) return std::unexpected(base::in_context(what, std::move(event).error()));
  return event;
}

Result<std::optional<nostr::Event>> parse_optional_event(const Value& parent,
                                                         std::string_view key) {
  const Value* value = fields::find(parent, key);
  if (value == nullptr) return std::nullopt;
  TRY(nostr::Event event, parse_attached(*value, key));
  return std::optional(std::move(event));
}

// Events go into a body as objects; to_json() escapes exactly as the id was computed.
Result<Value> event_to_json(const nostr::Event& event) {
  return base::json::parse(nostr::to_json(event), {.max_bytes = 1'000'000});
}

void attach_event(Value& parent, const char* key, const std::optional<nostr::Event>& event) {
  if (!event) return;
  if (auto value = event_to_json(*event)) parent[key] = *std::move(value);
}

// Our `context` member; nullptr when absent or of a version we do not know.
const Value* find_context(const Value& body) {
  const Value* context = fields::find(body, "context");
  if (context == nullptr) return nullptr;
  const auto version = fields::u32(*context, "v");
  return version && *version == kContextVersion ? context : nullptr;
}

Result<std::string> optional_text(const Value& parent, std::string_view key) {
  if (fields::find(parent, key) == nullptr) return std::string();
  TRY(const std::string_view text, fields::text(parent, key, kMaxContextChars));
  return std::string(text);
}

Result<std::optional<SignReason>> parse_sign_reason(const Value& body) {
  const Value* context = find_context(body);
  if (context == nullptr) return std::nullopt;
  SignReason out;
  TRY(out.tick, optional_text(*context, "tick"));
  TRY(out.request, parse_optional_event(*context, "request"));
  TRY(out.decision, parse_optional_event(*context, "decision"));
  if (fields::find(*context, "ask") != nullptr) {
    TRY(out.ask, fields::boolean(*context, "ask"));
  }
  return std::optional(std::move(out));
}

Result<std::optional<EcdhReason>> parse_ecdh_reason(const Value& body) {
  const Value* context = find_context(body);
  if (context == nullptr) return std::nullopt;
  EcdhReason out;
  TRY(out.purpose, optional_text(*context, "purpose"));
  TRY(out.tick, optional_text(*context, "tick"));
  if (fields::find(*context, "proof") != nullptr) {
    TRY(const Value* list, fields::array(*context, "proof", kMaxEcdhProofs));
    for (const Value& item : *list) {
      TRY(nostr::Event event, parse_attached(item, "proof"));
      out.proof.push_back(std::move(event));
    }
  }
  return std::optional(std::move(out));
}

Result<std::vector<MemberNonce>> parse_member_nonces(const Value& body) {
  TRY(const Value* list, fields::array(body, "nonces", kMaxGroupMembers));
  std::vector<MemberNonce> out;
  for (const Value& item : *list) {
    TRY(fields::want_object(item, "nonce"));
    TRY(const std::uint32_t idx, fields::u32(item, "idx"));
    TRY(const WireNonce nonce, parse_nonce(item));
    out.push_back({ShareIndex{idx}, nonce});
  }
  return out;
}

Result<std::optional<base::Bytes>> parse_content(const Value& body) {
  if (fields::find(body, "content") == nullptr) return std::nullopt;
  TRY(const std::string_view hex, fields::text(body, "content", kMaxRpcBytes));
  auto bytes = base::hex_decode(hex);
  if (!bytes) return std::unexpected(base::in_context("content", std::move(bytes).error()));
  return std::optional(*std::move(bytes));
}

}  // namespace

// --- sign --------------------------------------------------------------------------------------

SessionId compute_session_id(const SignRequest& request) {
  nostr::Sha256Hasher hasher;
  hasher.update(request.gid.view());
  for (const ShareIndex idx : request.members) hasher.update(ByteView(be32(idx.value)));
  for (const HashEntry& entry : request.hashes) {
    hasher.update(entry.sighash.view());
    for (const Scalar& tweak : entry.tweaks) hasher.update(tweak.view());
  }
  // No content is hashed as one zero byte, which empty content is not.
  hasher.update(request.content ? ByteView(*request.content)
                                : ByteView(std::array<std::uint8_t, 1>{0}));
  hasher.update(std::string_view(request.type));
  hasher.update(ByteView(be32(request.stamp)));
  return SessionId(hasher.finish().array());
}

Result<SignRequest> parse_sign_request(std::string_view params0) {
  TRY(const Value body, base::json::parse(params0, kBodyLimits));
  TRY(fields::want_object(body, "sign"));
  SignRequest out;
  TRY(out.content, parse_content(body));
  TRY(const Value* hashes, fields::array(body, "hashes", kMaxWireHashes));
  for (const Value& item : *hashes) {
    TRY(HashEntry entry, parse_hash_entry(item));
    out.hashes.push_back(std::move(entry));
  }
  TRY(out.members, parse_members(body));
  TRY(out.stamp, fields::u32(body, "stamp"));
  TRY(const std::string_view type, fields::text(body, "type", kMaxTypeBytes));
  out.type = type;
  TRY(out.gid, fields::hex<GroupId>(body, "gid"));
  TRY(out.sid, fields::hex<SessionId>(body, "sid"));
  TRY(out.nonces, parse_member_nonces(body));
  TRY(out.reason, parse_sign_reason(body));
  return out;
}

std::string to_params(const SignRequest& request) {
  Value hashes = Value::array();
  for (const HashEntry& entry : request.hashes) {
    Value item = Value::array({entry.sighash.hex()});
    for (const Scalar& tweak : entry.tweaks) item.push_back(tweak.hex());
    hashes.push_back(std::move(item));
  }
  Value nonces = Value::array();
  for (const MemberNonce& nonce : request.nonces) {
    Value item = nonce_to_json(nonce.nonce);
    item["idx"] = nonce.idx.value;
    nonces.push_back(std::move(item));
  }
  Value out{{"content", request.content ? Value(base::hex_encode(*request.content)) : Value()},
            {"hashes", std::move(hashes)},
            {"members", members_to_json(request.members)},
            {"stamp", request.stamp},
            {"type", request.type},
            {"gid", request.gid.hex()},
            {"sid", request.sid.hex()},
            {"nonces", std::move(nonces)}};
  if (request.reason) {
    Value context{
        {"v", kContextVersion}, {"tick", request.reason->tick}, {"ask", request.reason->ask}};
    attach_event(context, "request", request.reason->request);
    attach_event(context, "decision", request.reason->decision);
    out["context"] = std::move(context);
  }
  return base::json::dump(out);
}

Result<SignAnswer> parse_sign_answer(const Value& data) {
  TRY(fields::want_object(data, "sign answer"));
  TRY(const std::uint32_t idx, fields::u32(data, "idx"));
  TRY(const Value* list, fields::array(data, "psigs", kMaxWireHashes));
  TRY(const auto sid, fields::hex<SessionId>(data, "sid"));
  TRY(const auto code, fields::hex<NonceCode>(data, "nonce_code"));
  std::vector<PartialEntry> psigs;
  for (const Value& item : *list) {
    if (!item.is_array() || item.size() != 2)
      return fail(Errc::kInvalid, "psigs entry is not a pair of hash and scalar");
    TRY(const std::string_view hash_hex, fields::as_text(item[0], "sighash", 64));
    TRY(const auto hash, nostr::Sha256::from_hex(hash_hex));
    TRY(const std::string_view z_hex, fields::as_text(item[1], "partial signature", 64));
    TRY(const Scalar z, Scalar::from_hex(z_hex));
    psigs.push_back({hash, z});
  }
  TRY(const Point pubkey, fields::hex<Point>(data, "pubkey"));
  TRY(std::vector<WireNonce> replenish, parse_nonces(data, "replenish"));
  return SignAnswer{ShareIndex{idx}, pubkey, sid, code, std::move(psigs), std::move(replenish)};
}

Value to_data(const SignAnswer& answer) {
  Value psigs = Value::array();
  for (const PartialEntry& entry : answer.psigs)
    psigs.push_back(Value::array({entry.sighash.hex(), entry.z.hex()}));
  Value out{{"idx", answer.idx.value},
            {"psigs", std::move(psigs)},
            {"pubkey", answer.pubkey.hex()},
            {"sid", answer.sid.hex()},
            {"nonce_code", answer.nonce_code.hex()}};
  if (!answer.replenish.empty()) out["replenish"] = nonces_to_json(answer.replenish);
  return out;
}

// --- ecdh --------------------------------------------------------------------------------------

Result<EcdhPackage> parse_ecdh_answer(const Value& data) {
  TRY(fields::want_object(data, "ecdh"));
  EcdhPackage out;
  TRY(out.idx.value, fields::u32(data, "idx"));
  TRY(out.members, parse_members(data));
  TRY(const Value* list, fields::array(data, "entries", kMaxEcdhEntries));
  for (const Value& item : *list) {
    TRY(fields::want_object(item, "ecdh entry"));
    TRY(const EcdhTarget target, fields::hex<EcdhTarget>(item, "ecdh_pk"));
    EcdhEntry entry{target, std::nullopt};
    TRY(const std::string_view key_share, fields::text(item, "keyshare", 66));
    if (!key_share.empty()) {
      TRY(entry.key_share, Point::from_hex(key_share));
    }
    out.entries.push_back(std::move(entry));
  }
  return out;
}

Result<EcdhPackage> parse_ecdh_request(std::string_view params0) {
  TRY(const Value body, base::json::parse(params0, kBodyLimits));
  TRY(EcdhPackage out, parse_ecdh_answer(body));
  TRY(out.reason, parse_ecdh_reason(body));
  return out;
}

Value to_data(const EcdhPackage& answer) {
  Value entries = Value::array();
  for (const EcdhEntry& entry : answer.entries)
    entries.push_back({{"ecdh_pk", entry.target.hex()},
                       {"keyshare", entry.key_share ? entry.key_share->hex() : std::string()}});
  return {{"idx", answer.idx.value},
          {"members", members_to_json(answer.members)},
          {"entries", std::move(entries)}};
}

std::string to_params(const EcdhPackage& request) {
  Value out = to_data(request);
  if (request.reason) {
    Value proof = Value::array();
    for (const nostr::Event& event : request.reason->proof)
      if (auto value = event_to_json(event)) proof.push_back(*std::move(value));
    out["context"] = {{"v", kContextVersion},
                      {"purpose", request.reason->purpose},
                      {"tick", request.reason->tick},
                      {"proof", std::move(proof)}};
  }
  return base::json::dump(out);
}

}  // namespace frostr
