// Messages of a ceremony as JSON.
#include "frostr/ceremony/message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "frostr/wire/envelope.h"
#include "nostr/base/json.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Result;

namespace {

using Type = CeremonyMessage::Type;

constexpr std::size_t kMaxAbortBytes = 300;
constexpr std::array<std::pair<Type, std::string_view>, 13> kNames{{
    {Type::kRound1, "round1"},
    {Type::kDealings, "dealings"},
    {Type::kRound2, "round2"},
    {Type::kCertificate, "certificate"},
    {Type::kAck, "ack"},
    {Type::kDone, "done"},
    {Type::kComplaint, "complaint"},
    {Type::kEvidence, "evidence"},
    {Type::kDealing, "dealing"},
    {Type::kSum, "sum"},
    {Type::kConfirm, "confirm"},
    {Type::kRenewed, "renewed"},
    {Type::kAbort, "abort"},
}};

}  // namespace

std::string party_name(std::size_t position) {
  return "participant " + std::to_string(position + 1);
}

std::string to_text(const nostr::Sha256& session, const CeremonyMessage& message) {
  const auto name = std::ranges::find(kNames, message.type, &std::pair<Type, std::string_view>::first);
  base::json::Value out{{"ceremony", session.hex()},
                        {"type", std::string(name->second)},
                        {"data", base::base64url_encode(message.data)}};
  if (message.type == Type::kAbort) out["text"] = message.text.substr(0, kMaxAbortBytes);
  return base::json::dump(out);
}

Result<ParsedCeremonyMessage> parse_ceremony_message(std::string_view text) {
  TRY(const base::json::Value object,
      base::json::parse(text, {.max_bytes = kMaxRpcBytes, .max_depth = 4}));
  TRY(const std::string session, base::json::get_string(object, "ceremony"));
  TRY(const std::string type, base::json::get_string(object, "type"));
  TRY(const std::string data, base::json::get_string(object, "data"));
  ParsedCeremonyMessage out;
  TRY(out.session, nostr::Sha256::from_hex(session));
  const auto name = std::ranges::find(kNames, type, &std::pair<Type, std::string_view>::second);
  if (name == kNames.end()) return fail(Errc::kInvalid, "unknown type of a ceremony message");
  out.message.type = name->first;
  TRY(out.message.data, base::base64url_decode(data));
  out.message.text = base::json::string_or(object, "text").substr(0, kMaxAbortBytes);
  return out;
}

}  // namespace frostr
