// libqrencode, and half blocks: a cell of a terminal is about twice as high as wide.
#include "node/cli/qr.h"

#include <qrencode.h>

#include <cerrno>
#include <memory>

#include "node/cli/command.h"
#include "node/cli/terminal.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr int kQuietZone = 4;  // modules, ISO/IEC 18004 section 9.1
constexpr std::size_t kMaxBytes = 2'953;

/// Light is what is outside, too.
bool dark(const QrModules& modules, int row, int column) {
  const int size = static_cast<int>(modules.size());
  if (row < 0 || column < 0 || row >= size || column >= size) return false;
  return modules[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
}

/// The light of two modules, one above the other.
std::string_view cell(bool upper_dark, bool lower_dark) {
  if (upper_dark) return lower_dark ? " " : "▄";
  return lower_dark ? "▀" : "█";
}

}  // namespace

Result<QrModules> qr_modules(std::string_view text) {
  if (text.empty()) return fail(Errc::kInvalid, "there is nothing to draw");
  if (text.size() > kMaxBytes)
    return fail(Errc::kLimit, "the text is too long for a QR code", "at most 2953 bytes");
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_L),
      &QRcode_free);
  if (!code) return fail(errno == ERANGE ? Errc::kLimit : Errc::kIo, "the text does not fit into a QR code");
  const auto size = static_cast<std::size_t>(code->width);
  QrModules out(size, std::vector<bool>(size));
  for (std::size_t i = 0; i < size * size; ++i) out[i / size][i % size] = (code->data[i] & 1U) != 0;
  return out;
}

std::vector<std::string> draw_qr(const QrModules& modules, bool colour) {
  std::vector<std::string> out;
  const int end = static_cast<int>(modules.size()) + kQuietZone;
  for (int row = -kQuietZone; row < end; row += 2) {
    std::string line = colour ? "\033[97;40m" : "";
    for (int column = -kQuietZone; column < end; ++column)
      line += cell(dark(modules, row, column), dark(modules, row + 1, column));
    out.push_back(colour ? line + "\033[0m" : line);
  }
  return out;
}

Result<void> print_qr(std::string_view text) {
  TRY(const QrModules modules, qr_modules(text));
  for (const std::string& line : draw_qr(modules, shows_to_people())) print_line(line);
  return {};
}

}  // namespace node::cli
