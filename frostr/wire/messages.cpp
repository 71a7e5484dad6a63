// ping, onboard and the pieces all bodies share; sign and ecdh are in messages_sign.cpp.
#include "frostr/wire/messages.h"

#include "frostr/wire/envelope.h"
#include "frostr/wire/fields.h"
#include "frostr/wire/nonce_json.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::json::Value;

namespace {

constexpr base::json::Limits kBodyLimits{.max_bytes = kMaxRpcBytes, .max_depth = 16};

Result<std::vector<PoolStatus>> parse_pool_status(const Value& parent) {
  std::vector<PoolStatus> out;
  if (fields::find(parent, "pool_status") == nullptr) return out;
  TRY(const Value* list, fields::array(parent, "pool_status", kMaxGroupMembers));
  for (const Value& item : *list) {
    TRY(fields::want_object(item, "pool_status entry"));
    PoolStatus status;
    TRY(status.peer_idx.value, fields::u32(item, "peer_idx"));
    TRY(status.peer_pk, fields::hex<nostr::PublicKey>(item, "peer_pk"));
    TRY(status.available, fields::u32(item, "available"));
    TRY(status.needs_fill, fields::boolean(item, "needs_fill"));
    TRY(status.critical, fields::boolean(item, "critical"));
    out.push_back(status);
  }
  return out;
}

void write_pool(Value& out, const std::vector<PoolStatus>& statuses,
                const std::vector<WireNonce>& nonces) {
  if (!statuses.empty()) {
    Value list = Value::array();
    for (const PoolStatus& status : statuses)
      list.push_back({{"peer_idx", status.peer_idx.value},
                      {"peer_pk", status.peer_pk.hex()},
                      {"available", status.available},
                      {"needs_fill", status.needs_fill},
                      {"critical", status.critical}});
    out["pool_status"] = std::move(list);
  }
  if (!nonces.empty()) out["nonces"] = nonces_to_json(nonces);
}

Value group_to_json(const GroupPackage& group) {
  Value members = Value::array();
  for (const GroupMember& member : group.members())
    members.push_back({{"idx", member.idx.value}, {"pubkey", member.pubkey.hex()}});
  return {{"members", std::move(members)},
          {"group_pk", group.group_pk().hex()},
          {"threshold", group.threshold()}};
}

Result<GroupPackage> parse_group(const Value& object) {
  TRY(const Value* list, fields::array(object, "members", kMaxGroupMembers));
  TRY(const std::uint32_t threshold, fields::u32(object, "threshold"));
  TRY(const Point group_pk, fields::hex<Point>(object, "group_pk"));
  std::vector<GroupMember> members;
  for (const Value& item : *list) {
    TRY(fields::want_object(item, "group member"));
    TRY(const std::uint32_t idx, fields::u32(item, "idx"));
    TRY(const Point pubkey, fields::hex<Point>(item, "pubkey"));
    members.push_back({ShareIndex{idx}, pubkey});
  }
  TRY(GroupPackage group, GroupPackage::create(group_pk, threshold, std::move(members)));
  TRY(group.check_consistency());
  return group;
}

}  // namespace

// --- nonces ------------------------------------------------------------------------------------

Result<WireNonce> parse_nonce(const Value& item) {
  TRY(fields::want_object(item, "nonce"));
  TRY(const auto code, fields::hex<NonceCode>(item, "code"));
  TRY(const Point hiding, fields::hex<Point>(item, "hidden_pn"));
  TRY(const Point binding, fields::hex<Point>(item, "binder_pn"));
  return WireNonce{code, {hiding, binding}};
}

Result<std::vector<WireNonce>> parse_nonces(const Value& parent, std::string_view key) {
  std::vector<WireNonce> out;
  if (fields::find(parent, key) == nullptr) return out;
  TRY(const Value* list, fields::array(parent, key, kMaxWireNonces));
  out.reserve(list->size());
  for (const Value& item : *list) {
    TRY(const WireNonce nonce, parse_nonce(item));
    out.push_back(nonce);
  }
  return out;
}

Value nonce_to_json(const WireNonce& nonce) {
  return {{"code", nonce.code.hex()},
          {"hidden_pn", nonce.commitment.hiding.hex()},
          {"binder_pn", nonce.commitment.binding.hex()}};
}

Value nonces_to_json(const std::vector<WireNonce>& nonces) {
  Value out = Value::array();
  for (const WireNonce& nonce : nonces) out.push_back(nonce_to_json(nonce));
  return out;
}

// --- ping --------------------------------------------------------------------------------------

Result<PingRequest> parse_ping_request(std::string_view params0) {
  PingRequest out;
  if (params0.empty() || params0 == "ping") {
    out.legacy = true;
    return out;
  }
  TRY(const Value object, base::json::parse(params0, kBodyLimits));
  TRY(fields::want_object(object, "ping"));
  TRY(out.pool_status, parse_pool_status(object));
  TRY(out.nonces, parse_nonces(object, "nonces"));
  return out;
}

std::string to_params(const PingRequest& request) {
  if (request.legacy) return "ping";
  Value out{{"version", 2}};
  write_pool(out, request.pool_status, request.nonces);
  return base::json::dump(out);
}

Result<PingAnswer> parse_ping_answer(const Value& data) {
  TRY(fields::want_object(data, "ping answer"));
  PingAnswer out;
  const Value* policy = &data;
  if (fields::find(data, "policy") != nullptr) {
    TRY(policy, fields::object(data, "policy"));
    TRY(out.pool_status, parse_pool_status(data));
    TRY(out.nonces, parse_nonces(data, "nonces"));
  }
  TRY(out.send, fields::boolean(*policy, "send"));
  TRY(out.recv, fields::boolean(*policy, "recv"));
  return out;
}

Value to_data(const PingAnswer& answer) {
  Value out{{"policy", {{"send", answer.send}, {"recv", answer.recv}}}};
  write_pool(out, answer.pool_status, answer.nonces);
  return out;
}

// --- onboard -----------------------------------------------------------------------------------

Result<OnboardRequest> parse_onboard_request(std::string_view params0) {
  TRY(const Value object, base::json::parse(params0, kBodyLimits));
  TRY(fields::want_object(object, "onboard"));
  OnboardRequest out;
  TRY(out.idx.value, fields::u32(object, "idx"));
  TRY(const std::string_view key, fields::text(object, "share_pk", 66));
  if (key.size() == 66) {
    TRY(const Point point, Point::from_hex(key));
    out.share_pk = point.x_only();
    out.share_point = point;
  } else {
    TRY(out.share_pk, nostr::PublicKey::from_hex(key));
  }
  return out;
}

std::string onboard_params(ShareIndex idx, const Point& share) {
  return base::json::dump({{"share_pk", share.hex()}, {"idx", idx.value}});
}

Result<OnboardAnswer> parse_onboard_answer(const Value& data) {
  TRY(const Value* object, fields::object(data, "group"));
  TRY(GroupPackage group, parse_group(*object));
  TRY(std::vector<WireNonce> nonces, parse_nonces(data, "nonces"));
  return OnboardAnswer{std::move(group), std::move(nonces)};
}

Value to_data(const OnboardAnswer& answer) {
  return {{"group", group_to_json(answer.group)}, {"nonces", nonces_to_json(answer.nonces)}};
}

}  // namespace frostr
