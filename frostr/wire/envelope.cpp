// Reading and writing the envelope; bodies are the business of messages.cpp.
#include "frostr/wire/envelope.h"

#include "frostr/wire/fields.h"
#include "nostr/base/bytes.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::json::Value;

namespace {

constexpr std::size_t kMaxParams = 4;
constexpr std::size_t kMaxMethodChars = 64;

// Cuts before the character that would cross the limit.
std::string cut(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

Result<RpcMessage> parse_request(std::string id, const Value& object) {
  RpcRequest out{.id = std::move(id)};
  TRY(const std::string_view method, fields::text(object, "method", kMaxMethodChars));
  out.method = method;
  TRY(const Value* params, fields::array(object, "params", kMaxParams));
  for (const Value& param : *params) {
    TRY(const std::string_view text, fields::as_text(param, "params", kMaxRpcBytes));
    out.params.emplace_back(text);
  }
  return RpcMessage(std::move(out));
}

Result<std::string> bounded(const Value& object) {
  std::string text = base::json::dump(object);
  if (text.size() > kMaxRpcBytes)
    return fail(Errc::kLimit, "peer message is " + std::to_string(text.size()) +
                                  " bytes, limit is " + std::to_string(kMaxRpcBytes));
  return text;
}

}  // namespace

Result<RpcMessage> parse_rpc(std::string_view text) {
  TRY(Value object, base::json::parse(text, {.max_bytes = kMaxRpcBytes, .max_depth = 16}));
  TRY(fields::want_object(object, "peer message"));
  TRY(const std::string_view id_text, fields::text(object, "id", kMaxRpcIdChars));
  if (id_text.empty()) return fail(Errc::kInvalid, "id is empty");
  std::string id(id_text);
  if (fields::find(object, "version") != nullptr) {
    TRY(fields::u32(object, "version"));
  }

  TRY(const std::string_view type, fields::text(object, "type", kMaxMethodChars));
  if (type == "request") return parse_request(std::move(id), object);
  if (type == "accept") {
    const auto data = object.find("data");
    if (data == object.end()) return fail(Errc::kInvalid, "data is missing");
    return RpcMessage(RpcAccept{std::move(id), std::move(*data)});
  }
  if (type == "reject") {
    TRY(const std::string_view reason, fields::text(object, "reason", kMaxRpcBytes));
    return RpcMessage(RpcReject{std::move(id), cut(reason, kMaxRejectChars)});
  }
  if (type == "event") return fail(Errc::kUnsupported, "peer message of type event");
  return fail(Errc::kInvalid, "type is none of request, accept, reject");
}

Result<std::string> to_text(const RpcRequest& request) {
  return bounded({{"id", request.id},
                  {"version", 1},
                  {"method", request.method},
                  {"params", request.params},
                  {"peers", Value::array()},
                  {"type", "request"}});
}

Result<std::string> to_text(const RpcAccept& accept) {
  return bounded({{"id", accept.id},
                  {"version", 1},
                  {"data", accept.data},
                  {"status", true},
                  {"type", "accept"}});
}

std::string to_text(const RpcReject& reject) {
  return base::json::dump({{"id", reject.id},
                           {"version", 1},
                           {"reason", cut(reject.reason, kMaxRejectChars)},
                           {"status", false},
                           {"type", "reject"}});
}

std::string new_rpc_id(base::Rng& rng) { return base::base64url_encode(rng.bytes<32>()); }

}  // namespace frostr
