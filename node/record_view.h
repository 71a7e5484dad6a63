// The record of a home as a person reads it: what woke the agent, each step, each question, each verdict.
//
// It is put together from the rows that the programs live by, so there is nothing that could be said
// here and not have happened. Entries are never changed, only joined by later ones.
#pragma once

#include <optional>

#include "nostr/base/json.h"
#include "nostr/crypto/keys.h"
#include "storage/db.h"
#include "storage/trajectories.h"

namespace node {

/// Opens steps, whose content is sealed to the operator; without one they show as sealed.
struct StepReader {
  const nostr::SecretKey* key = nullptr;    ///< the node's
  std::optional<nostr::PublicKey> reader;   ///< the first operator
};

/// Entries at or after `since`, the newest `limit` of them, oldest first, each {"at", "what", "id",
/// "text"}. `what`: tick, step, question, decision, verdict (of a co-signer). `id` is unique and stays.
/// Texts hold words of others.
base::Result<base::json::Value> record_view(storage::Db& db, const StepReader& reader,
                                            base::UnixTime since, std::size_t limit);

/// Answers the control method "record": `since` (0), `limit` (50).
base::Result<base::json::Value> answer_record(storage::Db& db, const StepReader& reader,
                                              const base::json::Value& params);

/// The body of one step, opened; {"type": …} from its tags when it cannot be.
base::json::Value step_body(const storage::StepRow& step, const StepReader& reader);
/// One line of a step's body. Pure.
std::string step_text(const base::json::Value& body);

/// What the node is doing now or waits for, in a line, from its status. Pure.
std::string doing_now(const base::json::Value& status);

}  // namespace node
