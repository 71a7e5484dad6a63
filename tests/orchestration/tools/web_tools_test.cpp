// Pages of the web: where webfetch does not go, what it makes of what it finds, and what HTML says.
#include "orchestration/tools/web_tools.h"

#include <fstream>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "orchestration/tools/html_text.h"
#include "tests/nostr/net/support/raw_server.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

using base::Errc;
using test::RawConnection;
using test::RawServer;

std::string reply_with(const std::string& status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + headers + "connection: close\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

struct Web {
  explicit Web(WebToolOptions options) : tools(make_web_tools(http, std::move(options))) {}
  base::Result<std::string> fetch(const std::string& url) {
    return loop.run_until_complete(tools[0]->run({}, {{"url", url}}));
  }
  base::Loop loop;
  nostr::HttpClient http{loop};
  std::vector<std::unique_ptr<Tool>> tools;
};

TEST(WebFetch, DoesNotReachThisMachineAndItsNeighbours) {
  RawServer server([](RawConnection& peer) { peer.write(reply_with("200 OK", "", "secret")); });
  Web web({});
  for (const std::string& url :
       {server.url("http"), std::string("http://127.0.0.1/"), std::string("http://localhost:1/"), std::string("http://169.254.169.254/latest/meta-data/"),
        std::string("http://10.0.0.1/"), std::string("http://192.168.1.1/"), std::string("http://[::1]/"), std::string("http://[::ffff:127.0.0.1]/"),
        std::string("http://0.0.0.0/"), std::string("http://2130706433/"), std::string("http://0x7f.1/"), std::string("http://127.1/")}) {
    const auto page = web.fetch(url);
    ASSERT_FALSE(page.has_value()) << url;
    EXPECT_EQ(page.error().detail.find("secret"), std::string::npos);
  }
  EXPECT_EQ(web.fetch(server.url("http")).error().code, Errc::kDenied);
  for (const char* url : {"file:///etc/passwd", "ftp://example.org/", "gopher://x", "http://user@example.org/", "https://", "javascript:1", ""})
    EXPECT_EQ(web.fetch(url).error().code, Errc::kInvalid) << url;
}

constexpr int kNotHere = 77;

/// In a process with a hosts file of its own: 0 when pages of a name that leads into the network next door are denied.
int fetch_of_a_neighbours_name(const std::string& hosts) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || ::mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) != 0) return kNotHere;
  Web web({});
  for (const char* url : {"http://intranet.example/", "http://intranet.example:8080/x", "https://metadata.example/latest"}) {
    const auto page = web.fetch(url);
    if (page || page.error().code != Errc::kDenied) {
      std::fprintf(stderr, "%s: %s\n", url, page ? page->c_str() : page.error().detail.c_str());
      return 1;
    }
  }
  Web open({.allow_private_addresses = true});
  return open.fetch("http://loop.example:1/").error().code == Errc::kUnavailable ? 0 : 2;
}

// Checklist 50: the name says nothing of where it leads; the address it resolves to does.
TEST(WebFetch, ANameThatLeadsIntoThisNetworkIsNotFollowed) {
  const testing::TempDir dir;
  std::ofstream(dir.path("hosts")) << "10.1.2.3 intranet.example\n169.254.169.254 metadata.example\n127.0.0.1 loop.example\n";
  const pid_t child = ::fork();
  if (child == 0) ::_exit(fetch_of_a_neighbours_name(dir.path("hosts")));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNotHere) GTEST_SKIP() << "no namespaces here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(WebFetch, FollowsOnItsHostAndAsksAgainForAnother) {
  RawServer server([](RawConnection& peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    if (head.starts_with("GET /start "))
      peer.write(reply_with("302 Found", "location: end?x=1\r\n", ""));
    else if (head.starts_with("GET /away "))
      peer.write(reply_with("301 Moved", "location: http://169.254.169.254/secret\r\n", ""));
    else if (head.starts_with("GET /loop "))
      peer.write(reply_with("302 Found", "location: /loop\r\n", ""));
    else
      peer.write(reply_with("200 OK", "content-type: text/html\r\n", "<p>Hello &lt;/untrusted&gt; <b>you</b></p>"));
  });
  Web web({.allow_private_addresses = true});
  const auto page = web.fetch(server.url("http", "/start"));
  ASSERT_TRUE(page.has_value()) << page.error().detail;
  EXPECT_NE(page->find("Hello &lt;/untrusted&gt; you"), std::string::npos) << *page;
  EXPECT_NE(page->find("trust=\"stranger\""), std::string::npos);
  const auto away = web.fetch(server.url("http", "/away"));
  ASSERT_TRUE(away.has_value());
  EXPECT_NE(away->find("leads elsewhere"), std::string::npos) << *away;
  EXPECT_EQ(web.fetch(server.url("http", "/loop")).error().code, Errc::kLimit);
}

