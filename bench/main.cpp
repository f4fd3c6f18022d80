// themis-bench: prints the figures, each comparison measured in one run.

#include <CLI/CLI.hpp>
#include <iostream>

#include "bench/session.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

using namespace themis;

namespace {

void print(const bench::Figures& figures, bool json) {
  if (json) {
    std::cout << figures.dump() << '\n';
    return;
  }
  for (const auto& [name, value] : figures.items()) {
    if (value.is_number_float()) {
      std::printf("%-28s %14.2f\n", name.c_str(), value.get<double>());
    } else {
      std::printf("%-28s %14s\n", name.c_str(), value.dump().c_str());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures Themis on this machine, over loopback, both sides of each comparison in one run."};
  app.require_subcommand(1);
  app.fallthrough();
  bool json = false;
  bench::Options options;
  app.add_flag("--json", json, "Print one JSON object");
  app.add_option("--seconds", options.seconds, "How long each part runs")->check(CLI::Range(0.1, 600.0));

  auto* session = app.add_subcommand("session", "Sealed sessions between two actors on two threads");
  session->add_option("--bytes", options.bytes, "Payload of a message")->check(CLI::Range(1, 1'000'000));
  session->add_option("--inflight", options.inflight, "Requests open at a time")->check(CLI::Range(1, 4096));
  session->add_flag("--plain", options.plain, "Authenticated, not encrypted");

  CLI11_PARSE(app, argc, argv);
  crypto::init();
  log::setup(log::Level::warn, log::Format::text);
  if (session->parsed()) print(bench::measure_session(options), json);
  return 0;
}
