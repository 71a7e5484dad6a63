// sovereign-model-server: a scripted model on loopback, for trying a node without one and for tests of
// programs that ask models. The script's format: server.h.
//
//   sovereign-model-server --script FILE [--port N]
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "tools/model_server/server.h"

namespace {

int fail(const std::string& what) {
  std::cerr << "sovereign-model-server: " << what << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string script;
  std::uint16_t port = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--script")
      script = argv[i + 1];
    else if (flag == "--port")
      port = static_cast<std::uint16_t>(std::atoi(argv[i + 1]));
    else
      script.clear();
  }
  if (script.empty() || argc % 2 == 0) {
    std::cerr << "usage: sovereign-model-server --script FILE [--port N]\n";
    return 2;
  }
  std::ifstream file(script);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return fail(script + " cannot be read");
  auto parsed = base::json::parse(text.str(), {.max_bytes = 16u << 20, .max_depth = 64});
  if (!parsed) return fail(script + ": " + parsed.error().detail);

  // Blocked before any thread starts, so that sigwait() below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto server = model_server::ModelServer::listen(port, std::move(*parsed));
  if (!server) return fail(server.error().detail);
  std::cout << "listening " << (*server)->base_url() << std::endl;
  int caught = 0;
  sigwait(&signals, &caught);
  return 0;
}
