// As a requester with a share of one's own: through the running node if this home has one, else
// alone.
#include "node/cli/frost_requests.h"

#include <fmt/format.h>

#include "frostr/bifrost_node.h"
#include "frostr/threshold_signer.h"
#include "node/control.h"
#include "node/identity.h"
#include "node/runtime.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip19.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kSignPatience{40};
constexpr std::chrono::milliseconds kRetryPause{500};

struct RequestArguments {
  std::string group, share, passphrase_file;
  std::vector<std::string> relays;
  std::string hash;
  std::string event_file;
  std::string peer;
  std::string tick;
  std::int64_t wait = 0;  ///< seconds to wait for the operator
};

/// What came of a request, ready to print; the code says which kind of failure it was.
using Printed = Result<std::string>;

/// A requester for one command: share, relays and a ledger that lives as long as the command.
class Requester {
 public:
  static Result<std::unique_ptr<Requester>> create(Runtime& runtime,
                                                   const RequestArguments& arguments) {
    if (arguments.group.empty() || arguments.share.empty())
      return fail(Errc::kInvalid, "no identity named", "--group FILE --share FILE");
    if (arguments.relays.empty()) return fail(Errc::kInvalid, "no relay named", "--relay URL");
    TRY(ThresholdIdentity identity,
        load_identity(arguments.group, arguments.share, arguments.passphrase_file));
    std::unique_ptr<Requester> made(new Requester(runtime));
    TRY(made->db_, storage::open_database(":memory:"));
    TRY(made->bifrost_, frostr::BifrostNode::create(
                            {runtime.loop, runtime.pool, *made->db_, runtime.clock, runtime.rng},
                            std::move(identity.group), std::move(identity.share),
                            {.relays = arguments.relays, .cosigner = {.judges = false}}));
    made->signer_ = std::make_unique<frostr::ThresholdSigner>(*made->bifrost_);
    return made;
  }

  base::Task<Result<void>> start() { return bifrost_->start(); }
  base::Task<void> stop() {
    co_await bifrost_->stop();
    co_await runtime_.pool.stop();
  }
  frostr::ThresholdSigner& signer() { return *signer_; }

 private:
  explicit Requester(Runtime& runtime) : runtime_(runtime) {}
  Runtime& runtime_;
  std::unique_ptr<storage::Db> db_;
  std::unique_ptr<frostr::BifrostNode> bifrost_;
  std::unique_ptr<frostr::ThresholdSigner> signer_;
};

base::Task<Printed> sign_hash(Requester& requester, std::string hex) {
  CO_TRY(const nostr::Sha256 hash, nostr::Sha256::from_hex(hex));
  CO_TRY(frostr::HashOutcome outcome, co_await requester.signer().sign_hash(hash));
  if (const auto* signature = std::get_if<nostr::Signature>(&outcome)) co_return signature->hex();
  if (const auto* refused = std::get_if<frostr::Refused>(&outcome))
    co_return fail(Errc::kDenied,
                   fmt::format("co-signer {} refused: {}", refused->member.value, refused->reason));
  if (const auto* away = std::get_if<frostr::Unavailable>(&outcome))
    co_return fail(Errc::kUnavailable, away->why);
  co_return fail(Errc::kApprovalRequired, "the operator has to approve what is signed",
                 "sign the event itself: --event FILE");
}

