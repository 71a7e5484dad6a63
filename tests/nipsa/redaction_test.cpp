// What must not be recorded, and what must survive.
#include "nipsa/redaction.h"

#include "tests/nipsa/events_fixture.h"

namespace {

TEST(Redaction, SecretNamesAreWholeWords) {
  for (const char* secret :
       {"password", "api_key", "apiKey", "APIKey", "access-key", "privateKey", "auth",
        "auth_header", "session_token", "tokens", "client_secret", "seed", "mnemonic",
        "user.passwd", "apikey", "Authorization", "credentials"})
    EXPECT_TRUE(nipsa::is_secret_key(secret)) << secret;
  for (const char* plain :
       {"tokens_in", "tokens_out", "tokens_total", "max_tokens", "author", "authors", "key",
        "public_key", "seedling", "tokenizer", "text", "", "monkey"})
    EXPECT_FALSE(nipsa::is_secret_key(plain)) << plain;
}

TEST(Redaction, CredentialsInText) {
  const std::string nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
  const struct {
    std::string text;
    std::string want;
  } cases[] = {
      {"key " + nsec + " end", "key [REDACTED] end"},
      {nsec, "[REDACTED]"},
      {std::string("sk-") + "ant-api03-0123456789abcdef", "[REDACTED]"},
      {"use ghp_0123456789abcdef0123,", "use [REDACTED],"},
      {"AKIAABCDEFGHIJKLMNOP", "[REDACTED]"},
      {"xoxb-123456789012-abc", "[REDACTED]"},
      {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!", "[REDACTED]!"},
      {"Authorization: Bearer abc.def-ghi123", "Authorization: [REDACTED]"},
      {"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
       "a\n[REDACTED]\nb"},
      {"-----BEGIN PRIVATE KEY-----\nMIIE", "[REDACTED]"},
      {"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----" + nsec,
       "[REDACTED][REDACTED]"},
      {"an ask-me-anything risk-averse task", "an ask-me-anything risk-averse task"},
      {"sk-short", "sk-short"},
      {"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},
      {"Bearer of news", "Bearer of news"},
      {"nsec1", "nsec1"},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(nipsa::redact_text(c.text), c.want) << c.text;
}

TEST(Redaction, TakesNoTimeOverTextMadeToTakeIt) {
  for (const std::string_view piece : {"-eyJ", "-----BEGIN ", "-----BEGIN PRIVATE KEY", "Bearer "}) {
    std::string text;
    while (text.size() < 2'000'000) text += piece;
    const auto start = std::chrono::steady_clock::now();
    static_cast<void>(nipsa::redact_text(text));
    // From each piece to the end of the text it would be minutes.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << piece;
  }
}

TEST(Redaction, WorksInDepthAndKeepsCounts) {
  const nipsa::Json value = {{"tokens_in", 5},
                             {"author", "x"},
                             {"args", {{{"api_key", "abc"}, {"list", {"Bearer abcdefgh12", 7}}}}}};
  const nipsa::Json want = {{"tokens_in", 5},
                            {"author", "x"},
                            {"args", {{{"api_key", "[REDACTED]"}, {"list", {"[REDACTED]", 7}}}}}};
  EXPECT_EQ(nipsa::redact(value), want);
}

TEST(Redaction, HashesOfAnyValueExist) {
  const nipsa::Json a = {{"x", 0.5}, {"big", 18446744073709551615u}, {"low", -9007199254740993}};
  EXPECT_NE(nipsa::redacted_hash(a), nipsa::redacted_hash({{"x", 0.25}}));
  EXPECT_EQ(nipsa::redacted_hash({{"api_key", "a"}}), nipsa::redacted_hash({{"api_key", "b"}}));
  EXPECT_EQ(nipsa::redacted_hash({{"a", 1}}), nostr::sha256(std::string_view(R"({"a":1})")));
  const auto thought = nipsa::redact_thinking("hm");
  EXPECT_EQ(thought["content"], "<redacted>");
  EXPECT_EQ(thought["hash"], nostr::sha256(std::string_view("hm")).hex());
}

}  // namespace
