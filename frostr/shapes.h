// What the agent's machinery may look like: state and its parts, trajectory heads, AUTH, proofs,
// and the places of its profile and schedule. Part of the judgement. Pure.
#pragma once

#include "frostr/judgement.h"

namespace frostr {

/// nullopt: nothing speaks against it.
using Refusal = std::optional<std::string>;

/// Shape and place of kinds that have rules of their own; `id` is the event's.
Refusal check_shape(const Policy& policy, const nostr::UnsignedEvent& event, const SignFacts& facts,
                    const nostr::EventId& id);
/// Whether created_at lies from `past` before `now` to kStampFuture after it.
Refusal out_of_window(const nostr::UnsignedEvent& event, UnixTime now, base::seconds past);

}  // namespace frostr
