// SavedProgram: an instruction and demos that were found to be better, as a file that vouches for itself.
// ProgramShelf: the folder of them, and which one each signature uses.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "orchestration/programs/program.h"

namespace orchestration {

/// What a saved program may change: nothing but words.
struct SavedProgram {
  std::string signature;
  std::uint32_t version = 1;
  nostr::Sha256 fields;        ///< fields_hash() of the signature it was made for
  std::string instruction;
  std::vector<Demo> demos;
  std::string optimiser;
  std::uint64_t seed = 0;
  nostr::Sha256 dataset;
  std::string metric;
  double before = 0;           ///< the incumbent's score on the validation examples
  double after = 0;
  std::uint32_t examples = 0;  ///< how many these were
  std::string model;
  base::UnixTime created_at;
  std::optional<nostr::Sha256> parent;  ///< the saved program it came from
};

/// As it is written: canonical text with `hash`, SHA-256 of the rest, in it.
std::string to_text(const SavedProgram& program);
nostr::Sha256 hash_of(const SavedProgram& program);
/// kUnsupported for another format version, kInvalid for a hash that does not fit or a member that is wrong.
base::Result<SavedProgram> parse_saved(std::string_view text);

/// `builtin` with the saved words. kInvalid when it was made for other fields, or a demo does not fit them.
base::Result<Program> apply(const SavedProgram& saved, Program builtin);

/// `<folder>/<signature>/<hash>.json`, and beside them `active.json`.
class ProgramShelf {
 public:
  static constexpr std::size_t kHistory = 5;  ///< programs one can go back to
  explicit ProgramShelf(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Writes it and makes it the active one; the one before stays within reach of rollback().
  base::Result<nostr::Sha256> save(const SavedProgram& program);
  base::Result<SavedProgram> load(std::string_view signature, const nostr::Sha256& hash) const;

  struct Active {
    Program program;                     ///< the saved one, or the built-in
    std::optional<nostr::Sha256> hash;   ///< of the saved one in use
    std::string problem;                 ///< why a saved one that is named is not used
  };
  /// Never fails: what is damaged is reported and the built-in program used.
  Active active(const Program& builtin) const;
  /// Hashes in use before, newest first; the built-in program is behind the last one.
  base::Result<std::vector<nostr::Sha256>> history(std::string_view signature) const;
  /// Back to the one before; nullopt: to the built-in. kNotFound when that is in use already.
  base::Result<std::optional<nostr::Sha256>> rollback(std::string_view signature);

 private:
  struct Pointer {
    std::vector<nostr::Sha256> line;  ///< the active one first
  };
  base::Result<Pointer> pointer(std::string_view signature) const;
  base::Result<void> point(std::string_view signature, const Pointer& to);
  std::filesystem::path folder_;
};

}  // namespace orchestration
