// Sealing on the way out, opening on the way in; a chunk at a time is in memory.
#include "node/sealed_archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "nostr/crypto/password.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::string_view kMagic = "sovereign-archive-1 ";
constexpr std::size_t kChunk = 65'536;
constexpr unsigned kLogN = 16;
constexpr std::size_t kPrefixSize = 16;
constexpr std::size_t kMaxHead = 512;
constexpr std::size_t kMaxFiles = 10'000;
constexpr std::size_t kMaxNameBytes = 512;
constexpr std::size_t kMaxEntryLine = 4'096;

base::Bytes nonce_of(base::ByteView prefix, std::uint64_t chunk) {
  base::Bytes out(prefix.begin(), prefix.end());
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(chunk >> shift));
  return out;
}

base::Bytes bound_to(const std::string& head, bool last) {
  base::Bytes out(base::as_bytes(head).begin(), base::as_bytes(head).end());
  out.push_back(last ? 1 : 0);
  return out;
}

Result<base::Secret<32>> key_of(std::string_view passphrase, base::ByteView salt, unsigned log_n) {
  TRY(std::string normal, nostr::normalize_password(passphrase));
  auto key = nostr::scrypt_key(normal, salt, log_n);
  base::wipe(normal);
  return key;
}

std::unexpected<base::Error> io(const std::filesystem::path& path, std::string_view what) {
  return fail(Errc::kIo, fmt::format("{}: cannot be {}", path.string(), what), "check the disk and the folder's owner");
}

/// Whether `name` stays below the folder it is put into.
bool is_plain(const std::string& name) {
  if (name.empty() || name.size() > kMaxNameBytes || name.front() == '/' || name.contains('\0')) return false;
  for (const auto& part : std::filesystem::path(name))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

/// The chunks of an archive, opened one after the other.
class ChunkReader {
 public:
  static Result<ChunkReader> create(const std::filesystem::path& file, std::string_view passphrase) {
    ChunkReader out;
    out.path_ = file;
    out.in_.open(file, std::ios::binary);
    if (!out.in_) return fail(Errc::kNotFound, fmt::format("{}: cannot be read", file.string()));
    std::string line;
    for (char c = 0; line.size() < kMaxHead && out.in_.get(c) && c != '\n';) line.push_back(c);
    if (!line.starts_with(kMagic)) return fail(Errc::kInvalid, fmt::format("{}: is no backup of ours", file.string()));
    TRY(const Value head, base::json::parse(line.substr(kMagic.size())));
    TRY(const std::string salt, base::json::get_string(head, "salt"));
    TRY(const std::string prefix, base::json::get_string(head, "nonce"));
    TRY(const base::Bytes salt_bytes, base::hex_decode(salt));
    TRY(out.prefix_, base::hex_decode(prefix));
    if (out.prefix_.size() != kPrefixSize) return fail(Errc::kInvalid, "the archive's nonce has another length");
    // The cost is ours to choose: a file may not make us spend a gigabyte.
    if (base::json::int_or(head, "log_n") != kLogN) return fail(Errc::kUnsupported, "the archive's cost is not ours");
    TRY(out.key_, key_of(passphrase, salt_bytes, kLogN));
    out.head_ = std::move(line);
    return out;
  }

  /// `size` bytes of the stream into `take`, in pieces.
  Result<void> read(std::uint64_t size, const std::function<Result<void>(base::ByteView)>& take) {
    while (size > 0) {
      TRY(const bool more, fill());
      if (!more) return shortened();
      const std::size_t step = std::min<std::uint64_t>(size, open_.size() - at_);
      TRY(take(base::ByteView(open_).subspan(at_, step)));
      at_ += step;
      size -= step;
    }
    return {};
  }
  /// A line, without its end; nullopt at the end of the archive.
  Result<std::optional<std::string>> line() {
    std::string out;
    for (;;) {
      TRY(const bool more, fill());
      if (!more) {
        if (out.empty()) return std::nullopt;
        return shortened();
      }
      const char c = static_cast<char>(open_[at_++]);
      if (c == '\n') return out;
      out.push_back(c);
      if (out.size() > kMaxEntryLine) return fail(Errc::kInvalid, "the archive holds a line that is too long");
    }
  }

 private:
  ChunkReader() = default;
  std::unexpected<base::Error> shortened() const {
    return fail(Errc::kCrypto, fmt::format("{}: ends too early", path_.string()), "it was cut off: use another copy");
  }

  /// Sees to it that a byte is there; false at the true end.
  Result<bool> fill() {
    while (at_ == open_.size()) {
      if (last_) return false;
      std::array<std::uint8_t, 4> size{};
      if (!in_.read(reinterpret_cast<char*>(size.data()), size.size())) return shortened();
      const std::size_t length = static_cast<std::size_t>(size[0]) << 24 | static_cast<std::size_t>(size[1]) << 16 |
                                 static_cast<std::size_t>(size[2]) << 8 | size[3];
      if (length < nostr::kPolyTagSize || length > kChunk + nostr::kPolyTagSize)
        return fail(Errc::kInvalid, "the archive holds a chunk of impossible size");
      base::Bytes sealed(length);
      if (!in_.read(reinterpret_cast<char*>(sealed.data()), static_cast<std::streamsize>(length))) return shortened();
      base::wipe(open_);
      open_.assign(length - nostr::kPolyTagSize, 0);
      at_ = 0;
      TRY(open_chunk(sealed));
      ++chunk_;
    }
    return true;
  }

  /// Whether a chunk is the last one only its tag tells.
  Result<void> open_chunk(base::ByteView sealed) {
    const base::Bytes nonce = nonce_of(prefix_, chunk_);
    for (const bool last : {false, true}) {
      if (!nostr::xchacha20poly1305_open(key_.expose(), nonce, bound_to(head_, last), sealed, open_)) continue;
      last_ = last;
      return {};
    }
    return fail(Errc::kCrypto,
                chunk_ == 0 ? "the passphrase does not open the archive" : "the archive was changed or is damaged",
                chunk_ == 0 ? "type it as it was when the backup was made" : "use another copy");
  }

  std::filesystem::path path_;
  std::ifstream in_;
  std::string head_;
  base::Secret<32> key_;
  base::Bytes prefix_;
  std::uint64_t chunk_ = 0;
  base::Bytes open_;
  std::size_t at_ = 0;
  bool last_ = false;
};

Result<void> write_out(ChunkReader& from, const ArchivedFile& file, const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode & 0700);
  if (fd < 0) return io(path, "made");
  const auto done = from.read(file.size, [&](base::ByteView bytes) -> Result<void> {
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
      if (wrote < 0) return io(path, "written");
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
  });
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (done && !synced) return io(path, "written");
  return done;
}

}  // namespace

