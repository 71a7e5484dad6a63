// NIP-13: counting zero bits, and a search that hashes the canonical bytes around the nonce.
#include "nostr/nips/nip13.h"

#include <algorithm>
#include <bit>

#include "nostr/event/tags.h"

namespace nostr {

int difficulty_of(const EventId& id) {
  int bits = 0;
  for (const std::uint8_t byte : id.view()) {
    bits += std::countl_zero(byte);
    if (byte != 0) break;
  }
  return bits;
}

std::optional<int> committed_difficulty(const Tags& tags) {
  const Tag* tag = find_tag(tags, "nonce");
  if (tag == nullptr) return std::nullopt;
  return base::parse_number(tag_element(*tag, 2), 0, 256);
}

bool has_work(const Event& event, int wanted) {
  return difficulty_of(event.id) >= wanted &&
         committed_difficulty(event.tags).value_or(-1) >= wanted;
}

Miner::Miner(UnsignedEvent event, int target, std::uint64_t first_nonce)
    : event_(std::move(event)), target_(target), next_nonce_(first_nonce) {
  CHECK(target >= 1 && target <= 64);
  std::erase_if(event_.tags, [](const Tag& tag) { return !tag.empty() && tag[0] == "nonce"; });
  // A nonce tag that is empty and one that is not differ exactly where the number goes.
  event_.tags.push_back({"nonce", "", std::to_string(target)});
  const std::string empty = canonical_bytes(event_);
  event_.tags.back()[1] = "0";
  const std::string filled = canonical_bytes(event_);
  // Tags before it and content behind it are the same in both, so the first difference is inside
  // it.
  const auto at = std::ranges::mismatch(empty, filled).in1 - empty.begin();
  before_ = empty.substr(0, static_cast<std::size_t>(at));
  after_ = empty.substr(static_cast<std::size_t>(at));
}

std::optional<UnsignedEvent> Miner::mine(std::uint64_t tries, const std::stop_token& stop) {
  std::string bytes;
  for (; tries > 0 && !stop.stop_requested(); --tries) {
    const std::string nonce = std::to_string(next_nonce_++);
    ++tried_;
    bytes.assign(before_).append(nonce).append(after_);
    const Sha256 digest = sha256(bytes);
    if (difficulty_of(EventId(digest.array())) < target_) continue;
    event_.tags.back()[1] = nonce;
    return event_;
  }
  return std::nullopt;
}

}  // namespace nostr
