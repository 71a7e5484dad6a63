// What each family of clients really sends, as events: every one of them decides, and none decides
// when it is forged, late, repeated, taken back or too little for what is asked.
#include <gtest/gtest.h>

#include "nostr/nips/nip04.h"
#include "nostr/nips/nip19.h"
#include "tests/orchestration/support/desk_world.h"

namespace orchestration {
namespace {

using storage::QuestionState;
using testing::DeskWorld;
using testing::must;
using testing::Person;
using std::chrono::seconds;

enum class Way { kPublic, kWrapped, kLegacy };

/// What a client is given to answer with: the message its user sees, and who that user is.
struct Scene {
  DeskWorld& w;
  const Person& author;
  std::string code;
  nostr::EventId shown;       ///< the last message of the question
  storage::Question question;

  std::string desk() const { return w.desk_key().hex(); }
  std::string requester() const { return question.requester.hex(); }
  std::string bare_code() const {
    std::string out;
    for (const char c : code)
      if (c != '-') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
  }
  std::string address() const {
    const nostr::Event request = must(nostr::parse_event(question.request_json));
    return nostr::address_of(request)->str();
  }
};

/// One way of one family of clients to say yes or no.
struct Client {
  const char* name;
  Way way;
  bool weak;   ///< reactions and public words: not for everything
  bool inbox;  ///< whether its user has a 10050
  std::function<nostr::Draft(const Scene&, bool yes)> write;
};

void PrintTo(const Client& client, std::ostream* out) {
  *out << client.name;
}

nostr::Draft draft(nostr::Kind kind, nostr::Tags tags, std::string content) {
  return {.kind = kind, .created_at = {}, .tags = std::move(tags), .content = std::move(content)};
}

std::string pick(bool yes, std::string a, std::string b) {
  return yes ? std::move(a) : std::move(b);
}

const std::string kOther(64, '7');  // the id of an event that is no question

std::vector<Client> clients() {
  return {
      {"DamusLegacyDm", Way::kLegacy, false, false,
       [](const Scene& s, bool yes) {
         return draft(4, {{"p", s.desk()}}, pick(yes, "Yes " + s.code, "No " + s.code));
       }},
      {"PrimalLegacyDm", Way::kLegacy, false, false,
       [](const Scene& s, bool yes) {
         return draft(4, {{"p", s.desk()}, {"client", "Primal"}},
                      pick(yes, "ok " + s.code + "\n", "no, too much " + s.code + "\n"));
       }},
      {"YakiHonneLegacyReply", Way::kLegacy, false, false,
       [](const Scene& s, bool yes) {
         return draft(4, {{"p", s.desk()}, {"e", s.shown.hex(), "", "reply"}}, pick(yes, "👍", "👎"));
       }},
      {"AmethystReply", Way::kWrapped, false, true,
       [](const Scene& s, bool yes) {
         return draft(14, {{"e", s.shown.hex(), "", "reply"}, {"p", s.desk()}},
                      pick(yes, "Approved!", "rejected"));
       }},
      {"AmethystWrappedReaction", Way::kWrapped, true, true,
       [](const Scene& s, bool yes) {
         return draft(7, {{"e", s.shown.hex(), "", s.desk()}, {"p", s.desk()}, {"k", "14"}},
                      pick(yes, "👍", "👎"));
       }},
      {"CoracleDm", Way::kWrapped, false, true,
       [](const Scene& s, bool yes) {
         return draft(14, {{"p", s.desk()}, {"client", "Coracle", "31990:x:y"}},
                      pick(yes, "Yes " + s.bare_code(), "nope " + s.bare_code()));
       }},
      {"NoStrudelQuotingDm", Way::kWrapped, false, true,
       [](const Scene& s, bool yes) {
         return draft(14, {{"p", s.desk()}},
                      "> Answer with one of these lines:\n> yes " + s.code + "\n> no " + s.code +
                          "\n\n" + pick(yes, "yes " + s.code, "please, no " + s.code));
       }},
      {"NoStrudelReactionOnLegacyDm", Way::kPublic, true, false,
       [](const Scene& s, bool yes) {
         return draft(7, {{"e", s.shown.hex()}, {"p", s.desk()}, {"k", "4"}}, pick(yes, "+", "-"));
       }},
      {"OxchatReaction", Way::kWrapped, true, true,
       [](const Scene& s, bool yes) {
         return draft(7, {{"p", s.desk()}, {"e", s.shown.hex()}}, pick(yes, "+", "👎"));
       }},
      {"PhoneKeyboardDm", Way::kWrapped, false, true,
       [](const Scene& s, bool yes) {
         return draft(14, {{"p", s.desk()}, {"subject", "the agent asks"}},
                      "“" + pick(yes, "Yes", "Don’t") + "”\u00A0" + s.code.substr(0, 4) + "\u2011" +
                          s.code.substr(5) + "\u200B");
       }},
      {"DamusReactionThatCopiesTags", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(7,
                      {{"p", s.author.pubkey().hex()},
                       {"e", kOther},
                       {"p", s.desk()},
                       {"e", s.shown.hex(), "wss://r", s.desk()}},
                      pick(yes, "🤙", "🛑"));
       }},
      {"NotedeckReaction", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(7, {{"e", s.shown.hex()}, {"p", s.desk()}}, pick(yes, "🤙🏻", "👎🏿"));
       }},
      {"EmptyReaction", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(7, {{"e", s.shown.hex()}, {"p", s.desk()}, {"k", "1"}}, pick(yes, "", "❌"));
       }},
      {"ReactionToTheRequestByAddress", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(7, {{"a", s.address()}, {"p", s.requester()}, {"k", "39212"}},
                      pick(yes, "✔️", "🚫"));
       }},
      {"MarkedReply", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(1,
                      {{"e", kOther, "", "mention"},
                       {"e", s.shown.hex(), "wss://r", "root", s.desk()},
                       {"p", s.desk()}},
                      pick(yes, "yes", "no way"));
       }},
      {"PositionalReplyWithMention", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(1, {{"e", kOther}, {"e", s.shown.hex()}},  // and no `p`
                      "nostr:" + nostr::encode_npub(s.w.desk_key()) + " " +
                          pick(yes, "Yes.", "No.") + "\n");
       }},
      {"CommentOnTheRequest", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         const std::string id = s.question.id.hex();
         return draft(1111,
                      {{"E", id, "wss://r", s.requester()},
                       {"K", "39212"},
                       {"P", s.requester()},
                       {"e", id, "wss://r", s.requester()},
                       {"k", "39212"},
                       {"p", s.requester()}},  // whoever asks is not named at all
                      pick(yes, "yes", "no, too expensive"));
       }},
      {"CommentByAddress", Way::kPublic, true, true,
       [](const Scene& s, bool yes) {
         return draft(1111,
                      {{"A", s.address()},
                       {"K", "39212"},
                       {"P", s.requester()},
                       {"a", s.address()},
                       {"k", "39212"},
                       {"p", s.requester()}},
                      pick(yes, "allow", "deny"));
       }},
      {"NativeDecision", Way::kPublic, false, true,
       [](const Scene& s, bool yes) {
         return draft(39213,
                      {{"d", s.question.id.hex()},
                       {"p", s.requester()},
                       {"e", s.question.id.hex()},
                       {"decision", pick(yes, "approved", "denied")},
                       {"action_hash", s.question.digest.hex()}},
                      "");
       }}};
}

