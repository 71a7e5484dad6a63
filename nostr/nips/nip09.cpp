// NIP-09: only the author's own events can be meant.
#include "nostr/nips/nip09.h"

#include <algorithm>

namespace nostr {

namespace {

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

}  // namespace

DeletionTargets deletion_targets(const Event& deletion) {
  DeletionTargets out;
  if (deletion.kind != kinds::kDeletion) return out;
  for (const Tag& tag : deletion.tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "e") {
      if (auto id = EventId::from_hex(tag[1])) out.ids.push_back(*id);
    } else if (tag[0] == "a") {
      auto address = Address::parse(tag[1]);
      if (address && address->pubkey == deletion.pubkey)
        out.addresses.push_back(*std::move(address));
    }
  }
  return out;
}

bool deletes(const Event& deletion, const Event& target) {
  // A deletion of a deletion has no effect (NIP-09 "Deletion Request of a Deletion Request").
  if (deletion.pubkey != target.pubkey || target.kind == kinds::kDeletion) return false;
  const DeletionTargets named = deletion_targets(deletion);
  if (contains(named.ids, target.id)) return true;
  const auto address = address_of(target);
  return address && target.created_at <= deletion.created_at && contains(named.addresses, *address);
}

Draft build_deletion(const std::vector<Event>& targets, std::string reason, UnixTime at) {
  Draft draft{.kind = kinds::kDeletion, .created_at = at, .tags = {}, .content = std::move(reason)};
  std::vector<Kind> named;
  for (const Event& target : targets) {
    draft.tags.push_back({"e", target.id.hex()});
    if (const auto address = address_of(target)) draft.tags.push_back({"a", address->str()});
    if (!contains(named, target.kind)) named.push_back(target.kind);
  }
  for (const Kind kind : named) draft.tags.push_back({"k", std::to_string(kind)});
  return draft;
}

}  // namespace nostr
