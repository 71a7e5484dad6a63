// The policy.toml a co-signer starts with: every key, with what it is for.
#include <fmt/format.h>

#include "frostr/policy_file.h"
#include "nostr/nips/nip19.h"

namespace frostr {
namespace {

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", \"" : "\"") + item + "\"";
  return out + "]";
}

std::string key_list(const std::vector<nostr::PublicKey>& keys) {
  std::vector<std::string> texts;
  for (const auto& key : keys) texts.push_back(nostr::encode_npub(key));
  return quoted_list(texts);
}

std::string requester_text(const Requester& requester) {
  return fmt::format("[[requesters]]\nidx = {}\n{}blind = \"{}\"\n\n", requester.idx,
                     requester.runner
                         ? fmt::format("runner = \"{}\"\n", nostr::encode_npub(*requester.runner))
                         : std::string("# runner = \"npub1…\"\n"),
                     requester.blind ? "allow" : "refuse");
}

constexpr std::string_view kHead =
    R"(# What this co-signer signs. It reads this file again when it changes; a mistake is an error that
# names line and key, and leaves the policy of before in force. Try a change first:
#     sovereign cosigner policy check FILE
#     sovereign cosigner policy test EVENT.json --policy FILE
# Keys are npub or 64 hex characters, amounts millisats, patterns regular expressions (RE2).

# Whose word decides when an event needs approval, how many of them must say yes, and for how long
# (seconds, 60 to 86400) a question stays open.
operators = {operators}
quorum = 1
approval_ttl = 900

# Service keys of other co-signers whose published decision (kind 39213) counts like our own.
decisions_from = {decisions_from}

# How much the agent may do unasked. The node can only be stricter.
#   supervised  everything said to the world asks, whatever [kinds.N] says
#   bounded     it asks unless its kind below says sign
#   autonomous  notes, reactions and comments (kinds 1, 7, 1111) are signed without asking
level = "{level}"

# Kinds without a rule: refuse, or ask.
default = "refuse"

# Signatures of all kinds together.
max_per_hour = 1200

# One process acts for a member at a time: it proves with the runner's key that it is the runner's,
# and another one is let in when it has been silent for so long (seconds, 60 to 3600), or when the
# operator says so: sovereign cosigner lease revoke
lease_ttl = 120

# Who may ask: a member of the group by its share's number, and the node key that runs the agent.
# Only claims (39210) by `runner` open the state. `blind` requests carry a hash and no event: allow
# gives that member any signature at all. lease = "required" serves nobody but the runner, so that a
# stolen share alone is worth nothing; it is not the default, because the share on its own (a stock
# bifrost peer, `frost sign` on another machine after the runner's is lost) would be shut out as well.
# While a runner holds the lease, either setting serves nobody else.
# Also: kinds = [1, 7] (nothing else), max_per_hour = 60.
)";

constexpr std::string_view kTail =
    R"(# Built in: state (39201) once a tick and its parts (30078 at nip-sa/state/N, nothing else of that
# kind), trajectory heads (39230), and the first 0, 10002, 10050, 39200 and 39202 are signed; later ones,
# 39203, proofs of the key (33411), 1, 5, 6, 7, 1111, 1617, 9734 and 30023 ask; 4, 13, 1059, 24133 and
# 27235 are never signed. A table changes one kind:
# [kinds.7]
# verdict = "sign"           # sign, ask, proof (ask, and only a yes an operator signed), refuse
# max_per_hour = 30
# max_per_day = 200
# max_bytes = 2000           # of the event
# max_chars = 500            # of its content
# tags = ["e", "p", "k"]     # the only ones it may have
# forbidden_tags = ["t"]
# content_needs = ["^[+-]$"] # each must be found
# content_never = ["http"]   # none may be found
# licence = "33400:KEY:NAME" # only while the agent holds a live licence for this skill

# No content that is said to the world may hold one of these.
[content]
never = ["nsec1[a-z0-9]{{20}}", "(?i)bfshare1[a-z0-9]{{20}}"]

# What zaps (9734), spends from a credit (39243) and sums that other agents may spend (39260) may come to,
# approved or not. Windows end now; an event counts once.
[spending]
# event_msat = 100000
# hour_msat = 300000
# day_msat = 1000000
# ask_above_msat = 21000     # ask for more than this even where the kind says sign

# When nothing is said unless it was approved before. verdict = "ask" asks instead of refusing.
# [quiet]
# from = "22:00"
# to = "07:00"
# zone = "Europe/Berlin"
# days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]  # on which it begins
# verdict = "refuse"

# How you are asked. A reaction or a public reply allows no more sats than reaction_max; a yes that
# moves money counts after `hold` seconds. public_mentions also mentions you for all to see. signers
# are files with the bunker:// texts of your signer apps (NIP-46), which then show every question.
[approvals]
reaction_max = 5000
hold = 5
public_mentions = false
signers = []

[ecdh]
# Help to open the agent's own state, for a running tick.
self = true
# Help to open strangers' messages to the group key, and how many.
messages = false
max_messages_per_hour = 30
max_per_hour = 240
# Who may issue licences that name content keys, and single keys allowed by name without a tick.
issuers = []
targets = []

[relays]
# Where heads, claims and questions are read, and the relays for which AUTH (22242) is signed.
follow = {relays}
auth = {relays}

[audit]
# Publish the head of the audit log now and then, signed by this co-signer's service key: without a
# copy elsewhere nobody can tell that the newest rows were cut off.
publish = true
)";

}  // namespace

std::string write_policy(const PolicySeed& seed) {
  std::string out = fmt::format(kHead, fmt::arg("operators", key_list(seed.operators)),
                                fmt::arg("decisions_from", key_list(seed.decisions_from)),
                                fmt::arg("level", level_name(seed.level)));
  for (const Requester& requester : seed.requesters) out += requester_text(requester);
  return out + fmt::format(kTail, fmt::arg("relays", quoted_list(seed.relays)));
}

}  // namespace frostr
