// URIs: escapes, parameters and the parts of a connection string.
#include <gtest/gtest.h>

#include "nostr/base/uri.h"

namespace {

TEST(Uri, EscapesComeBack) {
  std::string every;
  for (int c = 0; c < 256; ++c) every.push_back(static_cast<char>(c));
  std::string uri = "x://h";
  base::append_query(uri, "a&=", every);
  base::append_query(uri, "b", "");
  const auto parts = base::split_uri(uri);
  ASSERT_TRUE(parts);
  EXPECT_EQ(base::parse_query(parts->query).value(), (base::Query{{"a&=", every}, {"b", ""}}));
  EXPECT_EQ(base::percent_encode("aZ0-._~ /\xc3"), "aZ0-._~%20%2F%C3");
}

TEST(Uri, FormsWriteSpacesAsPlus) {
  EXPECT_EQ(base::parse_query("a+b=c+%2B").value(), (base::Query{{"a b", "c +"}}));
}

TEST(Uri, OddQueriesAreReadOrRefused) {
  EXPECT_TRUE(base::parse_query("").value().empty());
  EXPECT_EQ(base::parse_query("&&a&=b&c==").value(),
            (base::Query{{"a", ""}, {"", "b"}, {"c", "="}}));
  for (const char* bad : {"%", "a=%4", "a=%zz", "%4"}) EXPECT_FALSE(base::parse_query(bad)) << bad;
  EXPECT_TRUE(base::parse_query("a&b", 2));
  EXPECT_FALSE(base::parse_query("a&b&c", 2));
  EXPECT_EQ(base::query_value({{"a", "1"}, {"a", "2"}}, "a"), "1");
  EXPECT_EQ(base::query_value({}, "a"), std::nullopt);
}

TEST(Uri, PartsAreFound) {
  const struct {
    const char* text;
    const char* scheme;
    const char* host;
    const char* path;
    const char* query;
  } cases[] = {
      {"bunker://abc?x=1", "bunker", "abc", "", "x=1"},
      {"nostr+walletconnect:abc?x", "nostr+walletconnect", "abc", "", "x"},
      {"https://h:1/p/q?x=/#f?g", "https", "h:1", "/p/q", "x=/"},
      {"https://h", "https", "h", "", ""},
      {"x:", "x", "", "", ""},
  };
  for (const auto& c : cases) {
    const auto parts = base::split_uri(c.text);
    ASSERT_TRUE(parts) << c.text;
    EXPECT_EQ(parts->scheme, c.scheme);
    EXPECT_EQ(parts->host, c.host);
    EXPECT_EQ(parts->path, c.path);
    EXPECT_EQ(parts->query, c.query);
  }
  for (const char* bad : {"", ":", "abc", "a b://c", "a://b\n"})
    EXPECT_FALSE(base::split_uri(bad)) << bad;
}

}  // namespace
