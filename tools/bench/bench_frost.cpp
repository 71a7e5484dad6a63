// What FROST costs: a responder's work for one request, a whole 2-of-3 signature, threshold ECDH.
// CPU time of this process, the median over rounds; secrets are random and thrown away.
#include <functional>

#include "frostr/frost/ecdh.h"
#include "frostr/frost/sign.h"
#include "frostr/wire/messages.h"
#include "tools/bench/figure.h"

namespace {

using bench::must;
using namespace frostr;  // a program of its own: nothing includes this file

constexpr int kRounds = 15;
constexpr int kIterations = 200;

// `prepare` makes what each iteration consumes, outside the measured time.
template <class Input>
double median_ms(const std::function<Input()>& prepare, const std::function<void(Input&)>& work) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Input> inputs;
    inputs.reserve(kIterations);
    for (int i = 0; i < kIterations; ++i) inputs.push_back(prepare());
    const double start = bench::cpu_seconds();
    for (Input& input : inputs) work(input);
    rounds.push_back((bench::cpu_seconds() - start) * 1e3 / kIterations);
  }
  return bench::median(std::move(rounds));
}

void report(std::string_view metric, double value, std::string_view bar = bench::kNoBar) {
  bench::figure(metric, value, "ms", bar);
}

// One signing request from member 1 to member 2, with the secrets of both.
struct Case {
  NoncePair ours;
  NoncePair theirs;
  SignRequest request;
  std::string params;
};

class Bench {
 public:
  void run() {
    const auto prepare = [this] { return make_case(); };
    report("frost_responder_partial",
           median_ms<Case>(prepare, [this](Case& c) { respond(c); }), "0.5");
    report("frost_sign_2of3_both_parties",
           median_ms<Case>(prepare, [this](Case& c) { sign_whole(c); }), "1.2");
    report("frost_verify_partial", median_ms<Case>(prepare, [this](Case& c) { verify(c); }));
    report("frost_nonce_pair",
           median_ms<int>([] { return 0; },
                          [this](int&) { NoncePair::generate(dealt_.shares[0], rng_); }));
    report("frost_ecdh_2of3_both_parties",
           median_ms<int>([] { return 0; }, [this](int&) { ecdh(); }));
  }

 private:
  Case make_case() {
    Case out{NoncePair::generate(dealt_.shares[0], rng_),
             NoncePair::generate(dealt_.shares[1], rng_),
             {},
             {}};
    out.request.content = base::Bytes(400, 7);
    out.request.type = "event";
    out.request.stamp = 1'700'000'000;
    out.request.members = {{1}, {2}};
    out.request.hashes = {{nostr::Sha256(rng_.bytes<32>()), {}}};
    out.request.gid = dealt_.group.id();
    out.request.nonces = {{{1}, {NonceCode(rng_.bytes<32>()), out.ours.commitment()}},
                          {{2}, {NonceCode(rng_.bytes<32>()), out.theirs.commitment()}}};
    out.request.sid = compute_session_id(out.request);
    out.params = to_params(out.request);
    return out;
  }

  SigningContext context(const SignRequest& request) const {
    std::vector<Signer> signers;
    for (const MemberNonce& nonce : request.nonces)
      signers.push_back({nonce.idx, nonce.nonce.commitment});
    return must(SigningContext::create(KeyContext(dealt_.group.group_pk()),
                                       request.hashes[0].sighash.view(), std::move(signers)));
  }

  // From the text of the request to the partial signature.
  void respond(Case& c) const {
    const SignRequest request = must(parse_sign_request(c.params));
    CHECK(compute_session_id(request) == request.sid && request.gid == dealt_.group.id());
    must(context(request).sign_partial(std::move(c.theirs), dealt_.shares[1]));
  }

  // Both parties: the responder as above, the coordinator to the verified signature.
  void sign_whole(Case& c) const {
    const SignRequest request = must(parse_sign_request(c.params));
    CHECK(compute_session_id(request) == request.sid);
    const Scalar theirs =
        must(context(request).sign_partial(std::move(c.theirs), dealt_.shares[1]));

    const SigningContext own = context(c.request);
    CHECK(own.verify_partial({2}, dealt_.group.members()[1].pubkey, theirs).has_value());
    const Scalar ours = must(own.sign_partial(std::move(c.ours), dealt_.shares[0]));
    const std::array<SigningContext::Partial, 2> partials{{{{1}, ours}, {{2}, theirs}}};
    must(aggregate(own, dealt_.group, partials));
  }

  void verify(Case& c) const {
    // A wrong partial costs as much as a right one.
    CHECK(!context(c.request)
               .verify_partial({2}, dealt_.group.members()[1].pubkey, Scalar::from_u32(5))
               .has_value());
  }

  void ecdh() const {
    const std::array quorum{ShareIndex{1}, ShareIndex{2}};
    const std::array parts{must(ecdh_key_share(dealt_.shares[0], quorum, target_)),
                           must(ecdh_key_share(dealt_.shares[1], quorum, target_))};
    must(combine_ecdh(parts));
  }

  base::SystemRng rng_;
  Dealt dealt_ = must(deal(rng_));
  EcdhTarget target_ =
      must(EcdhTarget::from_key(nostr::SecretKey::generate(rng_).public_key()));
};

}  // namespace

int main() {
  Bench().run();
  return 0;
}