class Clients : public ::testing::TestWithParam<Client> {
 protected:
  std::string open(DeskWorld::Wish wish = {}) {
    if (GetParam().inbox) w.oper().open_inbox();
    w.start({.hold = seconds(0)});
    return w.ask(w.wish(wish));
  }

  /// What the client sends when `author` answers; the same event however often it is sent.
  nostr::UnsignedEvent compose(const Person& author, const std::string& code, bool yes,
                               seconds later = {}) {
    const Scene scene{w, author, code, w.shown_id(code, w.oper()), w.question(code)};
    nostr::Draft made = GetParam().write(scene, yes);
    if (GetParam().way == Way::kLegacy)
      made.content = nostr::nip04_encrypt(must(nostr::ecdh(author.key(), w.desk_key())),
                                          made.content, w.world.rng);
    return {.pubkey = author.pubkey(),
            .created_at = w.world.clock.now() + later,
            .kind = made.kind,
            .tags = std::move(made.tags),
            .content = std::move(made.content)};
  }
  void send(Person& author, const nostr::UnsignedEvent& what) {
    if (GetParam().way == Way::kWrapped) return author.send_wrapped(what, w.desk_key());
    author.publish(nostr::sign_event(
        {.kind = what.kind, .created_at = what.created_at, .tags = what.tags, .content = what.content},
        author.key(), w.world.rng));
  }
  void say(const std::string& code, bool yes, seconds later = {}) {
    send(w.oper(), compose(w.oper(), code, yes, later));
  }

