// bifrost-rs packages. The library could not be had, so the vectors were made by an independent
// implementation (Python: hashlib, cryptography) from the format as it is documented.
#include "frostr/wire/rs_package.h"

#include <gtest/gtest.h>

#include "frostr/wire/credential.h"
#include "nostr/base/bech32.h"
#include "nostr/base/bytes.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;
using vectors::must;

constexpr std::string_view kPassphrase = "correct horse";
constexpr std::string_view kShare =
    "bfshare10v38vetjwd5k7m3z8gcjcgnsv9ehxam0wfj97etwvdhkg6twvu3r5gnndpsnydfkygkzy6t5v4ex"
    "zarfdah8xg36xccrqvpsxqkzy6tkta38jar9wv3r5v359s38xctvw30ksetcygazyepnxvekxctp8q6rwdm9"
    "xpskgdnrxgexxvtyx5ungc3sx4nxzd3kygkzycmfwp5x2ujlw3jhsapz8g395s6n0prxja2twuergm3jvfn4"
    "jv6hwf64s3zlf9kkkm34dpe4vje4x358g5nnd9c5zdpd2p6ygvzyxdjxkne5v3khq6rjwsu9yan5dqurv6t4"
    "gecrzc6lf424qk25fsm95429dqmyke6kw9k8z3e38pm5vdt3xdmhyvpkxdchv62z94vxg7jyvd8rj3rvf9pr"
    "q3ekg9pxycn5xdungvnrgue45c2829px7ajkt9xz6ttdvankxcfkvahh2v6nfe052dtr29hkw3m62enhzt2e"
    "g43xcgnarsl7zv";
constexpr std::string_view kOnboard =
    "bfonboard10v38vetjwd5k7m3z8gcjcgnsv9ehxam0wfj97etwvdhkg6twvu3r5gnndpsnydfkygkzy6t5v4"
    "exzarfdah8xg36xccrqvpsxqkzy6tkta38jar9wv3r5v359s38xctvw30ksetcygazyenpxyenwe3cvg6nxv"
    "e4xpjx2vesxqurjcesvs6kzdmpxfjnzvfkygkzycmfwp5x2ujlw3jhsapz8g3yzut3fdf52kngwcmkk6t3vf"
    "hyvethfpykuvtev96rq73jwyehgnenfe5xkmpcwfgy2cjwtucrzt2e0fnxuep5x3qkyk2ywu6h2kf5vf5yye"
    "j0daa9vurptpt4wvfsddt575fsfdgx5m6ld354s6n8wdjrv3pj0fcyust2f405yjtywdh5cs2f0psj6jjzx9"
    "c8v52df9t9j3tgvefyyv2r256kwcfkfax8wn2rx9mx67jwvfmhjvj3tyeyj6z6v9az6dz0d3n4weecf4m8su"
    "mv2pfyuc6rdp99zh6ngearj5rrtqm9j32fdccyu3rvgg6nxcmwd3snvvfkfcerjhehfpzyy6n8tfn955n4wf"
    "hxkm2exd2rsvmg2et557ntt9pkx6j9dpmkuv6xf3q455t6fdc8xnjt2fx9ynp3g4c95mr9xd64vnt2vu386e"
    "cyphv";
