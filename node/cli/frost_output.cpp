// A group for people and for scripts.
#include "node/cli/frost_output.h"

#include <fmt/format.h>

#include "nostr/nips/nip19.h"

namespace node::cli {

using base::json::Value;

Value group_json(const frostr::GroupPackage& group) {
  Value members = Value::array();
  for (const frostr::GroupMember& member : group.members())
    members.push_back({{"idx", member.idx.value}, {"pubkey", member.identity().hex()}});
  return {{"identity", group.identity().hex()},
          {"npub", nostr::encode_npub(group.identity())},
          {"threshold", group.threshold()},
          {"members", members},
          {"gid", group.id().hex()}};
}

void print_group(const Context& context, const frostr::GroupPackage& group) {
  if (context.json) return print_json(group_json(group));
  print_line(nostr::encode_npub(group.identity()));
  print_line(group.identity().hex());
  print_line(fmt::format("{} of {} shares sign", group.threshold(), group.members().size()));
  for (const frostr::GroupMember& member : group.members())
    print_line(fmt::format("share {}  {}", member.idx.value, member.identity().hex()));
}

}  // namespace node::cli
