// A good stream of each API, mangled in every place: cut, an event twice, two swapped, one short of a brace, a byte
// that is no text, things of the wrong type, far too much. What comes of it is a typed fault or an answer; a cut or
// damaged one is never taken for whole, and no tool is called that the model did not name.
#include <gtest/gtest.h>

#include <set>

#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/responses.h"
#include "tools/model_server/dialects.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;
using std::chrono::milliseconds;

constexpr const char* kText = "g\xc3\xbc, a\xc3\x9f alles";  // cut into threes, no character is
constexpr const char* kCalls = R"(reply {"content":"hi","n":12}; post {"content":"[1,2]"})";

struct Api {
  const char* name;
  model_server::Dialect served;
  std::function<std::unique_ptr<Dialect>()> read;
  std::string separator;  ///< between events
};

const std::vector<Api>& apis() {
  static const std::vector<Api> kApis = {
      {"chat", model_server::Dialect::kChat, [] { return std::make_unique<ChatDialect>(); }, "\n\n"},
      {"responses", model_server::Dialect::kResponses, [] { return std::make_unique<ResponsesDialect>(); }, "\n\n"},
      {"ollama", model_server::Dialect::kOllama, [] { return std::make_unique<OllamaDialect>(); }, "\n"}};
  return kApis;
}

std::string good_stream(const Api& api) {
  const Value entry = {{"text", kText},
                       {"calls", Value::array({{{"name", "reply"}, {"arguments", {{"content", "hi"}, {"n", 12}}}},
                                               {{"name", "post"}, {"arguments", {{"content", "[1,2]"}}}}})},
                       {"fragment", 3},
                       {"usage", {{"prompt_tokens", 40}, {"completion_tokens", 9}}}};
  return model_server::stream_body(api.served, entry, {{"model", "m"}, {"stream", true}});
}

std::vector<std::string> events_of(const Api& api, const std::string& stream) {
  std::vector<std::string> out;
  std::size_t from = 0;
  for (std::size_t at = stream.find(api.separator); at != stream.npos; at = stream.find(api.separator, from)) {
    out.push_back(stream.substr(from, at + api.separator.size() - from));
    from = at + api.separator.size();
  }
  return out;
}

std::string joined(const std::vector<std::string>& events) {
  std::string out;
  for (const std::string& event : events) out += event;
  return out;
}

std::string calls_in(const Reply& reply) {
  std::string out;
  for (const ToolCall& call : reply.message.calls) out += (out.empty() ? "" : "; ") + call.name + " " + call.arguments;
  return out;
}

/// How strictly the outcome is known.
enum class Must {
  kFail,         ///< a fault, whichever
  kFailOrRight,  ///< a fault, or exactly what was meant
  kEnd,          ///< an end of either kind, with no tool but those that were named
};

struct Mangled {
  std::string what;
  std::string stream;
  Must must;
};

