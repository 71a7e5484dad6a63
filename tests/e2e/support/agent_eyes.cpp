#include "tests/e2e/support/agent_eyes.h"

#include <fmt/format.h>

#include "frostr/frost/group.h"
#include "frostr/frost/shares.h"
#include "frostr/wire/credential.h"
#include "nipsa/kinds.h"
#include "node/home.h"
#include "nostr/nips/nip44.h"
#include "tests/e2e/support/must.h"

namespace e2e {
namespace {

using nostr::Event;

nostr::SecretKey whole_key(const World& world) {
  std::vector<frostr::SecretShare> shares;
  std::vector<frostr::ShareIndex> indices;
  for (const int i : {2, 3}) {
    std::string text = must(node::read_file(world.deal() / fmt::format("share-{}.txt", i)));
    text.erase(text.find_last_not_of("\r\n ") + 1);
    shares.push_back(must(frostr::decode_share(text)).share);
    indices.push_back(shares.back().idx);
  }
  frostr::Scalar sum;
  for (const frostr::SecretShare& share : shares)
    sum = sum + *frostr::lagrange(share.idx, indices) *
                    *frostr::Scalar::from_bytes(share.secret.expose());
  return must(nostr::SecretKey::from_hex(sum.hex()));
}

}  // namespace

AgentEyes::AgentEyes(World& world) : world_(world), key_(whole_key(world)) {}

base::Result<nipsa::State> AgentEyes::state() {
  const auto conversation = must(nostr::nip44_conversation_key(key_, world_.identity()));
  const auto heads =
      world_.stranger().fetch({.authors = {world_.identity()}, .kinds = {nipsa::kinds::kState}});
  if (heads.size() != 1) return base::fail(base::Errc::kNotFound, "there is not one head");
  TRY(const std::string plaintext, nostr::nip44_decrypt(conversation, heads.front().content));
  TRY(const nipsa::State head, nipsa::decode_state(plaintext));
  std::map<std::uint32_t, std::string> plaintexts;
  for (const Event& event : parts()) {
    TRY(const auto part, nipsa::parse_state_part(event));
    TRY(plaintexts[part.number], nostr::nip44_decrypt(conversation, part.content));
  }
  return nipsa::join_state(head, plaintexts);
}

std::vector<Event> AgentEyes::parts() {
  return world_.stranger().fetch(
      {.authors = {world_.identity()}, .kinds = {nostr::kinds::kAppData}});
}

Event AgentEyes::publish(const std::string& plaintext, std::optional<Event> over) {
  const auto conversation = must(nostr::nip44_conversation_key(key_, world_.identity()));
  std::string content =
      must(nostr::nip44_encrypt(conversation, plaintext, world_.stranger().rng()));
  const auto at = over ? over->created_at + std::chrono::seconds{1} : world_.stranger().now();
  auto draft = must(
      nipsa::build_state(std::move(content), over ? std::optional(over->id) : std::nullopt, at));
  return sign_and_publish(std::move(draft));
}

Event AgentEyes::sign_and_publish(nostr::Draft draft) {
  const Event event = nostr::sign_event(std::move(draft), key_, world_.stranger().rng());
  world_.stranger().publish(event);
  return event;
}

}  // namespace e2e
