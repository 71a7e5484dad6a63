// What counts as an answer to a job of ours (NIP-90): a pure judge over the events that claim to be one.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "nostr/nips/nip90.h"

namespace orchestration {

/// A worker asks for money.
struct JobAsked {
  nostr::PublicKey worker;
  nostr::JobPrice price;
};
/// It works, or says something on the way; `detail` holds its words.
struct JobProgress {
  nostr::PublicKey worker;
  std::string detail;
  std::string partial;  ///< content of a partial result, encrypted when the job was
};
struct JobFailed {
  nostr::PublicKey worker;
  std::string detail;
};
struct JobDone {
  nostr::PublicKey worker;
  std::string content;  ///< encrypted when the job was
  std::optional<nostr::JobPrice> price;
};
/// Why an event was passed over.
struct JobIgnored {
  std::string why;
};
using JobNews = std::variant<JobIgnored, JobAsked, JobProgress, JobFailed, JobDone>;

/// One job that is out. After the first answer of weight (a demand, a result) nobody but its author
/// counts.
class JobWatch {
 public:
  /// `workers`: who may answer; empty is an open market. `max_bytes` bounds a content.
  JobWatch(const nostr::Event& request, std::vector<nostr::PublicKey> workers,
           std::size_t max_bytes);

  /// Reads one verified event. JobIgnored: another's, for another job, of a wrong kind, older than the
  /// request, too large, said before, or after the end.
  JobNews hear(const nostr::Event& event);
  /// Nothing counts from now on.
  void close() { closed_ = true; }
  /// The one who answered first, once there is one.
  const std::optional<nostr::PublicKey>& worker() const { return chosen_; }

 private:
  JobNews read_result(const nostr::Event& event);
  JobNews read_feedback(const nostr::Event& event);
  std::optional<std::string> objection(const nostr::Event& event) const;

  nostr::EventId request_;
  nostr::PublicKey customer_;
  nostr::Kind kind_;
  base::UnixTime asked_at_;
  std::vector<nostr::PublicKey> workers_;
  std::size_t max_bytes_;
  std::optional<nostr::PublicKey> chosen_;
  std::set<nostr::EventId> seen_;
  bool closed_ = false;
};

}  // namespace orchestration