class MangledStream : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Api& api() const { return apis()[GetParam()]; }

  std::expected<Reply, ModelFailure> ask(const std::string& stream) {
    Value script = {{"turns", Value::array({{{"raw", stream}}})}};
    auto server = *ModelServer::listen(0, std::move(script));
    const bool ollama = api().served == model_server::Dialect::kOllama;
    auto backend = *HttpBackend::create(http_, clock_, api().read(),
                                        {.id = "mangled",
                                         .base_url = ollama ? server->root_url() : server->base_url(),
                                         .wire = {.model = "scripted"},
                                         .family = ollama ? ServerFamily::kOllama : ServerFamily::kOpenAi,
                                         .first_token_timeout = milliseconds{2'000},
                                         .idle_timeout = milliseconds{2'000}});
    Request request{.timeout = std::chrono::seconds{20}};
    request.messages = {{.role = Role::kUser, .content = "hi"}};
    return loop_.run_until_complete(backend->complete(std::move(request)));
  }

  void check(const Mangled& one) {
    SCOPED_TRACE(std::string(api().name) + ": " + one.what);
    const auto reply = ask(one.stream);
    if (!reply) {
      EXPECT_FALSE(reply.error().error.detail.empty());
      EXPECT_LT(reply.error().error.detail.size(), 2'000u) << "a fault is no dump";
      EXPECT_NE(reply.error().fault, ModelFault::kTimeout) << "it must not hang";
      return;
    }
    if (one.must == Must::kFail) {
      ADD_FAILURE() << "taken for whole: " << reply->message.content << " " << calls_in(*reply);
      return;
    }
    if (one.must == Must::kFailOrRight) {
      EXPECT_EQ(reply->message.content, kText);
      EXPECT_EQ(calls_in(*reply), kCalls);
      return;
    }
    std::set<std::string> ids;
    for (const ToolCall& call : reply->message.calls) {
      EXPECT_TRUE(call.name == "reply" || call.name == "post") << call.name;
      EXPECT_TRUE(ids.insert(call.id).second) << "two calls under one id";
    }
    EXPECT_LE(reply->message.calls.size(), 4u);
  }

  std::vector<Mangled> mangled() const;

  base::Loop loop_;
  base::SystemClock clock_;
  nostr::HttpClient http_{loop_};
};

/// Where the JSON of an event begins and ends.
std::pair<std::size_t, std::size_t> json_in(const std::string& event) {
  return {event.find('{'), event.rfind('}')};
}

std::vector<Mangled> MangledStream::mangled() const {
  std::vector<Mangled> out;
  const std::string good = good_stream(api());
  const std::vector<std::string> events = events_of(api(), good);
  for (int i = 0; i < 20; ++i) {
    const std::size_t at = good.size() * static_cast<std::size_t>(i) / 20;
    out.push_back({"cut after " + std::to_string(at), good.substr(0, at), Must::kFailOrRight});
  }
  const std::size_t stride = std::max<std::size_t>(events.size() / 12, 1);
  for (std::size_t i = 0; i < events.size(); i += stride) {
    std::vector<std::string> twice = events;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), events[i]);
    out.push_back({"event " + std::to_string(i) + " twice", joined(twice), Must::kEnd});
    if (i + 1 < events.size()) {
      std::vector<std::string> swapped = events;
      std::swap(swapped[i], swapped[i + 1]);
      out.push_back({"event " + std::to_string(i) + " late", joined(swapped), Must::kEnd});
    }
    const auto [open, close] = json_in(events[i]);
    if (open == std::string::npos) continue;
    std::vector<std::string> shorter = events;
    shorter[i].erase(close, 1);
    out.push_back({"event " + std::to_string(i) + " without its last brace", joined(shorter), Must::kFail});
    std::vector<std::string> bad = events;
    bad[i][(open + close) / 2] = '\xff';
    out.push_back({"event " + std::to_string(i) + " with a byte that is no text", joined(bad), Must::kFail});
    std::vector<std::string> nul = events;
    nul[i][(open + close) / 2] = '\0';
    out.push_back({"event " + std::to_string(i) + " with a zero", joined(nul), Must::kFail});
  }
  const auto event = [&](const std::string& json) {
    return (api().served == model_server::Dialect::kOllama ? "" : "data: ") + json + api().separator;
  };
  for (const char* json : {"null", "true", "7", "\"text\"", "[]", "[{}]"})
    out.push_back({std::string("first comes ") + json, event(json) + good, Must::kFail});
  out.push_back({"nested a thousand deep", event(std::string(1000, '[') + std::string(1000, ']')) + good, Must::kFail});
  out.push_back({"one event of three megabytes", event("{\"x\":\"" + std::string(3u << 20, 'x') + "\"}") + good, Must::kFailOrRight});
  out.push_back({"an error behind the text", joined({events[0], events[1]}) + event(R"({"error":{"message":"gone"}})"), Must::kFail});
  out.push_back({"only the first event, a thousand times", [&] {
                   std::string many;
                   for (int i = 0; i < 1000; ++i) many += events[0];
                   return many;
                 }(), Must::kFail});
  out.push_back({"backwards", joined({events.rbegin(), events.rend()}), Must::kEnd});
  return out;
}

TEST_P(MangledStream, EndsInAFaultOrAnAnswerAndDamageIsNeverTakenForWhole) {
  const auto whole = ask(good_stream(api()));
  ASSERT_TRUE(whole.has_value()) << whole.error().error.detail;
  ASSERT_EQ(whole->message.content, kText);
  ASSERT_EQ(calls_in(*whole), kCalls);
  const std::vector<Mangled> all = mangled();
  EXPECT_GE(all.size(), 50u);
  for (const Mangled& one : all) check(one);
}

TEST_P(MangledStream, ThingsOfTheWrongTypeInsideAnEventAreFaultsOrNothing) {
  const std::string good = good_stream(api());
  const std::vector<std::string> events = events_of(api(), good);
  const char* wrong[] = {"null", "true", "-1", "1e300", "99999999999999999999", "\"x\"", "[]", "{}"};
  int cases = 0;
  for (std::size_t i = 0; i < events.size(); i += std::max<std::size_t>(events.size() / 10, 1)) {
    const auto [open, close] = json_in(events[i]);
    if (open == std::string::npos) continue;
    const Value original = *base::json::parse(events[i].substr(open, close - open + 1), {.max_bytes = 1u << 16});
    const Value flat = original.flatten();
    std::size_t number = 0;
    for (const auto& [pointer, value] : flat.items()) {
      Value changed = original;
      changed[Value::json_pointer(pointer)] = Value::parse(wrong[(number++ + i) % std::size(wrong)]);
      std::vector<std::string> all = events;
      all[i] = events[i].substr(0, open) + changed.dump() + events[i].substr(close + 1);
      const auto reply = ask(joined(all));
      ++cases;
      if (!reply) {
        EXPECT_NE(reply.error().fault, ModelFault::kTimeout) << api().name << pointer;
        continue;
      }
      EXPECT_LE(reply->message.calls.size(), 3u) << api().name << pointer;
      EXPECT_LE(reply->usage.prompt_tokens, 1'000'000'000u) << api().name << pointer;
    }
  }
  EXPECT_GT(cases, 20);
}

INSTANTIATE_TEST_SUITE_P(Apis, MangledStream, ::testing::Values(0u, 1u, 2u),
                         [](const auto& param) { return std::string(apis()[param.param].name); });

}  // namespace
}  // namespace orchestration
