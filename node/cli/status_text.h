// What `status`, `pending` and `top` say to people, as lines. Pure; lines may hold words of others.
#pragma once

#include <string>
#include <vector>

#include "nostr/base/json.h"

namespace node::cli {

/// One question: its line, then its text.
std::vector<std::string> question_lines(const base::json::Value& question);
/// A whole status.
std::vector<std::string> status_lines(const base::json::Value& status);
/// One entry of the record: when, what, in words.
std::string record_line(const base::json::Value& entry);
/// A screen: who it is, what it does, relays, co-signers, money, questions, and as much of the record
/// as `rows` leaves room for.
std::vector<std::string> frame_lines(const base::json::Value& status, const base::json::Value& record,
                                     std::string_view time, std::size_t rows);

}  // namespace node::cli
