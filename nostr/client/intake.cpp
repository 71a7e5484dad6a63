// HOT PATH: queue → chunk → checks (verify_pool) → in order again → one batch to the app thread.
#include "nostr/client/intake.h"

#include <algorithm>
#include <utility>

namespace nostr {

namespace {

/// Large enough that queues cost nothing, small enough that threads finish together.
constexpr std::size_t kMaxChunk = 64;

void count(IntakeCounts& counts, Verdict verdict) {
  switch (verdict) {
    case Verdict::kEvent: ++counts.verified; break;
    case Verdict::kDuplicate: ++counts.duplicates; break;
    case Verdict::kMessage: break;
    case Verdict::kLate: ++counts.late; break;
    case Verdict::kMalformed: ++counts.malformed; break;
    case Verdict::kForged: ++counts.forged; break;
    case Verdict::kUnmatched: ++counts.unmatched; break;
    case Verdict::kOtherTags: ++counts.other_tags; break;
  }
}

/// One entry per REQ, of which a chunk rarely holds more than one.
void add_copy(std::vector<IntakeCopies>& copies, TargetPtr target, std::size_t bytes) {
  auto it = std::ranges::find(copies, target, &IntakeCopies::target);
  if (it == copies.end()) it = copies.insert(it, {std::move(target)});
  ++it->count;
  it->bytes += bytes;
}

}  // namespace

IntakeCounts& IntakeCounts::operator+=(const IntakeCounts& other) {
  verified += other.verified;
  duplicates += other.duplicates;
  late += other.late;
  malformed += other.malformed;
  forged += other.forged;
  unmatched += other.unmatched;
  other_tags += other.other_tags;
  dropped += other.dropped;
  return *this;
}

Intake::Intake(base::Loop& loop, base::Workers& workers, std::shared_ptr<VerifyPool> verifier,
               IntakeLimits limits, Sink sink)
    : loop_(loop),
      workers_(workers),
      verifier_(std::move(verifier)),
      limits_(limits),
      sink_(std::move(sink)),
      table_(std::make_shared<const SubTable>()) {}

void Intake::set_table(SubTablePtr table) {
  const std::lock_guard lock(mutex_);
  table_ = std::move(table);
}

void Intake::attach(std::function<void(bool)> set_reading) {
  const std::lock_guard lock(mutex_);
  set_reading_ = std::move(set_reading);
}

void Intake::shut() {
  sink_ = nullptr;
  const std::lock_guard lock(mutex_);
  set_reading_ = nullptr;
  shut_ = true;
  pending_.clear();
  pending_bytes_ = 0;
}

void Intake::on_open() {
  const std::lock_guard lock(mutex_);
  if (shut_) return;
  outbox_.items.emplace_back(IntakeOpened{});
  wake_app();
}

void Intake::on_frame(Frame frame) {
  const std::lock_guard lock(mutex_);
  if (shut_ || outbox_.hostile || overflowed_) return;
  if (pending_.size() >= limits_.max_pending_frames ||
      pending_bytes_ + frame->size() > limits_.max_pending_bytes)
    return overflow();
  pending_bytes_ += frame->size();
  pending_.push_back(std::move(frame));
  if (pending_bytes_ > limits_.pause_bytes && !paused_ && set_reading_) {
    paused_ = true;
    set_reading_(false);
  }
  schedule();
}

/// Under the lock: the connection ends here, as if it had been lost; a new one asks again for all.
void Intake::overflow() {
  overflowed_ = true;
  outbox_.counts.dropped += pending_.size() + 1;
  pending_.clear();
  pending_bytes_ = 0;
  closed_ = "more arrived than could be read in time";
  wake_app();
}

void Intake::on_pong(std::chrono::microseconds round_trip) {
  const std::lock_guard lock(mutex_);
  if (shut_) return;
  outbox_.latency = round_trip;
  wake_app();
}

void Intake::on_closed(std::string reason) {
  const std::lock_guard lock(mutex_);
  if (shut_ || overflowed_) return;
  closed_ = std::move(reason);
  wake_app();
}

/// Under the lock: as many jobs as there is work and threads.
void Intake::schedule() {
  if (shut_) return;
  if (jobs_ >= workers_.size() || starting_ >= pending_.size()) return;
  if (undrained_ >= limits_.max_undrained) return;
  ++jobs_;
  ++starting_;
  workers_.submit([self = shared_from_this()] { self->run_job(); });
}

void Intake::run_job() {
  std::vector<Frame> frames;
  std::uint64_t number = 0;
  SubTablePtr table;
  {
    const std::lock_guard lock(mutex_);
    --starting_;
    if (shut_ || pending_.empty() || undrained_ >= limits_.max_undrained) {
      --jobs_;
      return;
    }
    // A share of the backlog rather than all of it, so that the other threads get theirs.
    const std::size_t share = pending_.size() / (2 * workers_.size());
    const std::size_t take = std::clamp<std::size_t>(share, 1, kMaxChunk);
    frames.reserve(take);
    for (std::size_t i = 0; i < take; ++i) {
      pending_bytes_ -= pending_.front()->size();
      frames.push_back(std::move(pending_.front()));
      pending_.pop_front();
    }
    if (paused_ && pending_bytes_ < limits_.pause_bytes / 2) {
      paused_ = false;
      if (set_reading_) set_reading_(true);
    }
    undrained_ += take;
    number = next_chunk_++;
    table = table_;
    schedule();
  }

  Chunk chunk{.frames = frames.size()};
  chunk.items.reserve(frames.size());
  std::vector<IntakeCopies> copies;
  std::vector<Checked> results = verifier_->check(frames, *table);
  for (std::size_t i = 0; i < results.size(); ++i) {
    Checked& checked = results[i];
    const std::size_t bytes = frames[i]->size();
    count(chunk.counts, checked.verdict);
    if (checked.verdict == Verdict::kEvent)
      chunk.items.emplace_back(
          IntakeEvent{std::move(checked.target), std::move(checked.event), bytes});
    else if (checked.verdict == Verdict::kMessage)
      chunk.items.emplace_back(std::move(checked.message));
    else if (checked.verdict == Verdict::kDuplicate)
      add_copy(copies, std::move(checked.target), bytes);
  }
  for (IntakeCopies& some : copies) chunk.items.emplace_back(std::move(some));
  frames.clear();

  const std::lock_guard lock(mutex_);
  --jobs_;
  if (shut_) return;
  finish(number, std::move(chunk));
  schedule();
}

/// Under the lock: chunks end in any order and leave in that of the wire.
void Intake::finish(std::uint64_t number, Chunk chunk) {
  finished_.emplace(number, std::move(chunk));
  for (auto it = finished_.find(next_out_); it != finished_.end(); it = finished_.find(next_out_)) {
    Chunk& done = it->second;
    if (outbox_.items.empty())
      outbox_.items = std::move(done.items);
    else
      outbox_.items.insert(outbox_.items.end(), std::make_move_iterator(done.items.begin()),
                           std::make_move_iterator(done.items.end()));
    outbox_.counts += done.counts;
    total_ += done.counts;
    finished_frames_ += done.frames;
    finished_.erase(it);
    ++next_out_;
  }
  if (total_.bad() > limits_.max_bad_frames + total_.verified / 100 ||
      total_.late > limits_.max_late_frames) {
    outbox_.hostile = true;
    pending_.clear();
    pending_bytes_ = 0;
  }
  wake_app();
}

/// Under the lock: one wake-up however much is ready.
void Intake::wake_app() {
  if (posted_) return;
  posted_ = true;
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->drain();
  });
}

void Intake::drain() {
  IntakeBatch batch;
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    if (shut_) return;
    batch = std::exchange(outbox_, IntakeBatch{.hostile = outbox_.hostile});
    undrained_ -= std::exchange(finished_frames_, 0);
    // The end of the connection comes last, once every frame before it is through.
    if (closed_ && pending_.empty() && undrained_ == 0) {
      batch.items.emplace_back(IntakeClosed{*std::move(closed_)});
      closed_.reset();
    }
    schedule();
  }
  // The sink may shut this intake, so it runs from a copy.
  const Sink sink = sink_;
  if (sink) sink(std::move(batch));
}

}  // namespace nostr
