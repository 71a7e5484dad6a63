// Searching, and turning a model's wish to speak into a draft that others may judge.
#include "orchestration/tools/nostr_tools.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/nips/nip10.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip22.h"
#include "nostr/nips/nip25.h"
#include "orchestration/envelope.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::int64_t kMaxSearch = 50;
constexpr std::size_t kMaxEventInList = 2000;
constexpr std::int64_t kMaxNote = 8000;

Value reason_param() {
  return text_param("One line for the operator: why you want this.", 300, 0);
}

struct Facts {
  ToolSpec spec;
  Capability capability = Capability::kQuery;
  ActionClass action = ActionClass::kSearch;
  std::optional<nostr::Kind> sign_kind;
};

/// What all tools here share: their facts, the outside, and who speaks.
class NostrTool : public Tool {
 public:
  NostrTool(Facts facts, Outside& outside, Speaker speaker)
      : outside_(outside), speaker_(std::move(speaker)), facts_(std::move(facts)) {}
  const ToolSpec& spec() const override { return facts_.spec; }
  Capability capability() const override { return facts_.capability; }
  ActionClass action() const override { return facts_.action; }
  bool is_outward() const override { return facts_.action != ActionClass::kSearch; }
  std::optional<nostr::Kind> sign_kind() const override { return facts_.sign_kind; }
  Task<Result<ActionRequest>> prepare(ToolContext, Value) override {
    co_return base::fail(Errc::kInternal, spec().name + " does not act");
  }
  Task<Result<std::string>> run(ToolContext, Value) override {
    co_return base::fail(Errc::kInternal, spec().name + " only acts");
  }

 protected:
  Trust trust_of(const nostr::PublicKey& author) const {
    const auto& trusted = speaker_.operators;
    return std::find(trusted.begin(), trusted.end(), author) != trusted.end() ? Trust::kOperator
                                                                              : Trust::kStranger;
  }
  ActionRequest request_of(const ToolContext& context, nostr::Draft draft,
                           const Value& params) const {
    return {.key = {.tick = context.trigger.tick, .call_id = context.call_id},
            .action = facts_.action,
            .draft = std::move(draft),
            .reason = base::json::string_or(params, "reason"),
            .ask = context.ask};
  }
  /// The event `id`, from the trigger or from the relays; kNotFound, or what the search says.
  Task<Result<nostr::Event>> event_by_id(Trigger trigger, nostr::EventId id) {
    if (trigger.event && trigger.event->id == id) co_return *trigger.event;
    nostr::Filter filter;
    filter.ids = {id};
    filter.limit = 1;
    CO_TRY(auto found, co_await outside_.search(std::move(filter)));
    if (found.empty()) co_return base::fail(Errc::kNotFound, "no relay has event " + id.hex());
    co_return std::move(found.front());
  }
  /// The event named by `event_id`, or the trigger's when that is left out.
  Task<Result<nostr::Event>> target(Trigger trigger, std::string named) {
    if (named.empty()) {
      if (!trigger.event || trigger.kind != TriggerKind::kMention)
        co_return base::fail(Errc::kInvalid,
                             "event_id is missing, and no public note started this session");
      co_return *trigger.event;
    }
    CO_TRY(const nostr::EventId id, nostr::parse_event_id(named));
    co_return co_await event_by_id(std::move(trigger), id);
  }

  Outside& outside_;
  Speaker speaker_;

 private:
  Facts facts_;
};

class SearchEvents final : public NostrTool {
 public:
  SearchEvents(Outside& outside, Speaker speaker)
      : NostrTool(
            {.spec = {"search_events",
                      "Search the relays. Every condition narrows; lists are alternatives. "
                      "Newest events come first.",
                      object_schema(
                          {{"kinds",
                            {{"type", "array"},
                             {"maxItems", 20},
                             {"items", {{"type", "integer"}, {"minimum", 0}, {"maximum", 65535}}}}},
                           {"authors",
                            {{"type", "array"},
                             {"maxItems", 20},
                             {"items", text_param("npub or hex", 200)}}},
                           {"mentions", text_param("only events that name this npub", 200)},
                           {"replies_to", text_param("only events that name this event", 200)},
                           {"since", {{"type", "integer"}, {"minimum", 0}}},
                           {"until", {{"type", "integer"}, {"minimum", 0}}},
                           {"limit",
                            {{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxSearch}}}},
                          Value::array())}},
            outside, std::move(speaker)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(auto filter, filter_of(params));
    CO_TRY(const auto found, co_await outside_.search(std::move(filter)));
    if (found.empty()) co_return std::string("No event matches.");
    std::string out;
    for (const nostr::Event& event : found)
      out += enclose(event, trust_of(event.pubkey), kMaxEventInList) + "\n";
    co_return out;
  }