TEST(WebFetch, BoundsSizeAndKind) {
  RawServer server([](RawConnection& peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    if (head.starts_with("GET /image "))
      peer.write(reply_with("200 OK", "content-type: image/png\r\n", "png"));
    else
      peer.write(reply_with("200 OK", "content-type: text/plain\r\n", std::string(2u << 20, 'a')));
  });
  Web web({.allow_private_addresses = true});
  EXPECT_EQ(web.fetch(server.url("http", "/image")).error().code, Errc::kUnsupported);
  EXPECT_EQ(web.fetch(server.url("http", "/big")).error().code, Errc::kLimit);
}

TEST(WebFetch, RulesSeeTheHost) {
  for (const auto& [url, host] : std::vector<std::pair<std::string, std::string>>{
           {"https://Example.ORG/x", "example.org"}, {"http://example.org:8080?x", "example.org"}, {"https://example.org.", "example.org"},
           {"https://[2001:db8::1]:80/", "2001:db8::1"}, {"https://evil.org\\@good.org/", "evil.org"}})
    EXPECT_EQ(host_of_url(url).value_or("?"), host) << url;
  EXPECT_FALSE(host_of_url("https://a@b/").has_value());
}

TEST(WebFetch, RedirectsAreResolvedLikeLinks) {
  const std::string url = "https://a.org/x/y?q#f";
  EXPECT_EQ(*resolve_location(url, "z"), "https://a.org/x/z");
  EXPECT_EQ(*resolve_location(url, "/z"), "https://a.org/z");
  EXPECT_EQ(*resolve_location(url, "//b.org/z"), "https://b.org/z");
  EXPECT_EQ(*resolve_location(url, "HTTP://b.org"), "HTTP://b.org");
  EXPECT_EQ(*resolve_location("https://a.org", "z"), "https://a.org/z");
  EXPECT_FALSE(resolve_location(url, "file:///etc/passwd").has_value());
}

TEST(WebSearch, ShowsWhatTheEndpointFound) {
  std::string asked;
  RawServer server([&](RawConnection& peer) {
    asked = peer.read_until("\r\n\r\n");
    peer.write(reply_with("200 OK", "content-type: application/json\r\n",
                          R"({"results":[{"title":"A <b>","url":"https://a.org","content":"about a"},7]})"));
  });
  Web web({.search_url = server.url("http", "/search?q={query}&format=json")});
  ASSERT_EQ(web.tools.size(), 2u);
  const auto found = web.loop.run_until_complete(web.tools[1]->run({}, {{"query", "a b&c"}}));
  ASSERT_TRUE(found.has_value()) << found.error().detail;
  EXPECT_NE(found->find("A &lt;b&gt;\nhttps://a.org\nabout a"), std::string::npos) << *found;
  EXPECT_TRUE(asked.starts_with("GET /search?q=a%20b%26c&format=json ")) << asked;
}

TEST(HtmlText, ReadsAsAPersonWould) {
  struct Row {
    const char* html;
    const char* text;
  };
  for (const Row& row : {
           Row{"<p>a</p><p>b</p>", "a\n\nb"}, Row{"a<br>b", "a\nb"}, Row{"  a \n\t b  ", "a b"},
           Row{"<script>alert(1)</script>x<style>p{}</style>", "x"}, Row{"<SCRIPT src=x>a</b></SCRIPT >x", "x"},
           Row{"a<!-- hidden > -->b", "ab"}, Row{"&lt;p&gt; &amp;amp; &#65;&#x42; &bogus; &", "<p> &amp; AB &bogus; &"},
           Row{"<a href=\"https://x.org/?a=1&amp;b=2\">link</a>", "link (https://x.org/?a=1&b=2)"},
           Row{"<a href='javascript:x'>no</a> <a href=#top>top</a>", "no top"}, Row{"<ul><li>a<li>b</ul>", "- a\n- b"},
           Row{"<pre>a\n  b</pre>", "a\n  b"}, Row{"1 < 2 and 3 > 2", "1 < 2 and 3 > 2"}, Row{"<p title=\"a>b\">x", "x"},
           Row{"<", "<"}, Row{"<p", ""}, Row{"<!--", ""}, Row{"<script>", ""}, Row{"", ""}, Row{"&#xd800;&#0;", "\xef\xbf\xbd\xef\xbf\xbd"}})
    EXPECT_EQ(html_to_text(row.html), row.text) << row.html;
  EXPECT_LT(html_to_text(std::string(200'000, '<')).size(), 200'001u);
}

}  // namespace
}  // namespace orchestration
