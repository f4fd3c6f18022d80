// themis-worker.node: a function host, run by the pinned node executable. Started by themis-node.

#include "actors/worker/worker_host.hpp"
#include "runtime/js/addon.hpp"

int themis_worker_main(int argc, char** argv) {
  if (argc != 2) return 2;
  themis::run_worker_host(argv[1]);
}
