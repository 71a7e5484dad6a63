// Threads and follow lists (NIP-10, NIP-02), which any note may carry: an answer to any note stands
// in the note's thread and names a bounded number of people; a follow list holds each key once.
//
// Input: an event as event_text.h has it.
#include <set>

#include "nostr/base/bytes.h"
#include "nostr/base/utf8.h"
#include "nostr/nips/nip02.h"
#include "nostr/nips/nip10.h"
#include "tests/fuzz/event_text.h"

namespace {

void check_thread(const nostr::Event& event) {
  const nostr::Thread thread = nostr::parse_thread(event.tags);
  CHECK(thread.root.has_value() == thread.parent.has_value());
  constexpr std::size_t kMaxPeople = 3;
  const auto self = nostr::PublicKey::from_hex(
      "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");
  const nostr::Tags tags = nostr::reply_tags(event, "wss://r.example", *self, kMaxPeople);
  const nostr::Thread answer = nostr::parse_thread(tags);
  CHECK(answer.parent && answer.parent->id == event.id);
  CHECK(answer.parent->author == event.pubkey);
  CHECK(answer.root && answer.root->id == (thread.root ? thread.root->id : event.id));
  if (thread.root) CHECK(*answer.root == *thread.root);
  const auto people = nostr::tag_values(tags, "p");
  CHECK(people.size() <= kMaxPeople);
  CHECK(std::set(people.begin(), people.end()).size() == people.size());
  for (const auto person : people) CHECK(person != self->hex());
}

void check_follows(const nostr::Event& event) {
  const auto follows = nostr::parse_follows(event);
  if (!follows) return;
  CHECK(follows->size() <= nostr::kMaxFollows);
  std::set<nostr::PublicKey> keys;
  for (const nostr::Follow& follow : *follows) CHECK(keys.insert(follow.pubkey).second);
  const auto again = nostr::parse_follows(
      fuzz::event_of(nostr::build_follows(*follows, event.content, fuzz::kNow)));
  CHECK(again.has_value());
  CHECK(*again == *follows);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  if (!base::is_utf8(text)) return 0;  // no such event gets past the reader of its JSON
  const nostr::Event event = fuzz::read_event(text);
  check_thread(event);
  check_follows(event);
  return 0;
}
