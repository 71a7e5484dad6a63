// NIP-09: requests of an author to delete its own events.
#pragma once

#include <string>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// What a kind 5 event asks to delete. Addresses of other authors are already left out.
struct DeletionTargets {
  std::vector<EventId> ids;
  std::vector<Address> addresses;  ///< versions up to the request's created_at
};

/// Targets of `deletion`; malformed tags are ignored. Empty when its kind is not 5.
DeletionTargets deletion_targets(const Event& deletion);
/// Whether `deletion` covers `target`: same author, named by id or by address with a created_at not
/// after the request, and not itself a deletion.
bool deletes(const Event& deletion, const Event& target);
/// A kind 5 draft naming `targets` by id, and by address where they have one.
Draft build_deletion(const std::vector<Event>& targets, std::string reason, UnixTime at);

}  // namespace nostr
