// JSON views of questions and relays.
#include "node/desk_views.h"

#include "nostr/nips/nip19.h"

namespace node {

using base::json::Value;

Value question_view(const storage::Question& question) {
  return {{"code", question.code},
          {"state", std::string(storage::name_of(question.state))},
          {"action", question.action_class},
          {"text", question.summary},
          {"digest", question.digest.hex()},
          {"request", question.id.hex()},
          {"agent", question.agent.hex()},
          {"sats", question.sats},
          {"needs_proof", question.needs_proof},
          {"created_at", base::to_unix(question.created_at)},
          {"expires_at", base::to_unix(question.expires_at)}};
}

base::Result<Value> pending_view(storage::Approvals& approvals, base::UnixTime now) {
  Value out = Value::array();
  for (const storage::QuestionState state :
       {storage::QuestionState::kOpen, storage::QuestionState::kApproved}) {
    TRY(const auto questions, approvals.list(state));
    for (const storage::Question& question : questions) {
      Value view = question_view(question);
      view["age"] = (now - question.created_at).count();
      out.push_back(std::move(view));
    }
  }
  return out;
}

Value reach_view(const orchestration::Desk& desk) {
  Value out = Value::array();
  for (const auto& [person, reach] : desk.reach())
    out.push_back({{"pubkey", person.hex()}, {"npub", nostr::encode_npub(person)}, {"asked_by", orchestration::reach_name(reach)}});
  return out;
}

Value relay_view(const std::vector<nostr::RelayStatus>& relays) {
  Value out = Value::array();
  for (const nostr::RelayStatus& relay : relays)
    out.push_back({{"url", relay.url},
                   {"connected", relay.connected},
                   {"state", std::string(nostr::name_of(relay.state))},
                   {"until", relay.until ? Value(base::to_unix(*relay.until)) : Value()},
                   {"auth", std::string(nostr::name_of(relay.auth))},
                   {"auths", relay.auths},
                   {"auths_failed", relay.auths_failed},
                   {"attempts", relay.attempts},
                   {"left", relay.left},
                   {"last_refusal", relay.last_refusal},
                   {"connections", relay.connections},
                   {"last_event", relay.last_event ? Value(base::to_unix(*relay.last_event)) : Value()},
                   {"last_frame", relay.last_frame ? Value(base::to_unix(*relay.last_frame)) : Value()},
                   {"events", relay.events},
                   {"duplicates", relay.duplicates},
                   {"rejected", relay.rejected},
                   {"malformed", relay.malformed},
                   {"forged", relay.forged},
                   {"unmatched", relay.unmatched},
                   {"other_tags", relay.other_tags},
                   {"dropped", relay.dropped},
                   {"last_error", relay.last_error}});
  return out;
}

}  // namespace node
