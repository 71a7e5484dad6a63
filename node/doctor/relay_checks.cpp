// Asking relays.
#include "node/doctor/relay_checks.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nostr/event/kinds.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip65.h"

namespace node {
namespace {

using nostr::PublicKey;

constexpr std::chrono::seconds kPatience{10};
constexpr std::int64_t kLongestMessage = 65'536;  // a sealed question in a wrap, with room
constexpr std::int64_t kLongestContent = 45'000;
constexpr std::int64_t kWrapsAreDatedBack = 2 * 86'400;  // NIP-59
constexpr std::int64_t kSubscriptions = 8;               // of a node at work
constexpr std::size_t kMostInboxRelays = 8;

/// The newest inbox list of each operator that any relay had.
using Inboxes = std::map<PublicKey, nostr::EventPtr>;

void take_newest(const std::vector<nostr::EventPtr>& events, Inboxes& inboxes) {
  for (const nostr::EventPtr& event : events) {
    nostr::EventPtr& standing = inboxes[event->pubkey];
    if (!standing || standing->created_at < event->created_at) standing = event;
  }
}

std::string document_words(const nostr::RelayInfo& info) {
  std::vector<std::string> words;
  if (!info.software.empty() || !info.name.empty())
    words.push_back(info.name.empty() ? info.software : info.name);
  if (info.limitation.max_message_length)
    words.push_back(fmt::format("messages up to {} KiB", *info.limitation.max_message_length >> 10));
  if (info.limitation.max_subscriptions)
    words.push_back(fmt::format("{} subscriptions", *info.limitation.max_subscriptions));
  if (info.limitation.auth_required.value_or(false)) words.emplace_back("asks who we are (NIP-42)");
  return fmt::format("{}", fmt::join(words, ", "));
}

base::Task<void> read_document(Runtime& runtime, std::string relay, std::string answered,
                               Findings& findings) {
  const std::string check = "relay " + relay;
  const auto document = co_await runtime.pool.information(relay);
  if (!document) {
    findings.ok(check, answered + "; publishes no limits (NIP-11)");
    co_return;
  }
  const std::string words = document_words(document->info);
  const auto against = objections(document->info.limitation);
  if (against.empty())
    findings.ok(check, answered + (words.empty() ? "" : "; " + words));
  else
    findings.warn(check, fmt::format("{}; it {}", answered, fmt::join(against, ", it ")),
                  "use another relay beside or instead of it");
}

base::Task<void> check_relay(Runtime& runtime, std::string relay, const Subject& subject,
                             Inboxes& inboxes, Findings& findings) {
  const auto asked = std::chrono::steady_clock::now();
  std::vector<std::string> relays{relay};
  nostr::Filters filters{{.authors = subject.operators,
                          .kinds = {nostr::kinds::kDmRelays},
                          .limit = 50}};
  const nostr::FetchResult found =
      co_await runtime.pool.fetch(std::move(relays), std::move(filters), kPatience);
  take_newest(found.events, inboxes);
  if (found.complete.empty()) {
    const std::string why = found.failed.empty() ? "no answer" : found.failed.front().second;
    findings.fail("relay " + relay, why, "check its address and this machine's network, or use another");
    co_return;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - asked);
  co_await read_document(runtime, relay, fmt::format("answers in {} ms", took.count()), findings);
}

void check_clock(Runtime& runtime, Findings& findings) {
  const auto offset = runtime.pool.clock_offset();
  if (!offset)
    findings.ok("clock", "no relay tells the time");
  else if (offset->is_off())
    findings.fail("clock", nostr::describe(*offset),
                  "set it (timedatectl set-ntp true): relays and co-signers refuse events of another time");
  else
    findings.ok("clock", fmt::format("within {} s of the relays'",
                                     offset->accuracy.count() + std::abs(offset->behind.count())));
}

base::Task<void> check_inbox(Runtime& runtime, PublicKey person, const Inboxes& inboxes,
                             Findings& findings) {
  const std::string check = "operator " + nostr::encode_npub(person);
  const auto standing = inboxes.find(person);
  std::vector<std::string> inbox;
  if (standing != inboxes.end())
    inbox = nostr::parse_dm_relays(*standing->second).value_or(std::vector<std::string>{});
  if (inbox.empty()) {
    findings.fail(check, "publishes no inbox (kind 10050): questions go out as legacy messages only",
                  "sovereign event -k 10050 -t relay=wss://… --key-file OPERATOR.key --relay …");
    co_return;
  }
  inbox.resize(std::min(inbox.size(), kMostInboxRelays));
  nostr::Filters filters{{.authors = {person}, .kinds = {nostr::kinds::kDmRelays}, .limit = 1}};
  const nostr::FetchResult found = co_await runtime.pool.fetch(inbox, std::move(filters), kPatience);
  if (found.complete.empty())
    findings.fail(check, fmt::format("none of their {} inbox relays answers", inbox.size()),
                  "name relays that do in kind 10050");
  else if (!found.failed.empty())
    findings.warn(check, fmt::format("inbox on {} relays, {} does not answer", inbox.size(),
                                     found.failed.front().first),
                  "leave it out of kind 10050, or wait");
  else
    findings.ok(check, fmt::format("inbox on {}", fmt::join(inbox, ", ")));
}

}  // namespace

std::vector<std::string> objections(const nostr::RelayLimitation& limits) {
  std::vector<std::string> out;
  const auto below = [](const std::optional<std::int64_t>& limit, std::int64_t needed) {
    return limit && *limit > 0 && *limit < needed;
  };
  if (limits.payment_required.value_or(false)) out.emplace_back("wants to be paid");
  if (limits.restricted_writes.value_or(false)) out.emplace_back("lets only some people write");
  if (below(limits.max_message_length, kLongestMessage))
    out.push_back(fmt::format("takes messages of {} bytes at most", *limits.max_message_length));
  if (below(limits.max_content_length, kLongestContent))
    out.push_back(fmt::format("takes contents of {} bytes at most", *limits.max_content_length));
  if (below(limits.created_at_lower_limit, kWrapsAreDatedBack))
    out.emplace_back("refuses private messages, which are dated back by up to two days");
  if (below(limits.max_subscriptions, kSubscriptions))
    out.push_back(fmt::format("serves {} subscriptions at most", *limits.max_subscriptions));
  return out;
}

base::Task<Findings> check_relays(Runtime& runtime, const Subject& subject) {
  Findings findings;
  Inboxes inboxes;
  for (const std::string& relay : subject.relays)
    co_await check_relay(runtime, relay, subject, inboxes, findings);
  if (!subject.relays.empty()) check_clock(runtime, findings);
  for (const PublicKey& person : subject.operators)
    if (!subject.relays.empty()) co_await check_inbox(runtime, person, inboxes, findings);
  co_return findings;
}

}  // namespace node
