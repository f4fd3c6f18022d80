// themis-node: one process of the mesh, as its config says.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "actors/root/root.hpp"
#include "runtime/base/log.hpp"
#include "runtime/config/config.hpp"
#include "runtime/crypto/crypto.hpp"

using namespace themis;

namespace {

Root* running = nullptr;

/// The first signal asks the node to leave; the second one ends it.
void on_signal(int) {
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  if (running != nullptr) running->stop();
}

int run(const Config& config) {
  log::setup(config.log.level, config.log.format);
  crypto::init();
  Result<std::unique_ptr<Root>> root = Root::open(config);
  if (!root) {
    std::cerr << "themis-node: " << root.error().detail << '\n';
    return 1;
  }
  running = root->get();
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  signal(SIGPIPE, SIG_IGN);
  const Status status = (*root)->run();
  running = nullptr;
  if (!status) std::cerr << "themis-node: " << status.error().detail << '\n';
  return status ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "One process of a Themis mesh: a node of the ring, and the gateway and workers its config "
      "asks for.\n"
      "Example: themis-node --config configs/mesh.toml --set node.listen=127.0.0.1:7002"};
  std::string file;
  std::vector<std::string> overrides;
  bool check = false;
  app.add_option("--config", file, "The configuration, a mesh.toml")->required();
  app.add_option("--set", overrides,
                 "key=value: overrides one value of the config; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--check-config", check, "Print every value in force and stop");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const Result<Config> config = load_config(file, overrides);
  if (!config) {
    std::cerr << "themis-node: " << config.error().detail << '\n';
    return 2;
  }
  if (check) {
    std::cout << describe(*config);
    return 0;
  }
  return run(*config);
}
