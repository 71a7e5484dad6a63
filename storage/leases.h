// Leases: which process may act for which member of the group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/keys.h"
#include "storage/db.h"

namespace storage {

/// The lease of one member; at most one row a member, kept when it is over.
struct LeaseRow {
  std::uint32_t member = 0;
  nostr::PublicKey runner;      ///< whose key proved it
  std::string home;             ///< a home has one database, so one process
  std::int64_t generation = 0;  ///< which start of that home
  std::string boot;             ///< the process
  UnixTime since;
  UnixTime until;               ///< exclusive
  std::string barred;           ///< a home that gets no lease until barred_until
  UnixTime barred_until;
};

/// App thread. What changes the holder is kFull.
class Leases {
 public:
  explicit Leases(Db& db) : db_(db) {}

  Result<std::optional<LeaseRow>> get(std::uint32_t member);
  /// Writes the member's row, whatever was there.
  Result<void> put(const LeaseRow& row);
  /// A later end for the holder that stands; kNormal.
  Result<void> renew(std::uint32_t member, UnixTime until);
  /// By member; a group has at most 256.
  Result<std::vector<LeaseRow>> list();

 private:
  Db& db_;
};

}  // namespace storage
