// A database that comes out of a backup knows nothing of what happened since: what it believes to be open
// may be over. All of it is closed, so that nothing is signed, asked, paid or done a second time.
#pragma once

#include "storage/db.h"

namespace storage {

/// What was open when the backup was made, and is not any more.
struct ClosedWork {
  std::int64_t nonces = 0;        ///< void
  std::int64_t questions = 0;     ///< withdrawn: no answer to them counts
  std::int64_t ticks = 0;         ///< failed
  std::int64_t actions = 0;       ///< failed
  std::int64_t tasks = 0;         ///< cancelled
  std::int64_t publications = 0;  ///< drafts that were never signed; signed events are still sent, they are the same
  std::int64_t requests = 0;      ///< of bunker clients and customers: failed
  std::int64_t leases = 0;        ///< over
  std::int64_t payments = 0;      ///< promised ones may have been sent since: they are looked up, never sent; mere intents failed
  std::int64_t issues = 0;        ///< claims on the queue given back
};

/// One kFull transaction.
Result<ClosedWork> close_open_work(Db& db, UnixTime now);

}  // namespace storage