constexpr std::string_view kProfile =
    "bfprofile1xuekxe34xven2denvsexzetzxquk2cnr8ycrzv33vvcrjd3cxvekge3c8ymrgc3s8qukzwpkvs"
    "6xgdnyxejn2cecxquxzcf5v3jrjermyfmx2unnd9hkug36xykzyurpwdehwmmjv30k2mnrdajxjmn8ygazyu"
    "mgvyer2d3z9s3xjar9wfshg6t0deejyw3kxqcrqvps9s3xjajlvfuhgetnygarydpvyfekzmr5ta5x27pz8g"
    "3x2vfkv4jrywfhv5exxwr9vyerxvenxv6xgwt9xquxzenzxvunwdpz9s3xx6tsdpjhyhm5v4u8gg36yfhk25"
    "28tpd8ymm2g5e8yvnexd39jjm9fam4z6r2ddz4jmzxgdt5xu34fdfrqamjwfz4yvjndv6hv33jtf35c7t2d3"
    "ph54mfd34hzjp4fdx9j5nd2ucy7m3e29s4zeztwfgyw66ytpe4z33dffq45me5f4mxvm2e0q6r2knywfg9g3"
    "r3v3mxucngfaxygwr5fsknw4t4vem8yunwff4hwtt4gfung5mdw5ur252gx3gyu5jnx3jy75rr0pphzjmevc"
    "mxj6600ge4qj2494485k2kxa5xzjn5wgu8xmt9w4nyk3rzdfn8j3m6wsckkkp58qkkwc60g35kvmmz29skj7"
    "pegd3yuu2wdfr4snrtdce5y4t5xa3nqdjhf3qkujr90p5yynfjgatyw7nv09pxsdrd29jhvmp4tqcy24edd4"
    "44s73h2umxs56x2edyka22tapyknzkxee574t92pvhqanffam5kkrcta28yctygdzxzd3cg4g9773kvfh95e"
    "6nwg64762lgepk56r2g9zxkkpet9gysvttg399xh6ywp6x6c268pq4qvj8wdekxttgg33yunehv3fk5n2dfd"
    "vx772924nxjvz20quyw6mxvf2yc360wet8xe6zwdk8whm5vaf97jr5gyu4vwz6wexnqets0pn47nmfd4r9jh"
    "edwf4rz5mhveeyzmmp95mksc6h2ey55dncd43hwceex4xjylg80fa2g";

/// Shares on a line through two hashes; the vectors hold the second.
Dealt dealt() {
  std::vector<SecretScalar> line;
  for (const char* name : {"rs a0", "rs a1"})
    line.push_back(must(SecretScalar::from_bytes(nostr::sha256(name).array())));
  return must(deal_polynomial(line, 3));
}

TEST(RsPackageTest, packages_made_elsewhere_by_the_documented_format_are_opened) {
  const Dealt group = dealt();
  for (const std::string_view text : {kShare, kOnboard, kProfile}) {
    EXPECT_TRUE(is_rs_package(text));
    const SecretShare share = must(open_rs_package(text, kPassphrase, group.group));
    EXPECT_EQ(share.idx, ShareIndex{2});
    EXPECT_TRUE(base::constant_time_equal(share.secret.expose(), group.shares[1].secret.expose()));
    EXPECT_TRUE(check_share(share, group.group));
  }
}

TEST(RsPackageTest, wrong_passphrases_groups_and_texts_are_told_apart) {
  const Dealt group = dealt();
  EXPECT_EQ(open_rs_package(kShare, "incorrect horse", group.group).error().code, Errc::kCrypto);
  base::SeededRng rng(3);
  EXPECT_EQ(open_rs_package(kShare, kPassphrase, must(deal(rng)).group).error().code,
            Errc::kNotFound);
  const SecretText plain = encode_share(group.shares[0]);
  EXPECT_FALSE(is_rs_package(plain.expose()));
  EXPECT_FALSE(is_rs_package("bfgroup1qqqq"));
  EXPECT_FALSE(is_rs_package(""));
  const auto wrap = [](std::string_view json) {
    return base::bech32_encode("bfshare", base::as_bytes(json), base::Bech32Variant::kBech32m);
  };
  EXPECT_EQ(open_rs_package(wrap("{\"version\":1"), kPassphrase, group.group).error().code,
            Errc::kInvalid);
  EXPECT_EQ(open_rs_package(wrap("{\"version\":2}"), kPassphrase, group.group).error().code,
            Errc::kUnsupported);
  const std::string cheap = wrap(
      R"({"version":1,"password_encoding":"sha256","iterations":1,"iv_bytes":24,"salt_hex":"","cipher_text":""})");
  EXPECT_EQ(open_rs_package(cheap, kPassphrase, group.group).error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace frostr