 private:
  static Result<nostr::Filter> filter_of(const Value& params) {
    nostr::Filter filter;
    filter.limit = static_cast<std::uint32_t>(base::json::int_or(params, "limit", 10));
    if (const auto kinds = params.find("kinds"); kinds != params.end())
      for (const Value& kind : *kinds) filter.kinds.push_back(kind.get<nostr::Kind>());
    if (const auto authors = params.find("authors"); authors != params.end()) {
      for (const Value& author : *authors) {
        TRY(const auto key, nostr::parse_public_key(author.get<std::string>()));
        filter.authors.push_back(key);
      }
    }
    if (const std::string named = base::json::string_or(params, "mentions"); !named.empty()) {
      TRY(const auto key, nostr::parse_public_key(named));
      filter.tags['p'] = {key.hex()};
    }
    if (const std::string named = base::json::string_or(params, "replies_to"); !named.empty()) {
      TRY(const auto id, nostr::parse_event_id(named));
      filter.tags['e'] = {id.hex()};
    }
    if (params.contains("since"))
      filter.since = base::unix_time(base::json::int_or(params, "since"));
    if (params.contains("until"))
      filter.until = base::unix_time(base::json::int_or(params, "until"));
    return filter;
  }
};

class GetEvent final : public NostrTool {
 public:
  GetEvent(Outside& outside, Speaker speaker)
      : NostrTool({.spec = {"get_event", "Read one event by its id.",
                            object_schema({{"event_id", text_param("note, nevent or hex", 2000)}},
                                          {"event_id"})}},
                  outside, std::move(speaker)) {}

  Task<Result<std::string>> run(ToolContext context, Value params) override {
    CO_TRY(const auto id, nostr::parse_event_id(base::json::string_or(params, "event_id")));
    CO_TRY(const nostr::Event event, co_await event_by_id(std::move(context.trigger), id));
    co_return enclose(event, trust_of(event.pubkey));
  }
};

class ReplyTool final : public NostrTool {
 public:
  ReplyTool(Outside& outside, Speaker speaker)
      : NostrTool(
            {.spec = {"reply",
                      "Answer a public event under your own name, in its thread. Without event_id "
                      "it answers the note that started this session.",
                      object_schema({{"content", text_param("What you say.", kMaxNote)},
                                     {"event_id", text_param("note, nevent or hex", 2000)},
                                     {"reason", reason_param()}},
                                    {"content"})},
             .capability = Capability::kSign,
             .action = ActionClass::kReply,
             .sign_kind = nostr::kinds::kTextNote},
            outside, std::move(speaker)) {}

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    CO_TRY(const nostr::Event parent,
           co_await target(context.trigger, base::json::string_or(params, "event_id")));
    const std::string relay = context.trigger.event && context.trigger.event->id == parent.id
                                  ? context.trigger.relay
                                  : "";
    nostr::Draft draft{.content = base::json::string_or(params, "content")};
    // A text note is answered by a text note (NIP-10), anything else by a comment (NIP-22).
    if (parent.kind == nostr::kinds::kTextNote) {
      draft.kind = nostr::kinds::kTextNote;
      draft.tags = nostr::reply_tags(parent, relay, speaker_.agent);
    } else {
      draft.kind = nostr::kinds::kComment;
      draft.tags = nostr::comment_tags(parent, relay);
    }
    co_return request_of(context, std::move(draft), params);
  }
};

