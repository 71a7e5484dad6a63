// Tools that look at Nostr or speak there: search_events, get_event, reply, post, react, send_dm,
// ask_operator.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/tools/tool.h"

namespace orchestration {

/// Who the agent is, as far as drafts need it.
struct Speaker {
  nostr::PublicKey agent;                    ///< the group key
  nostr::PublicKey node;                     ///< the key DMs come from
  std::vector<nostr::PublicKey> operators;   ///< whose words are marked trusted
};

/// All tools above. `outside` outlives them.
std::vector<std::unique_ptr<Tool>> make_nostr_tools(Outside& outside, Speaker speaker);

}  // namespace orchestration
