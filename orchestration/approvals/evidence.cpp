// Gathering evidence; checking it is in evidence_check.cpp.
#include "orchestration/approvals/evidence.h"

#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip59.h"

namespace orchestration {
namespace {

using base::Result;
using base::json::Value;

/// A JSON document as a member of another; as text when it is none.
Value embedded(const std::string& json) {
  if (json.empty()) return {};
  auto value = base::json::parse(json, {.max_bytes = kMaxEvidenceBytes});
  return value ? *std::move(value) : Value(json);
}

/// The seal inside `wrap_json` and the keys that open this seal alone.
Result<Value> opened_seal(const std::string& wrap_json, const nostr::SecretKey& asker) {
  TRY(const nostr::Event wrap, nostr::parse_event(wrap_json));
  TRY(const nostr::Event seal, nostr::open_wrap(wrap, asker));
  TRY(const auto conversation, nostr::nip44_conversation_key(asker, seal.pubkey));
  TRY(const nostr::Nip44MessageKeys keys, nostr::nip44_keys_of(conversation, seal.content));
  return Value{{"seal", embedded(nostr::to_json(seal))},
               {"message_keys",
                {{"chacha_key", base::hex_encode(keys.chacha_key.expose())},
                 {"chacha_nonce", base::hex_encode(keys.chacha_nonce.expose())},
                 {"hmac_key", base::hex_encode(keys.hmac_key.expose())}}}};
}

Value signal_view(const storage::Signal& signal, const nostr::SecretKey& asker) {
  Value out = {{"id", signal.id.hex()},
               {"author", signal.author.hex()},
               {"channel", signal.channel},
               {"strength", std::string(storage::name_of(signal.strength))},
               {"answer", std::string(storage::name_of(signal.answer))},
               {"verdict", std::string(storage::name_of(signal.verdict))},
               {"said_at", base::to_unix(signal.said_at)},
               {"received_at", base::to_unix(signal.received_at)},
               {"relay", signal.relay}};
  if (signal.refers_to) out["refers_to"] = signal.refers_to->hex();
  if (signal.wrap_json.empty()) {
    if (!signal.raw_json.empty()) out["event"] = embedded(signal.raw_json);
    return out;
  }
  if (auto seal = opened_seal(signal.wrap_json, asker))
    out.update(*seal);
  else
    out["rumor"] = embedded(signal.raw_json);
  return out;
}

}  // namespace

Result<Value> gather_evidence(storage::Approvals& approvals, const storage::Question& question,
                              const nostr::SecretKey& asker) {
  Value operators = Value::array();
  for (const nostr::PublicKey& person : question.operators) operators.push_back(person.hex());
  Value bundle = {{"format", kEvidenceFormat},
                  {"code", question.code},
                  {"agent", question.agent.hex()},
                  {"tick", question.tick},
                  {"asker", asker.public_key().hex()},
                  {"action_class", question.action_class},
                  {"action", embedded(question.action_json)},
                  {"digest", question.digest.hex()},
                  {"request", embedded(question.request_json)},
                  {"operators", std::move(operators)},
                  {"required", question.required},
                  {"needs_proof", question.needs_proof},
                  {"created_at", base::to_unix(question.created_at)},
                  {"expires_at", base::to_unix(question.expires_at)},
                  {"state", std::string(storage::name_of(question.state))},
                  {"presentations", Value::array()},
                  {"signals", Value::array()},
                  {"decisions", Value::array()}};
  TRY(const auto bound, approvals.bound_event(question.digest));
  if (bound) bundle["bound_to"] = bound->hex();
  TRY(const auto presentations, approvals.presentations(question.id));
  for (const storage::Presentation& shown : presentations)
    bundle["presentations"].push_back({{"id", shown.id.hex()},
                                       {"channel", shown.channel},
                                       {"shown_to", shown.shown_to.hex()},
                                       {"part", shown.part},
                                       {"created_at", base::to_unix(shown.created_at)},
                                       {"message", embedded(shown.rumor_json)}});
  TRY(const auto signals, approvals.signals(question.id));
  for (const storage::Signal& signal : signals)
    bundle["signals"].push_back(signal_view(signal, asker));
  TRY(const auto decisions, approvals.decisions(question.id));
  for (const storage::Decision& decision : decisions)
    bundle["decisions"].push_back(embedded(decision.event_json));
  if (base::json::dump(bundle).size() > kMaxEvidenceBytes)
    return base::fail(base::Errc::kLimit, "the evidence on this question is over 4 MiB");
  return bundle;
}

}  // namespace orchestration
