// GoogleTest inside the node executable: argv is the addon, the snapshot, then GoogleTest's own
// flags.
#include <cstdio>

#include "runtime/js/addon.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {
std::unique_ptr<Engine> the_engine;
const char* the_snapshot_path = nullptr;
}  // namespace
Engine& engine() { return *the_engine; }
std::string snapshot_path() { return the_snapshot_path; }
}  // namespace themis::js

int themis_worker_main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto created = themis::js::Engine::create({.snapshot_path = argv[1]});
  if (!created) {
    std::fprintf(stderr, "%s\n", created.error().text().c_str());
    return 1;
  }
  themis::js::the_engine = std::move(*created);
  themis::js::the_snapshot_path = argv[1];
  testing::InitGoogleTest(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  themis::js::the_engine.reset();
  return failed;
}