base::Task<Printed> sign_event(Requester& requester, Runtime& runtime, RequestArguments arguments) {
  CO_TRY(const std::string text, read_input(arguments.event_file));
  // A template may leave out its author and its time; both are known here.
  CO_TRY(Value object, base::json::parse(text));
  if (object.is_object() && !object.contains("pubkey"))
    object["pubkey"] = requester.signer().public_key().hex();
  if (object.is_object() && !object.contains("created_at"))
    object["created_at"] = base::to_unix(runtime.clock.now());
  if (object.is_object() && !object.contains("tags")) object["tags"] = Value::array();
  CO_TRY(const nostr::UnsignedEvent event, nostr::parse_unsigned_event(base::json::dump(object)));
  frostr::SignContext context;
  if (!arguments.tick.empty()) {
    CO_TRY(context.tick, nostr::EventId::from_hex(arguments.tick));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{arguments.wait};
  for (;;) {
    CO_TRY(frostr::SignOutcome outcome,
           co_await requester.signer().sign_with_context(event, context));
    if (const auto* done = std::get_if<frostr::Signed>(&outcome))
      co_return nostr::to_json(done->event);
    if (const auto* refused = std::get_if<frostr::Refused>(&outcome))
      co_return fail(Errc::kDenied, fmt::format("co-signer {} refused: {}", refused->member.value,
                                                refused->reason));
    if (const auto* away = std::get_if<frostr::Unavailable>(&outcome))
      co_return fail(Errc::kUnavailable, away->why);
    const auto& required = std::get<frostr::ApprovalRequired>(outcome);
    if (arguments.wait == 0)
      co_return fail(Errc::kApprovalRequired,
                     "the operator has to approve this event: digest " + required.digest.hex(),
                     "--wait SECONDS waits for the decision");
    if (std::chrono::steady_clock::now() >= deadline)
      co_return fail(Errc::kTimeout, "the operator did not approve in time");
    context.member = required.member;
    co_await base::sleep_for(kRetryPause);
  }
}

base::Task<Printed> ecdh(Requester& requester, RequestArguments arguments) {
  CO_TRY(const nostr::PublicKey peer, nostr::parse_public_key(arguments.peer));
  frostr::EcdhContext purpose;
  if (!arguments.tick.empty()) {
    CO_TRY(purpose.tick, nostr::EventId::from_hex(arguments.tick));
  }
  CO_TRY(const nostr::SharedX shared, co_await requester.signer().ecdh(peer, std::move(purpose)));
  co_return base::hex_encode(shared.expose());
}

base::Task<Printed> run_request(Requester& requester, Runtime& runtime,
                                RequestArguments arguments) {
  auto started = co_await requester.start();
  Printed printed = fail(Errc::kUnavailable, "");
  if (!started)
    printed = std::unexpected(started.error());
  else if (!arguments.peer.empty())
    printed = co_await ecdh(requester, arguments);
  else if (!arguments.hash.empty())
    printed = co_await sign_hash(requester, arguments.hash);
  else
    printed = co_await sign_event(requester, runtime, arguments);
  co_await requester.stop();
  co_return printed;
}

int print(const Context& context, const Printed& printed, std::string_view member) {
  if (!printed) return report(context, printed.error());
  if (context.json && !printed->starts_with('{'))
    print_json({{std::string(member), *printed}});
  else
    print_line(*printed);
  return kOk;
}

int request(const Context& context, const RequestArguments& arguments) {
  const bool is_ecdh = !arguments.peer.empty();
  if (!is_ecdh && arguments.hash.empty() == arguments.event_file.empty()) {
    report(context, {Errc::kInvalid, "name either --hash or --event", ""});
    return kUsage;
  }
  // A live home owns the share's nonces: the request goes through the process that runs there.
  if (arguments.group.empty() && arguments.event_file.empty()) {
    const Value params =
        is_ecdh ? Value{{"peer", arguments.peer}} : Value{{"hash", arguments.hash}};
    auto answer = control_call(context.home().control_socket(),
                               is_ecdh ? "frost-ecdh" : "frost-sign", params, kSignPatience);
    if (answer) {
      const char* member = is_ecdh ? "shared_x" : "signature";
      return print(context, base::json::get_string(*answer, member), member);
    }
    if (answer.error().code != Errc::kUnavailable) return report(context, answer.error());
  }
  Runtime runtime;
  auto requester = Requester::create(runtime, arguments);
  if (!requester) return report(context, requester.error());
  const Printed printed =
      runtime.loop.run_until_complete(run_request(**requester, runtime, arguments));
  return print(context, printed, is_ecdh ? "shared_x" : "signature");
}

void add_identity_options(CLI::App& command, RequestArguments& arguments) {
  command.add_option("--group", arguments.group,
                     "File with bfgroup1…; default: ask the running node");
  command.add_option("--share", arguments.share, "File with this requester's share");
  command.add_option("--passphrase-file", arguments.passphrase_file, "Opens a sovshare1…");
  command.add_option("--relay", arguments.relays, "Relay the group talks on (repeat)")
      ->allow_extra_args(false);
  command.add_option("--tick", arguments.tick, "Id of the claim (39210) this belongs to");
}

}  // namespace

void add_frost_requests(CLI::App& frost, Context& context, Action* chosen) {
  auto signing = std::make_shared<RequestArguments>();
  auto* sign =
      frost.add_subcommand("sign", "Have a quorum sign a hash or an event, and print the result");
  add_identity_options(*sign, *signing);
  sign->add_option("--hash", signing->hash,
                   "32 bytes in hex; only peers that sign blindly take it");
  sign->add_option("--event", signing->event_file, "File with an unsigned event; - is stdin");
  sign->add_option("--wait", signing->wait, "Seconds to wait for the operator")
      ->check(CLI::Range(0, 86400));
  sign->footer(
      "Examples:\n  sovereign frost sign --group group.txt --share share-1.txt --relay "
      "ws://127.0.0.1:7777 --event note.json --wait 600");
  sign->callback([=, &context] { *chosen = [=, &context] { return request(context, *signing); }; });

  auto deriving = std::make_shared<RequestArguments>();
  auto* derive = frost.add_subcommand(
      "ecdh", "Have a quorum derive the shared secret with a key (its x, in hex)");
  add_identity_options(*derive, *deriving);
  derive->add_option("--peer", deriving->peer, "npub or hex")->required();
  derive->footer(
      "Examples:\n  sovereign frost ecdh --group group.txt --share share-1.txt --relay "
      "ws://127.0.0.1:7777 --peer $NPUB");
  derive->callback(
      [=, &context] { *chosen = [=, &context] { return request(context, *deriving); }; });
}

}  // namespace node::cli