  DeskWorld w;
};

TEST_P(Clients, Approves) {
  const std::string code = open();
  say(code, true);
  w.until_state(code, QuestionState::kApproved);
  EXPECT_EQ(w.decisions(code).at(0).decided_by, w.oper().pubkey());
}

TEST_P(Clients, Denies) {
  const std::string code = open();
  say(code, false);
  w.until_state(code, QuestionState::kDenied);
}

TEST_P(Clients, VetoesAnEarlierYes) {
  const std::string code = open();
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  say(code, false, seconds(1));
  w.until_state(code, QuestionState::kDenied);
}

TEST_P(Clients, NeverOverturnsADenial) {
  const std::string code = open();
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  say(code, true, seconds(1));
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kDenied);
}

TEST_P(Clients, InTheHandsOfAStrangerDecidesNothing) {
  const std::string code = open();
  Person eve(w.world);
  send(eve, compose(eve, code, true));
  send(eve, compose(eve, code, false));
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  for (const storage::Signal& signal : w.signals(code))
    EXPECT_EQ(signal.verdict, storage::SignalVerdict::kNotAnApprover);
}

TEST_P(Clients, LateIsLate) {
  const std::string code = open();
  const nostr::UnsignedEvent yes = compose(w.oper(), code, true, seconds(901));
  w.advance(seconds(901));
  w.until_state(code, QuestionState::kExpired);
  send(w.oper(), yes);
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kExpired);
  EXPECT_TRUE(w.decisions(code).empty());
}

TEST_P(Clients, SaidTwiceOverCountsOnce) {
  const std::string code = open();
  const nostr::UnsignedEvent yes = compose(w.oper(), code, true);
  send(w.oper(), yes);
  w.until_state(code, QuestionState::kApproved);
  if (GetParam().way == Way::kWrapped) send(w.oper(), yes);  // another wrap, the same rumor
  w.stop();
  w.start();  // everything is on the relay and comes again
  w.world.settle();
  EXPECT_EQ(w.signals(code).size(), 1u);
  EXPECT_EQ(w.decisions(code).size(), 1u);
}

TEST_P(Clients, OldYesDoesNotAnswerTheNextQuestion) {
  const std::string code = open();
  const nostr::UnsignedEvent yes = compose(w.oper(), code, true);
  send(w.oper(), yes);
  w.until_state(code, QuestionState::kApproved);
  const std::string next = w.ask(w.wish({.content = "another thing"}));
  if (GetParam().way == Way::kWrapped) send(w.oper(), yes);
  w.stop();
  w.start();
  w.world.settle();
  EXPECT_EQ(w.state(next), QuestionState::kOpen);
}

TEST_P(Clients, DeletionTakesTheYesBack) {
  const std::string code = open();
  const nostr::UnsignedEvent yes = compose(w.oper(), code, true);
  send(w.oper(), yes);
  w.until_state(code, QuestionState::kApproved);
  const nostr::Tags names{{"e", w.signals(code).at(0).id.hex()}, {"k", std::to_string(yes.kind)}};
  if (GetParam().way == Way::kWrapped) {
    nostr::UnsignedEvent deletion = w.oper().compose(w.desk_key(), "");
    deletion.kind = 5;
    deletion.tags = names;
    w.oper().send_wrapped(deletion, w.desk_key());
  } else {
    w.oper().publish(5, names, "");
  }
  w.until_state(code, QuestionState::kOpen);
}

TEST_P(Clients, EditOfATextIsNoAnswer) {
  const std::string code = open();
  const nostr::EventId maybe = w.oper().publish(
      1, {{"e", w.shown_id(code, w.oper()).hex(), "", "root"}, {"p", w.desk_key().hex()}}, "hm");
  w.oper().publish(1010, {{"e", maybe.hex()}, {"p", w.desk_key().hex()}}, "yes " + code);
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
}

