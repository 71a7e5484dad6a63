// Wiring of the bunker.
#include "node/bunker_app.h"

#include <fmt/format.h>

#include "node/bunker_views.h"
#include "node/desk_views.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip65.h"
#include "storage/schema.h"

namespace node {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

Result<nostr::SecretKey> load_bunker_key(const Home& home, base::Rng& rng) {
  return load_or_create_key_file(home.config_dir / "bunker.key", rng);
}

BunkerApp::BunkerApp(Runtime& runtime, Home home, std::unique_ptr<storage::Db> db, nostr::SecretKey voice)
    : runtime_(runtime),
      home_(std::move(home)),
      db_(std::move(db)),
      rows_(*db_),
      voice_(std::move(voice), runtime.clock, runtime.rng) {}

Result<std::unique_ptr<BunkerApp>> BunkerApp::create(Runtime& runtime, BunkerSettings settings) {
  TRY(settings.home.ensure());
  std::optional<Config> config;
  if (!settings.key) {
    TRY(config, load_config(settings.home));
    if (config->identity.share.empty())
      return fail(Errc::kInvalid, "nothing to sign with: this home has no identity",
                  "--key-file FILE, or the --home of a node");
    if (settings.bunker.relays.empty()) settings.bunker.relays = config->node.relays;
  }
  if (settings.bunker.relays.empty())
    return fail(Errc::kInvalid, "no relay to serve on", "--relay URL");
  for (std::string& relay : settings.bunker.relays) {
    if (!nostr::is_relay_url(relay))
      return fail(Errc::kInvalid, fmt::format("\"{}\" is no relay URL", relay), "ws:// or wss://");
    relay = nostr::normalize_relay_url(relay);
  }
  TRY(nostr::SecretKey voice, load_bunker_key(settings.home, runtime.rng));
  TRY(std::unique_ptr<storage::Db> db, storage::open_database(settings.home.database().string()));
  std::unique_ptr<BunkerApp> app(
      new BunkerApp(runtime, settings.home, std::move(db), std::move(voice)));
  if (settings.key) {
    app->local_ =
        std::make_unique<nostr::KeySigner>(*std::move(settings.key), runtime.clock, runtime.rng);
    app->identity_ = app->local_.get();
  } else {
    TRY(app->group_, GroupSide::create(runtime, *app->db_, settings.home, *config));
    app->identity_ = &app->group_->signer();
  }
  app->relays_ = settings.bunker.relays;
  app->bunker_ = std::make_unique<Bunker>(
      Bunker::Deps{runtime.loop, runtime.pool, *app->db_, runtime.clock, runtime.rng, app->voice_,
                   *app->identity_},
      std::move(settings.bunker));
  return app;
}

Task<Result<void>> BunkerApp::start() {
  runtime_.pool.set_auth("", &voice_);
  // A client's nostrconnect:// text names relays too: they must not lead into this machine's network.
  runtime_.pool.restrict_private(relays_);
  CO_TRY(control_, ControlServer::listen(runtime_.loop, home_.control_socket(),
                                         [this](std::string method, Value params) {
                                           return control(std::move(method), std::move(params));
                                         }));
  if (group_) CO_TRY(co_await group_->start());
  co_return co_await bunker_->start();
}

Task<void> BunkerApp::stop() {
  if (control_) co_await control_->stop();
  co_await bunker_->stop();
  if (group_) co_await group_->stop();
  co_await runtime_.pool.stop();
}

Result<Value> BunkerApp::status() {
  TRY(const Value bunker, bunker_->view());
  Value out = {{"role", "bunker"},
               {"identity", identity().hex()},
               {"npub", nostr::encode_npub(identity())},
               {"relays", relay_view(runtime_.pool.status())},
               {"bunker", bunker},
               {"pending", bunker_->pending()}};
  if (group_) {
    const frostr::Readiness readiness = group_->threshold().readiness();
    out["ready"] = readiness.ready;
    out["why_not"] = readiness.why_not;
  }
  return out;
}

Task<Result<Value>> BunkerApp::control(std::string method, Value params) {
  if (method == "status") co_return status();
  if (method == "pending") co_return bunker_->pending();
  if (method == "approve" || method == "deny") {
    CO_TRY(const std::string code, base::json::get_string(params, "code"));
    co_return bunker_->decide(code, method == "approve");
  }
  co_return control_bunker(*bunker_, rows_, method, params, runtime_.clock.now());
}

Result<Value> control_bunker(Bunker& bunker, storage::BunkerRows& rows, const std::string& method,
                             const Value& params, base::UnixTime now) {
  if (method == "bunker-uri") {
    TRY(const std::string uri, bunker.invite());
    return Value{{"bunker", uri}};
  }
  return answer_bunker(rows, method, params, now);
}

}  // namespace node
