// SkillSeller: a publisher at work — publishes skills, offers them, issues licences and takes them back.
// Everything is committed with its place in the outbox before a relay sees it.
//
// Who does so may be a group whose share the home holds: manifests, offers and licences are the group's, signed
// with its co-signers, which judge each. Orders, bills and deliveries are private messages, which a group never
// signs; they are the home's node key's, which the offer names as its desk.
#pragma once

#include <functional>
#include <memory>

#include "node/group_side.h"
#include "node/home.h"
#include "node/publisher.h"
#include "node/runtime.h"
#include "nostr/base/json.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/marketplace/handover.h"
#include "storage/events.h"
#include "storage/issued_licences.h"
#include "storage/sales.h"

namespace node {

struct PublishSkill {
  std::string folder;
  std::string version;                    ///< "" takes metadata.version of SKILL.md
  std::vector<std::string> capabilities;
  std::vector<std::string> topics;
  std::chrono::seconds lasts{365 * 86'400};
  nipsa::ChangeType change = nipsa::ChangeType::kChanged;
  std::string note;
};
struct OfferSkill {
  std::string folder;
  base::Sat price;
  nipsa::LicenceTerms terms;
  bool withdraw = false;  ///< not for sale any more
};
struct IssueLicence {
  std::string folder;
  nostr::PublicKey receiver;  ///< who opens the wrap: the agent's node
  orchestration::LicenceGrant grant;
  /// Rows that are written in the commit of the licence.
  std::function<base::Result<void>()> also = {};
};

/// One home's key and books. Lives in a command's frame. App thread.
class SkillSeller {
 public:
  /// Locks the home's database. `runtime` outlives this.
  static base::Result<std::unique_ptr<SkillSeller>> create(Runtime& runtime, const Home& home,
                                                           nostr::SecretKey key,
                                                           std::vector<std::string> relays);
  /// The same for the group of the home's share. kInvalid when it has none.
  static base::Result<std::unique_ptr<SkillSeller>> create_for_group(Runtime& runtime, const Home& home,
                                                                     const Config& config,
                                                                     std::vector<std::string> relays);
  /// Before anything is signed: a group finds its co-signers.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();
  /// Where bodies lie that are too long for a delivery: what a URL of theirs begins with. The files are
  /// kept in this home (blob_store.h). Without, such skills are not sold.
  void put_blobs_at(std::string url) { blobs_at_ = std::move(url); }
  const std::string& blobs_at() const { return blobs_at_; }
  /// Who publishes, offers and licenses.
  nostr::PublicKey key() const { return group_ ? group_->signer().public_key() : signer_.public_key(); }
  /// Who trades for that key: the same one, unless it is a group's.
  nostr::PublicKey desk() const { return signer_.public_key(); }

  /// kConflict unless the version is newer than the one published before.
  base::Task<base::Result<base::json::Value>> publish(PublishSkill wish);
  /// Withdraws every version that was published.
  base::Task<base::Result<base::json::Value>> withdraw(std::string slug, std::string reason);
  /// Puts a published skill up for sale (30402), or changes what it costs.
  base::Task<base::Result<base::json::Value>> offer(OfferSkill wish);
  /// kConflict when the folder is not what is published, or the id was used.
  base::Task<base::Result<base::json::Value>> issue(IssueLicence wish);
  /// Publishes a licence of ours again, with its delivery in a new wrap. kNotFound.
  base::Result<void> deliver_again(std::string id);
  base::Task<base::Result<base::json::Value>> revoke(std::string id, std::string reason);
  base::Result<base::json::Value> list(std::int64_t limit);
  /// The orders taken here, newest first.
  base::Result<base::json::Value> orders(std::int64_t limit);

  storage::Db& db() { return *db_; }
  /// The desk's.
  const nostr::KeySigner& signer() const { return signer_; }
  const std::vector<std::string>& relays() const { return relays_; }
  /// Commits `event` with its place in the outbox.
  base::Result<void> post(const nostr::Event& event, std::string_view purpose);

 private:
  SkillSeller(Runtime& runtime, const Home& home, std::unique_ptr<storage::Db> db,
              nostr::SecretKey key, std::vector<std::string> relays);
  base::Task<base::Result<void>> learn(std::string slug);
  struct Past {
    std::optional<nostr::Event> head;  ///< the manifest that stands
    std::string version;               ///< the newest there was; "" when there was none
    std::optional<base::UnixTime> last;  ///< what comes next is later
  };
  base::Result<Past> past_of(const nostr::Address& skill);
  base::Task<base::Result<nostr::Event>> sign(nostr::Draft draft);
  Publisher& publisher() { return group_ ? group_->publisher() : publisher_; }
  base::Result<nostr::Event> published(const orchestration::SkillPackage& package);
  base::Task<base::Result<void>> settled(std::vector<nostr::EventId> events);
  nostr::Address address_of(const std::string& slug) const;

  Runtime& runtime_;
  const Home home_;
  std::string blobs_at_;
  std::unique_ptr<storage::Db> db_;
  nostr::KeySigner signer_;
  const std::vector<std::string> relays_;
  storage::EventDb events_;
  storage::IssuedLicences issued_;
  storage::Sales sales_;
  Publisher publisher_;                ///< of a key; a group has its own
  std::unique_ptr<GroupSide> group_;   ///< null for a key
};

}  // namespace node
