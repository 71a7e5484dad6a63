// The built-in hooks around tool calls: who may, whether the operator must, and how much comes back.
#pragma once

#include <cstddef>
#include <string>

#include "orchestration/autonomy.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/permissions.h"
#include "storage/outputs.h"

namespace orchestration {

/// Priority 100, guarded: permissions.h on the frozen call.
Hook permission_gate(Permissions permissions, NodeRules node);

/// Priority 90, guarded: autonomy.h for acts that leave the session.
Hook autonomy_gate(AutonomyRules rules);

/// Priority 50, guarded: output over `max_bytes` keeps its head (70 %) and tail (30 %), cut between
/// characters and where possible between lines, with a notice of what is missing in the middle. With
/// `outputs` all of it is kept, and the notice says how read_output shows the rest. References outlive the chain.
Hook output_truncator(storage::Outputs* outputs, const base::Clock& clock, std::size_t max_bytes = 30'000);

/// The truncation itself.
std::string truncate_middle(std::string_view text, std::size_t max_bytes);
/// The same for text with envelopes in it (envelope.h): what was inside one stays inside one.
std::string truncate_output(std::string_view text, std::size_t max_bytes, std::string_view where = "");
/// `size` bytes of it from `from` on, cut between characters and tags: what is inside an envelope stays
/// inside one.
std::string slice_output(std::string_view text, std::size_t from, std::size_t size);

/// Priority 1: one log line per call: tool, outcome, bytes. Never parameters or content.
Hook tool_logger();

}  // namespace orchestration
