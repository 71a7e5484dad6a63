// QR codes on a terminal, for phones.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/result.h"

namespace node::cli {

/// The modules of a QR code (ISO/IEC 18004), row by row; true is dark. Without its quiet zone.
using QrModules = std::vector<std::vector<bool>>;

/// kLimit when the text is too long for one code (2 953 bytes at most).
base::Result<QrModules> qr_modules(std::string_view text);

/// The code as half blocks, two rows of modules in a line, with its quiet zone. With `colour` it says
/// itself what is dark and what is light; without, it is made for a dark terminal.
std::vector<std::string> draw_qr(const QrModules& modules, bool colour);

/// Prints the code of `text` to stdout.
base::Result<void> print_qr(std::string_view text);

}  // namespace node::cli
