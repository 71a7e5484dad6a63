// What FROST costs: a responder's work for one request, a whole signature, threshold ECDH.
// CPU time of this process; secrets are random and thrown away. Larger groups for comparison.
#include <functional>
#include <string>

#include <fmt/format.h>

#include "frostr/frost/ecdh.h"
#include "frostr/frost/sign.h"
#include "frostr/wire/messages.h"
#include "tools/bench/figure.h"

namespace {

using bench::must;
using namespace frostr;  // a program of its own: nothing includes this file

constexpr int kIterations = 1'000;

// CPU time of each of many runs, sorted out into median and 99th percentile. `prepare` makes what each
// one consumes, outside the measured time.
template <class Input>
void measure(std::string_view metric, std::string_view bar, int iterations,
             const std::function<Input()>& prepare, const std::function<void(Input&)>& work) {
  std::vector<double> samples;
  for (int i = 0; i < iterations; ++i) {
    Input input = prepare();
    const double start = bench::cpu_now();
    work(input);
    samples.push_back((bench::cpu_now() - start) * 1e3);
  }
  bench::figure(metric, bench::median(samples), "ms", bar);
  bench::figure(fmt::format("{}_p99", metric), bench::percentile(samples, 99), "ms");
}

// One signing request from member 1 to the next ones, with the secrets of all.
struct Case {
  std::vector<NoncePair> pairs;
  SignRequest request;
  std::string params;
};

class Bench {
 public:
  Bench(std::uint32_t threshold, std::uint32_t members)
      : threshold_(threshold),
        name_(fmt::format("{}of{}", threshold, members)),
        dealt_(must(deal(rng_, threshold, members))) {}

  void run() {
    const bool usual = threshold_ == 2;
    const int iterations = usual ? kIterations : kIterations / 5;
    const auto prepare = [this] { return make_case(); };
    measure<Case>(usual ? "frost_responder_partial" : "frost_responder_partial_" + name_,
                  usual ? "0.5" : bench::kNoBar, iterations, prepare, [this](Case& c) { respond(c); });
    measure<Case>(usual ? "frost_sign_2of3_both_parties" : "frost_sign_all_parties_" + name_,
                  usual ? "1.2" : bench::kNoBar, iterations, prepare, [this](Case& c) { sign_whole(c); });
    if (!usual) return;
    measure<Case>("frost_verify_partial", bench::kNoBar, iterations, prepare,
                  [this](Case& c) { verify(c); });
    measure<int>("frost_nonce_pair", bench::kNoBar, iterations, [] { return 0; },
                 [this](int&) { NoncePair::generate(dealt_.shares[0], rng_); });
    measure<int>("frost_ecdh_2of3_both_parties", bench::kNoBar, iterations, [] { return 0; },
                 [this](int&) { ecdh(); });
  }

 private:
  Case make_case() {
    Case out;
    out.request.content = base::Bytes(400, 7);
    out.request.type = "event";
    out.request.stamp = 1'700'000'000;
    out.request.hashes = {{nostr::Sha256(rng_.bytes<32>()), {}}};
    out.request.gid = dealt_.group.id();
    for (std::uint32_t idx = 1; idx <= threshold_; ++idx) {
      out.pairs.push_back(NoncePair::generate(dealt_.shares[idx - 1], rng_));
      out.request.members.push_back({idx});
      out.request.nonces.push_back({{idx}, {NonceCode(rng_.bytes<32>()), out.pairs.back().commitment()}});
    }
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

  // What one responder does, from the text of the request to its partial signature.
  Scalar respond_as(std::uint32_t idx, Case& c) const {
    const SignRequest request = must(parse_sign_request(c.params));
    CHECK(compute_session_id(request) == request.sid && request.gid == dealt_.group.id());
    return must(context(request).sign_partial(std::move(c.pairs[idx - 1]), dealt_.shares[idx - 1]));
  }
  void respond(Case& c) const { respond_as(2, c); }

  // All parties: the responders as above, the coordinator to the verified signature.
  void sign_whole(Case& c) const {
    const SigningContext own = context(c.request);
    std::vector<SigningContext::Partial> partials{
        {{1}, must(own.sign_partial(std::move(c.pairs[0]), dealt_.shares[0]))}};
    for (std::uint32_t idx = 2; idx <= threshold_; ++idx) {
      const Scalar theirs = respond_as(idx, c);
      CHECK(own.verify_partial({idx}, dealt_.group.members()[idx - 1].pubkey, theirs).has_value());
      partials.push_back({{idx}, theirs});
    }
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
  const std::uint32_t threshold_;
  const std::string name_;
  const Dealt dealt_;
  EcdhTarget target_ =
      must(EcdhTarget::from_key(nostr::SecretKey::generate(rng_).public_key()));
};

}  // namespace

int main() {
  Bench(2, 3).run();
  Bench(3, 5).run();
  Bench(10, 15).run();
  return 0;
}
