// themis-bench: prints the figures, each comparison measured in one run.

#include <CLI/CLI.hpp>
#include <iostream>

#include "bench/actors.hpp"
#include "bench/apps.hpp"
#include "bench/batches.hpp"
#include "bench/durable.hpp"
#include "bench/find.hpp"
#include "bench/gateway_load.hpp"
#include "bench/handshake.hpp"
#include "bench/monitor.hpp"
#include "bench/primitives.hpp"
#include "bench/ring.hpp"
#include "bench/session.hpp"
#include "bench/state.hpp"
#include "bench/worker.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

using namespace themis;

namespace {

struct Bench {
  const char* name;
  const char* help;
  bench::Figures (*measure)(const bench::Options&);
  void (*print)(const bench::Figures&) = nullptr;  ///< For people; null: a line for each field.
};

constexpr Bench kBenches[] = {
    {"handshake", "Mutual handshakes a core, beside OpenSSL's mutual TLS 1.3",
     bench::measure_handshake},
    {"actors", "Local messages, requests, spawning, memory, restarts", bench::measure_actors},
    {"apps", "The paper's Table 2: its applications on nodes of this machine", bench::measure_apps,
     bench::print_apps},
    {"session", "Actor to actor over a session, beside the raw socket", bench::measure_session},
    {"worker", "Functions in their confined process: warm, cold, memory, start",
     bench::measure_worker},
    {"gateway", "HTTP calls of a function on a mesh that is running",
     bench::measure_running_gateway},
    {"find", "Finds between real nodes in this process, every session over loopback TCP",
     [](const bench::Options& options) {
       return options.local ? bench::measure_find_local(options) : bench::measure_find(options);
     }},
    {"join", "Many nodes that join one ring, a thousand at once", bench::measure_join},
    {"monitor", "The verifier of state alone: its PRF, recorded command streams",
     [](const bench::Options& options) {
       return options.durable ? bench::measure_durable(options) : bench::measure_monitor(options);
     }},
    {"state", "Verified state through its actors, monitors in a process of their own",
     bench::measure_state},
    {"batches", "Commands to monitors in their process and results back, in messages and shared",
     bench::measure_batches},
    {"primitives", "The primitives of libsodium and OpenSSL side by side",
     bench::measure_primitives},
};

void print(const Bench& bench, const bench::Figures& figures, bool json) {
  if (json) {
    std::cout << figures.dump() << '\n';
    return;
  }
  if (bench.print != nullptr) return bench.print(figures);
  for (const auto& [name, value] : figures.items()) {
    if (value.is_number_float()) {
      std::printf("%-32s %14.2f\n", name.c_str(), value.get<double>());
    } else {
      std::printf("%-32s %14s\n", name.c_str(), value.dump().c_str());
    }
  }
}

void add_state_options(CLI::App& app, bench::Options& options) {
  CLI::App* state = app.get_subcommand("state");
  state->add_option("--threads", options.threads, "Of the monitors: 1, 2, 4 ...")
      ->check(CLI::IsMember({1, 2, 4, 8, 16}));
  state
      ->add_option("--records", options.records,
                   "Written before; 0.3 KB of memory each, and long values")
      ->check(CLI::Range(1, 64'000'000));
  state->add_option("--value-bytes", options.value_bytes)->check(CLI::Range(1, 1024));
  state
      ->add_option("--mix", options.mix,
                   "As YCSB: a half puts, b a twentieth, c none, f read and write the same key")
      ->check(CLI::IsMember({"a", "b", "c", "f"}));
  state->add_option("--zipf", options.zipf, "Skew of the keys; 0: uniform")
      ->check(CLI::Range(0.0, 0.999));
  state->add_option("--epoch-ms", options.epoch_ms)->check(CLI::Range(10, 60'000));
  state->add_option("--cores", options.cores, "Pins both processes to as many")
      ->check(CLI::Range(1, 1'024));
  state->add_flag("--local", options.local, "Monitors in this process");
}

void add_apps_options(CLI::App& app, bench::Options& options) {
  CLI::App* apps = app.get_subcommand("apps");
  apps->add_option("--rate", options.rate,
                   "paper: at the original's moments; max: two open a server, the next at once")
      ->check(CLI::IsMember({"paper", "max"}));
  apps->add_option("--speed", options.speed, "The paper's moments, so many times as fast")
      ->check(CLI::Range(1, 100));
  apps->add_option("--requests", options.requests, "Of each application; 121 are the paper's")
      ->check(CLI::Range(1, 100'000));
  CLI::Option* servers =
      apps->add_option("--servers", options.servers, "Nodes that compute, one worker process each")
          ->check(CLI::Range(1, 16));
  CLI::Option* plain = apps->add_flag("--plain", options.plain,
                                      "Also over sessions that are not encrypted, in turns");
  apps->add_flag("--local", options.local, "On the node that is asked: over no session")
      ->excludes(servers)
      ->excludes(plain);
  apps->add_option("--file", options.file, "One function (a module or a folder) in their place");
  apps->add_option("--log", options.log, "Writes a line of 13 columns for each request");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Measures Themis on this machine, over loopback, both sides of each comparison in one run."};
  app.require_subcommand(1);
  app.fallthrough();
  bool json = false;
  bench::Options options;
  app.add_flag("--json", json, "Print one JSON object");
  app.add_option("--seconds", options.seconds, "How long each part runs")
      ->check(CLI::Range(0.1, 600.0));
  for (const Bench& bench : kBenches) app.add_subcommand(bench.name, bench.help);
  CLI::App* session = app.get_subcommand("session");
  session->add_option("--bytes", options.bytes, "Payload of a message")
      ->check(CLI::Range(1, 1'000'000));
  session->add_option("--inflight", options.inflight, "Requests open at a time")
      ->check(CLI::Range(1, 4096));
  session->add_flag("--plain", options.plain,
                    "Authenticated, not encrypted; prints the sealed rates of the same run beside");
  CLI::App* find = app.get_subcommand("find");
  find->add_option("--nodes", options.nodes, "Nodes of the ring")->check(CLI::Range(2, 10'000));
  find->add_option("--hosts", options.hosts, "Among which they are spread; a node each by default")
      ->check(CLI::Range(2, 10'000));
  find->add_option("--inflight", options.inflight, "Finds open at a time")
      ->check(CLI::Range(1, 4096));
  find->add_flag("--local", options.local,
                 "What one node's tables find and store on one core, without a network");
  find->add_flag("--plain", options.plain, "Not encrypted; prints the sealed rate beside");
  CLI::App* join = app.get_subcommand("join");
  join->add_option("--nodes", options.nodes, "Nodes of the ring")->check(CLI::Range(2, 10'000));
  join->add_option("--hosts", options.hosts,
                   "Among which they are spread, each with sockets and sessions of its own; 16 by "
                   "default")
      ->check(CLI::Range(2, 10'000));
  app.get_subcommand("monitor")->add_flag("--durable", options.durable,
                                          "The store on disk: commits, checkpoint, restarts");
  for (CLI::App* ring : {find, join})
    ring->add_option("--successors", options.successors, "Length of the nodes' successor lists")
        ->check(CLI::Range(1, 16))
        ->capture_default_str();
  add_state_options(app, options);
  add_apps_options(app, options);
  CLI::App* gateway = app.get_subcommand("gateway");
  gateway->add_option("--gateway", options.gateway, "HOST:PORT of a running gateway");
  gateway->add_option("--function", options.function, "A function that answers GET");
  gateway->add_option("--connections", options.connections, "Kept alive, one request open on each")
      ->check(CLI::Range(1, 1000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  crypto::init();
  log::setup(log::Level::warn, log::Format::text);
  for (const Bench& bench : kBenches)
    if (app.got_subcommand(bench.name)) print(bench, bench.measure(options), json);
  return 0;
}
