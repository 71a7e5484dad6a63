// The table of libcurl's functions, filled by the dynamic loader once.
#include "nostr/net/curl_library.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "nostr/base/result.h"

namespace nostr {
namespace {

constexpr const char* kFile = "libcurl.so.4";  // its ABI since 2006

[[noreturn]] void give_up() {
  std::fprintf(stderr, "error: %s cannot be loaded: %s\n", kFile, ::dlerror());
  std::exit(1);
}

template <class Function>
void find(void* library, const char* name, Function& out) {
  void* const symbol = ::dlsym(library, name);
  if (symbol == nullptr) give_up();
  out = reinterpret_cast<Function>(symbol);
}

CurlLibrary load() {
  // Never closed: threads and handles of it live until the end of the process.
  void* const library = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) give_up();
  CurlLibrary out{};
  find(library, "curl_global_init", out.global_init);
  find(library, "curl_easy_init", out.easy_init);
  find(library, "curl_easy_setopt", out.easy_setopt);
  find(library, "curl_easy_getinfo", out.easy_getinfo);
  find(library, "curl_easy_pause", out.easy_pause);
  find(library, "curl_easy_strerror", out.easy_strerror);
  find(library, "curl_easy_cleanup", out.easy_cleanup);
  find(library, "curl_multi_init", out.multi_init);
  find(library, "curl_multi_add_handle", out.multi_add_handle);
  find(library, "curl_multi_remove_handle", out.multi_remove_handle);
  find(library, "curl_multi_perform", out.multi_perform);
  find(library, "curl_multi_poll", out.multi_poll);
  find(library, "curl_multi_wakeup", out.multi_wakeup);
  find(library, "curl_multi_info_read", out.multi_info_read);
  find(library, "curl_multi_cleanup", out.multi_cleanup);
  find(library, "curl_slist_append", out.slist_append);
  find(library, "curl_slist_free_all", out.slist_free_all);
  CHECK(out.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  return out;
}

}  // namespace

const CurlLibrary& libcurl() {
  static const CurlLibrary loaded = load();
  return loaded;
}

}  // namespace nostr