TEST_P(Clients, WeakWordsDoNotMoveMuch) {
  for (const DeskWorld::Wish& wish :
       {DeskWorld::Wish{.content = "a", .sats = 5'001},
        DeskWorld::Wish{.content = "b", .action_class = "kind:39200"},
        DeskWorld::Wish{.content = "c", .action_class = "run_command"}}) {
    const std::string code = w.desk ? w.ask(w.wish(wish)) : open(wish);
    say(code, true);
    if (!GetParam().weak) {
      w.until_state(code, QuestionState::kApproved);
      continue;
    }
    w.world.until([&] { return !w.signals(code).empty(); });
    EXPECT_EQ(w.verdicts(code), (std::vector<std::string>{"accepted/none"}));
    EXPECT_EQ(w.state(code), QuestionState::kOpen);
    say(code, false, seconds(1));
    w.until_state(code, QuestionState::kDenied);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Clients, ::testing::ValuesIn(clients()),
                         [](const auto& info) { return std::string(info.param.name); });

// ---- what is no answer at all
// --------------------------------------------------------------------

struct NoAnswer {
  const char* name;
  bool wrapped;
  nostr::Kind kind;
  const char* text;  ///< CODE stands for the code
};

void PrintTo(const NoAnswer& c, std::ostream* out) {
  *out << c.name;
}

class NoAnswers : public ::testing::TestWithParam<NoAnswer> {};

TEST_P(NoAnswers, DecideNothing) {
  DeskWorld w;
  w.oper().open_inbox();
  w.start(DeskOptions{});
  const std::string code = w.ask();
  std::string text = GetParam().text;
  if (const auto at = text.find("CODE"); at != text.npos) text.replace(at, 4, code);
  nostr::UnsignedEvent event = w.oper().compose(w.desk_key(), text, {w.shown_id(code, w.oper())});
  event.kind = GetParam().kind;
  if (GetParam().wrapped)
    w.oper().send_wrapped(event, w.desk_key());
  else
    w.oper().publish(event.kind, event.tags, event.content);
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  EXPECT_TRUE(w.decisions(code).empty());
  w.pump();
  EXPECT_LE(w.oper().inbox().size(), 2u);  // the question, and one hint at most
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, NoAnswers,
    ::testing::Values(NoAnswer{"Heart", false, 7, "❤️"}, NoAnswer{"Rocket", true, 7, "🚀"},
                      NoAnswer{"Eyes", true, 7, "👀"}, NoAnswer{"Shortcode", false, 7, ":yes:"},
                      NoAnswer{"TwoThumbs", false, 7, "👍👎"}, NoAnswer{"Family", false, 7, "👨‍👩‍👧"},
                      NoAnswer{"WordAsReaction", false, 7, "yes"},
                      NoAnswer{"Conditional", true, 14, "yes but only 100 CODE"},
                      NoAnswer{"TwoYeses", true, 14, "yes yes CODE"},
                      NoAnswer{"PastedQuestion", true, 14, "yes CODE no"},
                      NoAnswer{"Chat", true, 14, "what is this"},
                      NoAnswer{"BarePrivateMessage", false, 14, "yes CODE"},
                      NoAnswer{"File", true, 15, "yes CODE"}, NoAnswer{"Repost", false, 6, "yes CODE"},
                      NoAnswer{"GenericRepost", false, 16, "yes CODE"},
                      NoAnswer{"PublicMessage", false, 24, "yes CODE"},
                      NoAnswer{"PollVote", false, 1018, "yes CODE"},
                      NoAnswer{"Report", false, 1984, "yes CODE"},
                      NoAnswer{"ZapReceipt", false, 9735, "yes CODE"},
                      NoAnswer{"Article", false, 30023, "yes CODE"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(MeantForOthers, IsNotHeard) {
  DeskWorld w;
  w.oper().open_inbox();
  w.start(DeskOptions{});
  const std::string code = w.ask();
  nostr::UnsignedEvent yes = w.oper().compose(w.requester.pubkey(), "yes " + code);
  w.oper().send_wrapped(yes, w.desk_key());
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  EXPECT_TRUE(w.signals(code).empty());
}

TEST(BareYes, IsAskedBackOnce) {
  DeskWorld w;
  w.oper().open_inbox();
  w.start(DeskOptions{});
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "yes");
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  w.pump();
  const auto inbox = w.oper().inbox();
  ASSERT_EQ(inbox.size(), 2u);
  EXPECT_NE(inbox[1].text.find("which question"), std::string::npos);
  EXPECT_EQ(inbox[1].text.find(code), std::string::npos) << "a hint is no presentation";
}

}  // namespace
}  // namespace orchestration
