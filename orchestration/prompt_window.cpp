#include "orchestration/prompt_window.h"

#include <algorithm>
#include <map>
#include <utility>

#include "orchestration/hooks/tool_hooks.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {
namespace {

using base::json::Value;

constexpr std::size_t kKeptExchanges = 3;   ///< the model is at work with these
constexpr std::size_t kOldExchanges = 5;
constexpr std::size_t kWorthTaking = 500;   ///< what is shorter says how something ended, and stays
constexpr std::size_t kMostShortened = 20;
constexpr std::size_t kShortenedTo = 300;
constexpr const char* kLeftOut = "(left out to make room)";

/// A call and its answer, by their places in the conversation.
struct Exchanged {
  std::size_t asked = 0;   ///< message
  std::size_t call = 0;    ///< in it
  std::size_t answer = 0;  ///< message
  std::size_t age = 0;     ///< exchanges since
  Value arguments;         ///< null when they are no JSON
};

std::vector<Exchanged> exchanges(const std::vector<Message>& messages) {
  std::vector<Exchanged> out;
  std::size_t turns = 0;
  std::map<std::string, std::pair<std::size_t, std::size_t>> asked;
  std::vector<std::size_t> turn_of;
  for (std::size_t at = 0; at < messages.size(); ++at) {
    const Message& message = messages[at];
    if (message.role == Role::kAssistant) {
      ++turns;
      for (std::size_t i = 0; i < message.calls.size(); ++i) asked[message.calls[i].id] = {at, i};
    }
    const auto found = message.role == Role::kTool ? asked.find(message.call_id) : asked.end();
    if (found == asked.end()) continue;
    const auto [where, which] = found->second;
    auto arguments = base::json::parse(messages[where].calls[which].arguments, {.max_bytes = 262'144, .max_depth = 16});
    out.push_back({where, which, at, 0, arguments ? *std::move(arguments) : Value()});
    turn_of.push_back(turns);
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i].age = turns - turn_of[i];
  return out;
}

/// The shrinking of one conversation, a rung at a time.
class Shrinker {
 public:
  Shrinker(std::vector<Message>& messages, std::size_t max_bytes)
      : messages_(messages), exchanges_(exchanges(messages)), bytes_(prompt_bytes(messages)), max_bytes_(max_bytes) {}

  bool fits() const { return bytes_ <= max_bytes_; }
  void drop_replaced();
  void shorten_largest();
  void drop_last_results();

 private:
  void take(std::string& text, std::string instead) {
    if (text.size() < kWorthTaking || instead.size() >= text.size()) return;
    bytes_ -= text.size() - instead.size();
    text = std::move(instead);
  }
  ToolCall& call_of(const Exchanged& one) { return messages_[one.asked].calls[one.call]; }
  bool is_superseded(std::size_t index);

  std::vector<Message>& messages_;
  std::vector<Exchanged> exchanges_;
  std::size_t bytes_;
  std::size_t max_bytes_;
};

/// Whether a file written here was read again since, so that what it holds stands further down.
bool Shrinker::is_superseded(std::size_t index) {
  const Exchanged& one = exchanges_[index];
  if (!one.arguments.is_object() || !one.arguments.contains("path")) return false;
  return std::any_of(exchanges_.begin() + static_cast<std::ptrdiff_t>(index) + 1, exchanges_.end(),
                     [&](const Exchanged& later) {
                       return call_of(later).name == "read_file" && later.arguments.is_object() &&
                              later.arguments.value("path", Value()) == one.arguments.at("path");
                     });
}

void Shrinker::drop_replaced() {
  for (std::size_t i = 0; i < exchanges_.size() && !fits(); ++i) {
    const Exchanged& one = exchanges_[i];
    ToolCall& call = call_of(one);
    const bool again = std::any_of(exchanges_.begin() + static_cast<std::ptrdiff_t>(i) + 1, exchanges_.end(),
                                   [&](const Exchanged& later) {
                                     return call_of(later).name == call.name && later.arguments == one.arguments &&
                                            !one.arguments.is_null();
                                   });
    if (again) take(messages_[one.answer].content, "(left out: the same call was made again later)");
    const bool failed_long_ago = messages_[one.answer].outcome != ToolOutcome::kOk && one.age > kOldExchanges;
    if (!failed_long_ago && !is_superseded(i)) continue;
    Value rest = {{"left_out", true}};
    if (one.arguments.is_object() && one.arguments.contains("path")) rest["path"] = one.arguments.at("path");
    take(call.arguments, base::json::dump(rest));
  }
}

void Shrinker::shorten_largest() {
  for (std::size_t round = 0; round < kMostShortened && !fits(); ++round) {
    Message* largest = nullptr;
    for (const Exchanged& one : exchanges_) {
      Message& answer = messages_[one.answer];
      if (one.age >= kKeptExchanges && answer.content.size() >= kWorthTaking &&
          (!largest || answer.content.size() > largest->content.size()))
        largest = &answer;
    }
    if (!largest) return;
    const std::size_t before = largest->content.size();
    take(largest->content, truncate_output(largest->content, kShortenedTo));
    // Envelopes take their room too; what does not get shorter is left out whole.
    if (largest->content.size() == before) take(largest->content, kLeftOut);
  }
}

void Shrinker::drop_last_results() {
  for (std::size_t age = kKeptExchanges; age-- > 0;)
    for (const Exchanged& one : exchanges_)
      if (one.age == age && !fits()) take(messages_[one.answer].content, kLeftOut);
}

}  // namespace

std::vector<Message> prompt_of(const std::vector<TranscriptMessage>& transcript) {
  const auto summary = std::find_if(transcript.rbegin(), transcript.rend(),
                                    [](const TranscriptMessage& entry) { return entry.folds.has_value(); });
  std::vector<Message> out;
  std::size_t from = 0;
  if (summary != transcript.rend()) {
    out = {transcript.front().message, summary->message};
    from = *summary->folds;
  }
  for (std::size_t at = from; at < transcript.size(); ++at)
    if (!transcript[at].folds) out.push_back(transcript[at].message);
  // Servers refuse a message of nothing; who said nothing has said so.
  for (Message& message : out)
    if (message.calls.empty() && message.content.empty()) message.content = "(nothing)";
  return out;
}

std::size_t prompt_bytes(const std::vector<Message>& messages) {
  std::size_t bytes = 0;
  for (const Message& message : messages) bytes += message_bytes(message);
  return bytes;
}

bool shrink(std::vector<Message>& messages, std::size_t max_bytes) {
  Shrinker shrinker(messages, max_bytes);
  if (!shrinker.fits()) shrinker.drop_replaced();
  if (!shrinker.fits()) shrinker.shorten_largest();
  if (!shrinker.fits()) shrinker.drop_last_results();
  return shrinker.fits();
}

std::size_t fold_point(const std::vector<TranscriptMessage>& transcript, std::size_t keep_bytes) {
  std::size_t point = transcript.size();
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (std::size_t at = transcript.size(); at-- > 2 && kept < kKeptExchanges;) {
    if (!transcript[at].folds) bytes += message_bytes(transcript[at].message);
    if (bytes > keep_bytes) break;
    if (transcript[at].message.role != Role::kAssistant) continue;
    point = at;
    ++kept;
  }
  return point;
}

}  // namespace orchestration
