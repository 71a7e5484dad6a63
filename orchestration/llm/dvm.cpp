// A conversation becomes one text, a result one message.
#include "orchestration/llm/dvm.h"

#include <fmt/format.h>

#include "nostr/nips/nip19.h"

namespace orchestration {

namespace {

using base::Errc;

/// Only what certainly cost nothing is worth another try.
ModelFault fault_of(Errc code) {
  switch (code) {
    case Errc::kUnavailable:
      return ModelFault::kTransport;
    case Errc::kTimeout:  // it may have been paid for: another backend may do, this one is not asked again
      return ModelFault::kUnauthorised;
    case Errc::kInvalid:
    case Errc::kNotFound:
    case Errc::kDenied:
    case Errc::kApprovalRequired:
    case Errc::kLimit:
    case Errc::kConflict:
    case Errc::kCancelled:
    case Errc::kClosed:
    case Errc::kPeer:
    case Errc::kCrypto:
    case Errc::kIo:
    case Errc::kDatabase:
    case Errc::kUnsupported:
    case Errc::kInternal:
      return ModelFault::kRefused;
  }
  return ModelFault::kRefused;
}

}  // namespace

std::string prompt_text(const std::vector<Message>& messages) {
  std::string out;
  for (const Message& message : messages) {
    if (message.content.empty()) continue;
    if (!out.empty()) out += "\n\n";
    out += fmt::format("[{}]\n{}", role_name(message.role), message.content);
  }
  return out;
}

base::Task<std::expected<Reply, ModelFailure>> DvmBackend::complete(Request request) {
  if (!customer_)
    co_return std::unexpected(ModelFailure{
        .fault = ModelFault::kUnauthorised,
        .error = {Errc::kUnavailable, options_.id + ": only a running node buys from providers on Nostr",
                  "sovereign run --once TEXT"}});
  JobOrder order{.kind = 5050,
                 .inputs = {},
                 .params = {{"max_tokens", {fmt::to_string(request.max_output_tokens)}}},
                 .output = "text/plain",
                 .max_price = options_.max_price,
                 .providers = {options_.provider},
                 .encrypted = !options_.public_prompts,
                 .legacy_encryption = options_.legacy_encryption,
                 .relays = options_.relays,
                 .patience = std::min(options_.timeout, request.timeout),
                 .who = {.agent = options_.agent,
                         .tick = request.trigger.tick,
                         .task = "",
                         .skill = "",
                         .counterparty = ""}};
  order.inputs.push_back({.data = prompt_text(request.messages)});
  if (!options_.model.empty()) order.params.push_back({"model", {options_.model}});
  auto done = co_await customer_->order(std::move(order));
  if (!done) {
    ModelFailure failure{.fault = fault_of(done.error().code), .error = std::move(done).error()};
    co_return std::unexpected(std::move(failure));
  }
  Reply reply;
  reply.message = {.role = Role::kAssistant, .content = std::move(done->content)};
  reply.request_id = done->request.hex();
  reply.usage = {.prompt_tokens = estimate_tokens(prompt_text(request.messages).size()),
                 .completion_tokens = estimate_tokens(reply.message.content.size()),
                 .estimated = true};
  if (request.on_text) request.on_text(reply.message.content);
  co_return reply;
}

base::Task<base::Result<ProbeReport>> DvmBackend::probe() {
  co_return ProbeReport{.detail = fmt::format("jobs for {}, for {} msat at most; asked when it is needed",
                                              nostr::encode_npub(options_.provider), options_.max_price.value),
                        .models = {options_.model},
                        .model = options_.model};
}

}  // namespace orchestration
