// hash_to_field and the suite's hashes against values of the reference library.
#include "frostr/frost/suite.h"

#include <gtest/gtest.h>

#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

TEST(FrostHashTest, matches_the_reference_library) {
  std::size_t seen = 0;
  for (const auto& file : vectors::bifrost()) {
    for (const auto& vector : file.at("hash_to_field")) {
      const auto message = *base::hex_decode(vectors::text(vector, "msg"));
      EXPECT_EQ(kBifrost.hash.h1(message).hex(), vectors::text(vector, "H1"));
      EXPECT_EQ(kBifrost.hash.h2(message).hex(), vectors::text(vector, "H2"));
      EXPECT_EQ(kBifrost.hash.h3(message).hex(), vectors::text(vector, "H3"));
      EXPECT_EQ(kBifrost.hash.h4(message).hex(), vectors::text(vector, "H4"));
      EXPECT_EQ(kBifrost.hash.h5(message).hex(), vectors::text(vector, "H5"));
      EXPECT_EQ(base::hex_encode(expand_message(message, "FROST-secp256k1-SHA256-v1rho")),
                vectors::text(vector, "xmd48_rho"));
      ++seen;
    }
  }
  EXPECT_GE(seen, 4U);
}

}  // namespace
}  // namespace frostr
