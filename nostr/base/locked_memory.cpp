// HOT PATH: a hash under a key takes five slots. Each thread keeps a few at hand; the rest are under
// a lock in one pool that lives as long as the process.
#include "nostr/base/locked_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "nostr/base/bytes.h"
#include "nostr/base/result.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define SOVEREIGN_HIDE_SLOT(slot, size) ASAN_POISON_MEMORY_REGION(slot, size)
#define SOVEREIGN_SHOW_SLOT(slot, size) ASAN_UNPOISON_MEMORY_REGION(slot, size)
#endif
#endif
#ifndef SOVEREIGN_HIDE_SLOT
#define SOVEREIGN_HIDE_SLOT(slot, size) static_cast<void>(0)
#define SOVEREIGN_SHOW_SLOT(slot, size) static_cast<void>(0)
#endif

namespace base {
namespace {

constexpr std::array<std::size_t, 3> kSlotSizes{32, 64, kMaxLockedSlot};
constexpr std::size_t kAtHand = 16;   ///< slots of one size a thread keeps
constexpr std::size_t kArenaPages = 4;

std::size_t size_class(std::size_t size) {
  CHECK(size > 0 && size <= kMaxLockedSlot);
  std::size_t out = 0;
  while (kSlotSizes[out] < size) ++out;
  return out;
}

/// All slots of the process; those that threads keep are not in `free_`.
class SlotPool {
 public:
  std::uint8_t* take(std::size_t which) {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint8_t*>& free = free_[which];
    if (free.empty()) grow(which);
    std::uint8_t* slot = free.back();
    free.pop_back();
    return slot;
  }

  void give(std::uint8_t* slot, std::size_t which) {
    const std::lock_guard lock(mutex_);
    free_[which].push_back(slot);
  }

  LockedMemory state() {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  /// Maps an arena between two pages that nobody may touch.
  void grow(std::size_t which) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t usable = kArenaPages * page;
    void* mapped = ::mmap(nullptr, usable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* begin = static_cast<std::uint8_t*>(mapped) + page;
    if (::mprotect(begin, usable, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    lock_in_place(begin, usable);
    const std::size_t size = kSlotSizes[which];
    // So that giving back never allocates.
    free_[which].reserve(free_[which].capacity() + usable / size);
    for (std::size_t at = usable; at >= size; at -= size) {
      SOVEREIGN_HIDE_SLOT(begin + at - size, size);
      free_[which].push_back(begin + at - size);
    }
  }

  void lock_in_place(std::uint8_t* begin, std::size_t size) {
    state_.bytes += size;
    const bool kept_out = ::madvise(begin, size, MADV_DONTDUMP) == 0;
    if (::mlock(begin, size) == 0 && kept_out) return;
    state_.unlocked += size;
    if (state_.why.empty()) state_.why = std::strerror(errno);
  }

  std::mutex mutex_;
  std::array<std::vector<std::uint8_t*>, kSlotSizes.size()> free_;
  LockedMemory state_;
};

/// Never destroyed: secrets in static storage outlive everything else.
SlotPool& pool() {
  alignas(SlotPool) static std::array<std::byte, sizeof(SlotPool)> storage;
  static auto* const shared = new (storage.data()) SlotPool;
  return *shared;
}

/// What this thread has at hand.
struct AtHand {
  struct Shelf {
    std::array<std::uint8_t*, kAtHand> slots{};
    std::size_t count = 0;
  };
  std::array<Shelf, kSlotSizes.size()> shelves;

  AtHand() = default;
  AtHand(const AtHand&) = delete;
  AtHand& operator=(const AtHand&) = delete;
  ~AtHand();
};

thread_local bool thread_ends = false;  // trivially destroyed, so readable to the end

AtHand::~AtHand() {
  thread_ends = true;
  for (std::size_t which = 0; which < shelves.size(); ++which)
    for (std::size_t i = 0; i < shelves[which].count; ++i)
      pool().give(shelves[which].slots[i], which);
}

AtHand* at_hand() {
  if (thread_ends) return nullptr;
  thread_local AtHand mine;
  return &mine;
}

}  // namespace

std::uint8_t* take_locked_slot(std::size_t size) {
  const std::size_t which = size_class(size);
  AtHand* mine = at_hand();
  const bool has_one = mine != nullptr && mine->shelves[which].count > 0;
  std::uint8_t* slot = has_one ? mine->shelves[which].slots[--mine->shelves[which].count]
                               : pool().take(which);
  SOVEREIGN_SHOW_SLOT(slot, kSlotSizes[which]);
  return slot;  // zero: fresh from the system, or wiped when it was given back
}

void give_locked_slot(std::uint8_t* slot, std::size_t size) {
  const std::size_t which = size_class(size);
  wipe({slot, size});
  SOVEREIGN_HIDE_SLOT(slot, kSlotSizes[which]);
  AtHand* mine = at_hand();
  if (mine != nullptr && mine->shelves[which].count < kAtHand)
    mine->shelves[which].slots[mine->shelves[which].count++] = slot;
  else
    pool().give(slot, which);
}

LockedMemory locked_memory() {
  return pool().state();
}

}  // namespace base
