// Issues as commands see them, answered by the running process or from the database of one that rests.
#pragma once

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "nostr/base/rng.h"
#include "storage/issues.h"

namespace node {

/// `method` is issue-list {status, limit}, issue-show {number}, issue-add {title, description, priority, type,
/// agent, needs[]}, issue-done, issue-block {number, reason}, issue-unblock, issue-release {number, reason},
/// issue-priority {number, priority}, issue-export or issue-import {text}.
base::Result<base::json::Value> answer_issues(storage::Issues& issues, const std::string& method, const base::json::Value& params,
                                              base::UnixTime now, base::Rng& rng);

}  // namespace node
