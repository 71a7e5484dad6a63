// The other end of codecs.mjs: reads an event of a peer with the codec that is named, writes it anew
// with ours, and prints what came out. One JSON object a line, each way.
//
//   {"codec":"follows","event":{…}}            → {"draft":{"kind":3,"tags":[…],"content":""}}
//   {"codec":"comment","parent":{…},"event":{…}} → {"draft":{…},"parent":ID,"address":…,"root_address":…}
//   {"codec":"http_auth","header":…,"url":…,"method":…} → {"ok":true}
#include <iostream>
#include <string>

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip02.h"
#include "nostr/nips/nip22.h"
#include "nostr/nips/nip25.h"
#include "nostr/nips/nip51.h"
#include "nostr/nips/nip65.h"
#include "nostr/nips/nip66.h"
#include "nostr/nips/nip78.h"
#include "nostr/nips/nip89.h"
#include "nostr/nips/nip90.h"
#include "nostr/nips/nip98.h"
#include "nostr/nips/nip99.h"

namespace {

using base::Result;
using base::json::Value;
using nostr::Draft;
using nostr::Event;

Value shown(const Draft& draft) {
  return {{"kind", draft.kind}, {"tags", draft.tags}, {"content", draft.content}};
}

Result<Event> event_in(const Value& line, const char* name) {
  TRY(const Value object, base::json::get_object(line, name));
  return nostr::parse_event(base::json::dump(object));
}

/// Read by ours, written by ours.
Result<Draft> anew(const std::string& codec, const Value& line) {
  TRY(const Event event, event_in(line, "event"));
  const auto at = event.created_at;
  if (codec == "follows") {
    TRY(const auto follows, nostr::parse_follows(event));
    return nostr::build_follows(follows, event.content, at);
  }
  if (codec == "relay_list") {
    TRY(const auto list, nostr::parse_relay_list(event));
    return nostr::build_relay_list(list, at);
  }
  if (codec == "list") {
    TRY(const auto list, nostr::parse_list(event));
    return nostr::build_list(list, event.content, at);
  }
  if (codec == "app_data") {
    TRY(const auto data, nostr::parse_app_data(event));
    return nostr::build_app_data(data, at);
  }
  if (codec == "handler_info") {
    TRY(const auto info, nostr::parse_handler_info(event));
    return nostr::build_handler_info(info, at);
  }
  if (codec == "handler_recommendation") {
    TRY(const auto recommendation, nostr::parse_handler_recommendation(event));
    return nostr::build_handler_recommendation(recommendation, at);
  }
  if (codec == "relay_report") {
    TRY(const auto report, nostr::parse_relay_report(event));
    return nostr::build_relay_report(report, at);
  }
  if (codec == "listing") {
    TRY(const auto listing, nostr::parse_listing(event));
    return nostr::build_listing(listing, at);
  }
  if (codec == "job_request") {
    TRY(const auto request, nostr::parse_job_request(event));
    return nostr::build_job_request(request, at);
  }
  if (codec == "job_result") {
    TRY(const auto result, nostr::parse_job_result(event));
    TRY(const Event request, event_in(line, "parent"));
    return nostr::build_job_result(request, "", result.content, result.price, at);
  }
  if (codec == "job_feedback") {
    TRY(const auto feedback, nostr::parse_job_feedback(event));
    return nostr::build_job_feedback(feedback, "", at);
  }
  return base::fail(base::Errc::kInvalid, "no codec is called " + codec);
}

/// What answers another event: what ours finds in a peer's, and ours to the same event.
Result<Value> answered(const std::string& codec, const Value& line) {
  TRY(const Event event, event_in(line, "event"));
  TRY(const Event parent, event_in(line, "parent"));
  if (codec == "reaction") {
    const auto target = nostr::parse_reaction(event.tags);
    return Value{{"draft", shown(nostr::build_reaction(parent, "", event.content, event.created_at))},
                 {"parent", target.event ? target.event->hex() : ""}};
  }
  const auto target = nostr::parse_comment(event.tags);
  const Draft draft{event.kind, event.created_at, nostr::comment_tags(parent, ""), event.content};
  return Value{{"draft", shown(draft)},
               {"parent", target.parent ? target.parent->id.hex() : ""},
               {"address", target.parent_address ? target.parent_address->str() : ""},
               {"root_address", target.root_address ? target.root_address->str() : ""}};
}

Result<Value> http_auth(const Value& line) {
  TRY(const std::string header, base::json::get_string(line, "header"));
  nostr::HttpAuth request;
  TRY(request.url, base::json::get_string(line, "url"));
  TRY(request.method, base::json::get_string(line, "method"));
  if (const std::string body = base::json::string_or(line, "body"); !body.empty())
    request.body_hash = nostr::sha256(body);
  TRY(const Event event, nostr::parse_http_auth_header(header));
  TRY(nostr::check_http_auth(event, request, event.created_at));
  return Value{{"ok", true}, {"draft", shown(nostr::build_http_auth(request, event.created_at))}};
}

Result<Value> answer(const std::string& text) {
  TRY(const Value line, base::json::parse(text));
  TRY(const std::string codec, base::json::get_string(line, "codec"));
  if (codec == "http_auth") return http_auth(line);
  if (codec == "comment" || codec == "reaction") return answered(codec, line);
  TRY(const Draft draft, anew(codec, line));
  return Value{{"draft", shown(draft)}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto out = answer(line);
    std::cout << base::json::dump(out ? *out : Value{{"error", out.error().detail}}) << std::endl;
  }
  return 0;
}
