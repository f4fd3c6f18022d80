// themis-worker.node: a function host, run by the pinned node executable. Started by themis-node.

#include "actors/worker/worker_host.hpp"
#include "runtime/js/addon.hpp"

int themis_worker_main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view snapshot = argv[1];
  const bool trusted = argv[2] == std::string_view(themis::kTrustedWord);
  themis::run_worker_host(
      snapshot == themis::kNoSnapshot ? "" : std::string(snapshot),
      trusted ? themis::js::Profile::trusted : themis::js::Profile::multi_tenant);
}
