// What can be seen of a home without talking to anybody: its files, who may read them, its disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/config.h"
#include "node/doctor/findings.h"
#include "node/home.h"
#include "nostr/crypto/keys.h"

namespace node {

/// A home as its files describe it.
struct Subject {
  enum class Role { kNobody, kNode, kCosigner };
  Role role = Role::kNobody;
  std::vector<std::string> relays;            ///< where it reads and writes
  std::vector<nostr::PublicKey> operators;
  Config config;                              ///< of a node
};

/// Reads config.toml or policy.toml and says what is wrong with them.
Subject read_subject(const Home& home, Findings& findings);

/// Folders, keys, share and database: there, ours, closed to others, and fitting together. A sealed
/// share is opened with `passphrase_file`, or else only looked at.
void check_files(const Home& home, const Subject& subject, const std::string& passphrase_file,
                 Findings& findings);

/// Room for the database: `free_bytes` of the file system that holds it. Pure.
void check_room(std::uint64_t free_bytes, Findings& findings);
/// The same, measured.
void check_disk(const Home& home, Findings& findings);

}  // namespace node
