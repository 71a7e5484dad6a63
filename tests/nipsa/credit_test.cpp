// 39240 to 39246 as they are written and read: every field comes back, every broken one has its error.
#include "nipsa/credit.h"

#include "nostr/nips/nip40.h"
#include "tests/nipsa/credit_fixture.h"

namespace {

using namespace nipsa_test;

nipsa::CreditIntent intent() {
  nipsa::CreditIntent out;
  out.d = "int-1";
  out.purpose = job();
  out.max = {3'500};
  out.expires = kNow + kHour;
  out.provider = provider().public_key();
  out.spend_rail = {.name = "cashu", .ref = "https://mint.example"};
  out.need = "compute";
  out.estimate = {3'000};
  out.deadline = kNow + kHour;
  out.notes = "soon";
  return out;
}

nipsa::CreditOffer offer() {
  nipsa::CreditOffer out;
  out.intent = id('a');
  out.agent = agent().public_key();
  out.issuer = issuer().public_key();
  out.lp = pub('6');
  out.purpose = skill_use();
  out.max = {3'500};
  out.fee = {.bps = 200, .flat = {}};
  out.expires = kNow + kHour;
  out.requires_verifier = true;
  return out;
}

nipsa::CreditEnvelope full_envelope() {
  nipsa::CreditEnvelope out = envelope();
  out.lp = pub('6');
  out.verifier = pub('7');
  out.repay = {.name = "bolt11", .ref = "00ff"};
  out.spend_rail = {.name = "cashu", .ref = "https://mint.example"};
  out.cashu_keyset = "00ad268c4d1f5826";
  out.guardian = guardian().public_key();
  out.approval_threshold = base::Sat{2'000};
  out.cancel_until = kNow + kHour / 2;
  out.fee = nipsa::Fee{.bps = 200, .flat = {}};
  return out;
}

nostr::Event signed_by(const nostr::SecretKey& who, const base::Result<nostr::Draft>& draft) {
  return sign(draft.value(), who);
}

TEST(Credit, EveryKindComesBackAsItWasWritten) {
  EXPECT_EQ(nipsa::parse_credit_intent(
                signed_by(agent(), nipsa::build_credit_intent(intent(), kNow))).value(), intent());
  EXPECT_EQ(nipsa::parse_credit_offer(
                signed_by(issuer(), nipsa::build_credit_offer(offer(), kNow))).value(), offer());
  EXPECT_EQ(nipsa::parse_credit_envelope(envelope_event(full_envelope())).value(), full_envelope());
  EXPECT_EQ(nipsa::parse_credit_spend(spend_event(spend("sp-1", 3'000))).value(), spend("sp-1", 3'000));
  auto paid = receipt(id('b').hex(), 3'000, 60);
  paid.provider = provider().public_key();
  paid.result = id('e');
  paid.repay = {.name = "bolt11", .ref = "00ff"};
  paid.notes = "in time";
  EXPECT_EQ(nipsa::parse_credit_receipt(receipt_event(paid)).value(), paid);
  EXPECT_EQ(nipsa::parse_credit_default(
                signed_by(issuer(), nipsa::build_credit_default(default_notice(), kNow))).value(),
            default_notice());
  const nipsa::CreditCancel cancel{.spend = id('b'), .envelope = "env-77", .reason = "unexpected payee"};
  EXPECT_EQ(nipsa::parse_credit_cancel(
                signed_by(guardian(), nipsa::build_credit_cancel(cancel, kNow))).value(), cancel);
}

TEST(Credit, SealedTermsTravelUnread) {
  auto sealed = full_envelope();
  sealed.fee.reset();
  sealed.sealed = "AgABciphertext";
  EXPECT_EQ(nipsa::parse_credit_envelope(envelope_event(sealed)).value(), sealed);
  const nipsa::Fee fee{.bps = 0, .flat = {60}};
  EXPECT_EQ(nipsa::decode_credit_terms(nipsa::encode_credit_terms(fee)).value(), fee);
  sealed.fee = fee;
  EXPECT_EQ(outcome(nipsa::build_credit_envelope(sealed, kNow)), "E_TAG_DUP");
}

TEST(Credit, FeesAreChargedInWholeSatoshis) {
  const nipsa::Fee rate{.bps = 200, .flat = {}};
  EXPECT_EQ(rate.of({1'000}).value, 20);
  EXPECT_EQ(rate.of({1'001}).value, 21);
  EXPECT_EQ(rate.of({0}).value, 0);
  const nipsa::Fee all{.bps = 10'000, .flat = {}};
  EXPECT_EQ(all.of({nipsa::kMaxSats}).value, nipsa::kMaxSats);
  EXPECT_EQ((nipsa::Fee{.bps = 0, .flat = {60}}.of({1'000}).value), 60);
  EXPECT_EQ(nipsa::parse_fee("200bps").value(), rate);
  for (const char* bad : {"10001bps", "bps", "-1", "2%", "", "200 bps", "2100000000000001"})
    EXPECT_EQ(outcome(nipsa::parse_fee(bad)), "E_NUM") << bad;
}

TEST(Credit, OnlySpendsExpireOnRelays) {
  EXPECT_EQ(nostr::expiration_of(spend_event(spend("sp-1", 1)).tags), kNow + nipsa::kEphemeralTtl);
  EXPECT_EQ(nostr::expiration_of(envelope_event(full_envelope()).tags), std::nullopt);
  EXPECT_EQ(nostr::expiration_of(receipt_event(receipt("env-77:1", 1)).tags), std::nullopt);
  EXPECT_EQ(nostr::expiration_of(nipsa::build_credit_default(default_notice(), kNow).value().tags), std::nullopt);
}

TEST(Credit, AnEnvelopeByAnotherKeyThanItsIssuerIsNone) {
  const auto draft = nipsa::build_credit_envelope(full_envelope(), kNow).value();
  EXPECT_EQ(outcome(nipsa::parse_credit_envelope(sign(draft, stranger()))), "E_SIGNER");
  EXPECT_EQ(outcome(nipsa::parse_credit_offer(
                signed_by(stranger(), nipsa::build_credit_offer(offer(), kNow)))), "E_SIGNER");
  EXPECT_EQ(outcome(nipsa::parse_credit_default(
                signed_by(stranger(), nipsa::build_credit_default(default_notice(), kNow)))), "E_SIGNER");
}

TEST(Credit, AStatusNobodyKnowsIsTheStrictestOne) {
  const auto odd = with(envelope_event(envelope()), "status", {{"status", "paused"}}, issuer());
  EXPECT_EQ(nipsa::parse_credit_envelope(odd).value().status, nipsa::EnvelopeStatus::kRevoked);
}

TEST(Credit, ASkillIsNamedWholeWhereMoneyIsAskedFor) {
  auto asked = intent();
  asked.purpose = skill_use();
  const auto event = signed_by(agent(), nipsa::build_credit_intent(asked, kNow));
  EXPECT_EQ(outcome(nipsa::parse_credit_intent(event)), "ok");
  EXPECT_EQ(outcome(nipsa::parse_credit_intent(with(event, "a", {}, agent()))), "E_TAG_MISSING");
  EXPECT_EQ(outcome(nipsa::parse_credit_intent(with(event, "e", {}, agent()))), "E_TAG_MISSING");
  const nostr::Tags other{{"a", "33400:" + pub('8').hex() + ":echo"}};
  EXPECT_EQ(outcome(nipsa::parse_credit_intent(with(event, "a", other, agent()))), "E_CONFLICT");
  const nostr::Tags bare{{"scope", "skill", skill_use().scope.id}};
  EXPECT_EQ(outcome(nipsa::parse_credit_intent(with(event, "scope", bare, agent()))), "E_HASH");
  auto unbound = skill_use();
  unbound.scope.constraints.reset();
  asked.purpose = unbound;
  EXPECT_EQ(outcome(nipsa::build_credit_intent(asked, kNow)), "E_HASH");
}

TEST(Credit, ReferencesAreFoundByMarkerInEitherDialect) {
  auto paid = receipt(id('b').hex(), 10);
  const auto of = [&](const nipsa::Purpose& purpose, const nostr::Tags& refs) {
    paid.purpose = purpose;
    paid.purpose.manifest.reset();
    return nipsa::parse_credit_receipt(with(receipt_event(paid), "e", refs, issuer())).value();
  };
  EXPECT_EQ(of(job(), {{"e", id('a').hex(), "wss://r", "root"}}).result, id('a'));
  EXPECT_EQ(of(job(), {{"e", id('a').hex(), "", "outcome"}}).result, id('a'));
  EXPECT_EQ(of(job(), {{"e", id('a').hex()}}).result, id('a'));
  const auto both = of(skill_use(), {{"e", id('a').hex(), "", "outcome"}, {"e", id('c').hex()}});
  EXPECT_EQ(both.result, id('a'));
  EXPECT_EQ(both.purpose.manifest, id('c'));
}

TEST(Credit, EveryBrokenFieldHasItsError) {
  const auto at = [](base::UnixTime t) { return std::to_string(base::to_unix(t)); };
  const auto spent = spend_event(spend("sp-1", 3'000));
  const struct {
    const char* why;
    const char* name;
    nostr::Tags tags;
    const char* want;
  } cases[] = {
      {"as written", "x", {}, "ok"},
      {"no scope", "scope", {}, "E_TAG_MISSING"},
      {"an unknown scope", "scope", {{"scope", "all", "x"}}, "E_ENUM"},
      {"a scope of nothing", "scope", {{"scope", "nip90"}}, "E_TAG_BAD"},
      {"two scopes", "scope", {{"scope", "nip90", "a"}, {"scope", "nip90", "b"}}, "E_TAG_DUP"},
      {"a skill without version", "scope", {{"scope", "skill", "33400:" + pub('5').hex() + ":x"}}, "E_REF"},
      {"a long scope", "scope", {{"scope", "l402", std::string(1'025, 'x')}}, "E_SIZE"},
      {"no issuer", "p", {}, "E_TAG_MISSING"},
      {"another issuer", "issuer", {{"issuer", pub('8').hex()}}, "E_CONFLICT"},
      {"no envelope", "credit", {}, "E_TAG_MISSING"},
      {"two envelopes", "credit", {{"credit", "a"}, {"credit", "b"}}, "E_TAG_DUP"},
      {"a long envelope", "credit", {{"credit", std::string(129, 'x')}}, "E_SIZE"},
      {"another envelope's address", "a", {{"a", "39242:" + pub('4').hex() + ":env-78"}}, "E_CONFLICT"},
      {"no cap", "max", {}, "E_TAG_MISSING"},
      {"a cap of nothing", "max", {{"max", "0"}}, "E_NUM"},
      {"a cap below the amount", "max", {{"max", "2999"}}, "E_NUM"},
      {"a cap of two spellings", "max", {{"max", "+3000"}}, "E_NUM"},
      {"no date", "exp", {}, "E_TAG_MISSING"},
      {"two dates", "exp", {{"exp", at(kNow)}, {"exp", at(kNow + kHour)}}, "E_TAG_DUP"},
      {"a date of year 0", "exp", {{"exp", "0"}}, "E_NUM"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(outcome(nipsa::parse_credit_spend(with(spent, c.name, c.tags, agent()))), c.want) << c.why;
  const struct {
    const char* content;
    const char* want;
  } contents[] = {
      {"", "E_JSON"},
      {"[]", "E_JSON"},
      {R"({"schema":1})", "E_JSON"},
      {R"({"schema":2,"spend_sats":1})", "E_VERSION"},
      {R"({"schema":"1","spend_sats":1})", "E_JSON"},
      {R"({"spend_sats":1})", "ok"},
      {R"({"spend_sats":0})", "E_NUM"},
      {R"({"spend_sats":-1})", "E_NUM"},
      {R"({"spend_sats":1.0})", "E_JSON"},
      {R"({"spend_sats":"1"})", "E_JSON"},
      {R"({"spend_sats":2100000000000001})", "E_NUM"},
      {R"({"spend_sats":18446744073709551615})", "E_NUM"},
      {R"({"spend_sats":1,"spend_sats":2})", "E_JSON"},
  };
  for (const auto& c : contents)
    EXPECT_EQ(outcome(nipsa::parse_credit_spend(with_content(spent, c.content, agent()))), c.want) << c.content;
  const std::string endless = R"({"spend_sats":1,"reason":")" + std::string(501, 'x') + "\"}";
  EXPECT_EQ(outcome(nipsa::parse_credit_spend(with_content(spent, endless, agent()))), "E_SIZE");
}

TEST(Credit, TagsAndContentOfAnOfferAgree) {
  const auto event = signed_by(issuer(), nipsa::build_credit_offer(offer(), kNow));
  const auto saying = [&](std::string content) {
    return outcome(nipsa::parse_credit_offer(with_content(event, std::move(content), issuer())));
  };
  EXPECT_EQ(saying(""), "ok");
  EXPECT_EQ(saying(R"({"fee_bps":200})"), "ok");
  EXPECT_EQ(saying(R"({"fee":"200bps"})"), "ok");
  EXPECT_EQ(saying(R"({"fee_bps":201})"), "E_CONFLICT");
  EXPECT_EQ(saying(R"({"fee":"60"})"), "E_CONFLICT");
  EXPECT_EQ(saying(R"({"fee":"200bps","fee_bps":100})"), "E_CONFLICT");
  EXPECT_EQ(saying(R"({"fee_bps":10001})"), "E_NUM");
  EXPECT_EQ(saying(R"({"max_sats":3501})"), "E_CONFLICT");
  const auto silent = with(event, "fee", {}, issuer());
  EXPECT_EQ(nipsa::parse_credit_offer(silent).value().fee.bps, 200u);
  EXPECT_EQ(outcome(nipsa::parse_credit_offer(with_content(silent, "", issuer()))), "E_TAG_MISSING");
}

TEST(Credit, AWriterRefusesWhatItsReadersWould) {
  auto asked = intent();
  asked.estimate = {3'501};
  EXPECT_EQ(outcome(nipsa::build_credit_intent(asked, kNow)), "E_NUM");
  asked = intent();
  asked.need.clear();
  EXPECT_EQ(outcome(nipsa::build_credit_intent(asked, kNow)), "E_JSON");
  asked = intent();
  asked.expires = kNow;
  EXPECT_EQ(outcome(nipsa::build_credit_intent(asked, kNow)), "E_NUM");
  auto gated = envelope();
  gated.approval_threshold = base::Sat{1};
  EXPECT_EQ(outcome(nipsa::build_credit_envelope(gated, kNow)), "E_TAG_MISSING");
  auto nameless = envelope();
  nameless.id.clear();
  EXPECT_EQ(outcome(nipsa::build_credit_envelope(nameless, kNow)), "E_TAG_BAD");
  auto lost = default_notice();
  lost.reason.clear();
  EXPECT_EQ(outcome(nipsa::build_credit_default(lost, kNow)), "E_JSON");
  EXPECT_EQ(outcome(nipsa::build_credit_receipt(receipt("elsewhere:1", 1), kNow)), "E_TAG_BAD");
  EXPECT_EQ(outcome(nipsa::build_credit_receipt(receipt("env-77:1", 0), kNow)), "E_NUM");
}

TEST(Scope, HashesAreThoseOtherImplementationsCompute) {
  const nipsa::Scope skill{.type = nipsa::ScopeType::kSkill,
                           .id = "33400:" + std::string(64, 'b') + ":echo:1.0.0",
                           .constraints = nostr::Sha256::from_hex("01010101010101010101010101010101"
                                                                  "01010101010101010101010101010101").value()};
  EXPECT_EQ(nipsa::scope_hash(skill).hex(), "2e8f845d6fb0480edcbc9666f5661bc163a699369d8ae428da5206d11d2ca7fb");
  EXPECT_EQ(nipsa::scope_hash({.type = nipsa::ScopeType::kNip90, .id = "job-1", .constraints = {}}).hex(),
            "75d7161bc23a94ae9a2afc383b271d62713787a1a3791c1a9715511a7095203a");
}

TEST(Scope, OfAJobIsItsRequestWhereverItIsAsked) {
  nostr::UnsignedEvent request{.pubkey = agent().public_key(),
                               .created_at = kNow,
                               .kind = 5050,
                               .tags = {{"i", "summarise"}, {"relays", "wss://a"}, {"param", "model", "x"}},
                               .content = "\"é\""};
  const auto scope = nipsa::scope_of_job(request).value();
  // sha256 of {"content":"\"é\"","kind":5050,"tags":[["i","summarise"],["param","model","x"]]}
  EXPECT_EQ(scope.id, "67030b64501a6aa430070089d08ed90d66d92cddc27ff3647c0f4bab75a81dc6");
  request.tags[1] = {"relays", "wss://b", "wss://c"};
  request.created_at += std::chrono::seconds(5);
  request.pubkey = runner().public_key();
  EXPECT_EQ(nipsa::scope_of_job(request).value(), scope) << "another key, time and relays";
  request.tags[0][1] = "translate";
  EXPECT_NE(nipsa::scope_of_job(request).value(), scope);
  request.kind = 6050;
  EXPECT_EQ(outcome(nipsa::scope_of_job(request)), "E_KIND");
}

TEST(Scope, ASlugMayHoldColons) {
  const nipsa::Scope odd{.type = nipsa::ScopeType::kSkill,
                         .id = "33400:" + pub('5').hex() + ":a:b:1.2.0",
                         .constraints = hash('1')};
  EXPECT_EQ(nipsa::required_scope({nipsa::scope_tag(odd)}).value(), odd);
  EXPECT_EQ(nipsa::skill_of(odd).value().skill.d, "a:b");
  EXPECT_EQ(nipsa::skill_of(odd).value().version, "1.2.0");
}

}  // namespace
