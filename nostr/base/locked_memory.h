// Memory for secrets: never written to swap, never in a core dump, fenced by pages that trap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace base {

/// Slots come in a few sizes; the largest secret that fits one.
inline constexpr std::size_t kMaxLockedSlot = 128;

/// A zeroed slot of at least `size` bytes (1 to kMaxLockedSlot), aligned to 16. Any thread. Where the
/// system refuses to lock memory the slot is an ordinary one, and locked_memory() says so.
std::uint8_t* take_locked_slot(std::size_t size);
/// Wipes the slot and takes it back; `size` as it was asked for. Any thread.
void give_locked_slot(std::uint8_t* slot, std::size_t size);

/// How the memory for secrets stands, for `doctor` and the log.
struct LockedMemory {
  std::size_t bytes = 0;     ///< obtained from the system so far
  std::size_t unlocked = 0;  ///< of these, what the system refused to lock
  std::string why;           ///< the system's reason; empty when all of it is locked
};
LockedMemory locked_memory();

}  // namespace base