Result<ArchiveWriter> ArchiveWriter::create(const std::filesystem::path& file, std::string_view passphrase,
                                            base::Rng& rng) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(Errc::kIo, fmt::format("{}: cannot be made", file.string()),
                "name a file that is not there yet, in a folder that is");
  ::close(fd);
  ArchiveWriter out;
  out.path_ = file;
  const auto salt = rng.bytes<16>();
  const auto prefix = rng.bytes<kPrefixSize>();
  out.prefix_.assign(prefix.begin(), prefix.end());
  TRY(out.key_, key_of(passphrase, salt, kLogN));
  out.head_ = std::string(kMagic) + base::json::dump({{"log_n", kLogN},
                                                      {"nonce", base::hex_encode(prefix)},
                                                      {"salt", base::hex_encode(salt)}});
  out.out_.open(file, std::ios::binary);
  out.out_ << out.head_ << '\n';
  return out;
}

Result<void> ArchiveWriter::add(const std::string& name, const std::filesystem::path& from, unsigned mode) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(from, error);
  std::ifstream in(from, std::ios::binary);
  if (error || !in) return io(from, "read");
  TRY(begin(name, size, mode));
  std::uintmax_t left = size;
  base::Bytes piece(kChunk);
  while (left > 0) {
    const std::size_t step = std::min<std::uintmax_t>(left, piece.size());
    if (!in.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(step))) return io(from, "read");
    TRY(put(base::ByteView(piece).first(step)));
    left -= step;
  }
  base::wipe(piece);
  return {};
}

Result<void> ArchiveWriter::add_text(const std::string& name, std::string_view text, unsigned mode) {
  TRY(begin(name, text.size(), mode));
  return put(base::as_bytes(text));
}

Result<void> ArchiveWriter::begin(const std::string& name, std::uint64_t size, unsigned mode) {
  CHECK(is_plain(name));
  return put(base::as_bytes(base::json::dump({{"mode", mode}, {"name", name}, {"size", size}}) + "\n"));
}

Result<void> ArchiveWriter::put(base::ByteView bytes) {
  while (!bytes.empty()) {
    // A full chunk waits for what comes next, because the last one is sealed as such.
    if (pending_.size() == kChunk) TRY(flush(false));
    const std::size_t step = std::min(bytes.size(), kChunk - pending_.size());
    pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(step));
    bytes = bytes.subspan(step);
  }
  return {};
}

Result<void> ArchiveWriter::flush(bool last) {
  const base::Bytes sealed = nostr::xchacha20poly1305_seal(key_.expose(), nonce_of(prefix_, chunk_++),
                                                           bound_to(head_, last), pending_);
  base::wipe(pending_);
  pending_.clear();
  for (int shift = 24; shift >= 0; shift -= 8) out_.put(static_cast<char>(sealed.size() >> shift));
  out_.write(reinterpret_cast<const char*>(sealed.data()), static_cast<std::streamsize>(sealed.size()));
  if (!out_) return io(path_, "written");
  return {};
}

Result<void> ArchiveWriter::finish() {
  TRY(flush(true));
  out_.close();
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!out_ || !synced) return io(path_, "written");
  return {};
}

Result<std::vector<ArchivedFile>> open_archive(const std::filesystem::path& archive, std::string_view passphrase,
                                               const std::filesystem::path& folder) {
  TRY(ChunkReader chunks, ChunkReader::create(archive, passphrase));
  std::vector<ArchivedFile> out;
  for (;;) {
    TRY(const auto line, chunks.line());
    if (!line) return out;
    TRY(const Value entry, base::json::parse(*line));
    const ArchivedFile file{.name = base::json::string_or(entry, "name"),
                            .size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, base::json::int_or(entry, "size"))),
                            .mode = static_cast<unsigned>(base::json::int_or(entry, "mode", 0600))};
    if (!is_plain(file.name)) return fail(Errc::kInvalid, "the archive holds a file outside its folder");
    if (out.size() >= kMaxFiles) return fail(Errc::kLimit, fmt::format("the archive holds more than {} files", kMaxFiles));
    TRY(write_out(chunks, file, folder / file.name));
    out.push_back(file);
  }
}

}  // namespace node
