// SealedArchive: files in one file under a passphrase, written and read as a stream.
//
//   sovereign-archive-1 {"log_n":16,"nonce":"…","salt":"…"}\n
//   chunks: length (u32, big endian), XChaCha20-Poly1305 of up to 64 KiB
//
// The key is scrypt of the passphrase; a chunk's nonce is the file's 16 bytes and its number, and its
// associated data is the first line and whether it is the last one, so that no chunk can be moved, left out
// or cut off. Inside, each file is a line of JSON, {"mode","name","size"}, and its bytes.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "nostr/base/json.h"
#include "nostr/base/rng.h"

namespace node {

/// Writes one archive. Nothing of it counts before finish().
class ArchiveWriter {
 public:
  /// Blocks for about 0.2 s. kIo when `file` exists or cannot be made; mode 0600.
  static base::Result<ArchiveWriter> create(const std::filesystem::path& file, std::string_view passphrase,
                                            base::Rng& rng);
  /// The file at `from`, called `name`.
  base::Result<void> add(const std::string& name, const std::filesystem::path& from, unsigned mode);
  base::Result<void> add_text(const std::string& name, std::string_view text, unsigned mode);
  /// The last chunk, and everything on the disk.
  base::Result<void> finish();

 private:
  ArchiveWriter() = default;
  base::Result<void> begin(const std::string& name, std::uint64_t size, unsigned mode);
  base::Result<void> put(base::ByteView bytes);
  base::Result<void> flush(bool last);

  std::filesystem::path path_;
  std::ofstream out_;
  std::string head_;
  base::Secret<32> key_;
  base::Bytes prefix_;
  std::uint64_t chunk_ = 0;
  base::Bytes pending_;
};

/// One file as it comes out of an archive.
struct ArchivedFile {
  std::string name;  ///< relative, plain parts only
  std::uint64_t size = 0;
  unsigned mode = 0600;
};

/// Opens every file of `archive` below `folder`, which exists and is empty. kCrypto for another passphrase or
/// a damaged or shortened archive, kInvalid for what is none; then `folder` holds what came before.
base::Result<std::vector<ArchivedFile>> open_archive(const std::filesystem::path& archive, std::string_view passphrase,
                                                     const std::filesystem::path& folder);

}  // namespace node