class PostTool final : public NostrTool {
 public:
  PostTool(Outside& outside, Speaker speaker)
      : NostrTool({.spec = {"post", "Publish a new public note under your own name.",
                            object_schema({{"content", text_param("What you say.", kMaxNote)},
                                           {"reason", reason_param()}},
                                          {"content"})},
                   .capability = Capability::kSign,
                   .action = ActionClass::kPost,
                   .sign_kind = nostr::kinds::kTextNote},
                  outside, std::move(speaker)) {}

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    nostr::Draft draft{.kind = nostr::kinds::kTextNote,
                       .content = base::json::string_or(params, "content")};
    co_return request_of(context, std::move(draft), params);
  }
};

class ReactTool final : public NostrTool {
 public:
  ReactTool(Outside& outside, Speaker speaker)
      : NostrTool({.spec = {"react", "React to an event with + (like), - (dislike) or one emoji.",
                            object_schema({{"content", text_param("+, - or an emoji", 32)},
                                           {"event_id", text_param("note, nevent or hex", 2000)},
                                           {"reason", reason_param()}},
                                          {"content"})},
                   .capability = Capability::kSign,
                   .action = ActionClass::kReact,
                   .sign_kind = nostr::kinds::kReaction},
                  outside, std::move(speaker)) {}

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    CO_TRY(const nostr::Event event,
           co_await target(context.trigger, base::json::string_or(params, "event_id")));
    const std::string relay =
        context.trigger.event && context.trigger.event->id == event.id ? context.trigger.relay : "";
    nostr::Draft draft =
        nostr::build_reaction(event, relay, base::json::string_or(params, "content"), {});
    co_return request_of(context, std::move(draft), params);
  }
};

class SendDm final : public NostrTool {
 public:
  SendDm(Outside& outside, Speaker speaker)
      : NostrTool({.spec = {"send_dm", "Send a private message from your node's key.",
                            object_schema({{"to", text_param("npub or hex of the recipient", 2000)},
                                           {"content", text_param("What you say.", kMaxNote)},
                                           {"reason", reason_param()}},
                                          {"to", "content"})},
                   .capability = Capability::kMessage,
                   .action = ActionClass::kDm},
                  outside, std::move(speaker)) {}

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    CO_TRY(const auto to, nostr::parse_public_key(base::json::string_or(params, "to")));
    if (to == speaker_.node || to == speaker_.agent)
      co_return base::fail(Errc::kInvalid, "that is you", "name somebody else");
    const nostr::PrivateMessage message{
        .from = speaker_.node, .to = {to}, .text = base::json::string_or(params, "content")};
    nostr::UnsignedEvent rumor = nostr::build_private_message(message);
    nostr::Draft draft{
        .kind = rumor.kind, .tags = std::move(rumor.tags), .content = std::move(rumor.content)};
    co_return request_of(context, std::move(draft), params);
  }
};

class AskOperator final : public NostrTool {
 public:
  AskOperator(Outside& outside, Speaker speaker)
      : NostrTool({.spec = {"ask_operator",
                            "Ask your operator a question and wait for the answer. Use it when you "
                            "cannot go on without one; it may take long.",
                            object_schema({{"question", text_param("The whole question.", 2000)}},
                                          {"question"})},
                   .capability = Capability::kControl,
                   .action = ActionClass::kAskOperator},
                  outside, std::move(speaker)) {}

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    nostr::Draft draft{.kind = nostr::kinds::kPrivateMessage,
                       .content = base::json::string_or(params, "question")};
    co_return request_of(context, std::move(draft), params);
  }
};

}  // namespace

std::vector<std::unique_ptr<Tool>> make_nostr_tools(Outside& outside, Speaker speaker) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<SearchEvents>(outside, speaker));
  out.push_back(std::make_unique<GetEvent>(outside, speaker));
  out.push_back(std::make_unique<ReplyTool>(outside, speaker));
  out.push_back(std::make_unique<PostTool>(outside, speaker));
  out.push_back(std::make_unique<ReactTool>(outside, speaker));
  out.push_back(std::make_unique<SendDm>(outside, speaker));
  out.push_back(std::make_unique<AskOperator>(outside, std::move(speaker)));
  return out;
}

}  // namespace orchestration
