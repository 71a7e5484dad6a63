// Whatever HTML says, its text is no longer than it could be, and text alone stays as it is.
#include <string>

#include "nostr/base/bytes.h"
#include "orchestration/tools/html_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view html = base::as_text(base::ByteView(data, size));
  const std::string text = orchestration::html_to_text(html);
  CHECK(text.size() <= 2 * html.size() + 2);
  if (html.find_first_of("<&") == html.npos) CHECK(orchestration::html_to_text(text) == text);
  return 0;
}
