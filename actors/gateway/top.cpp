// The gateway's route to how its functions do now, and the processes of this node that run
// functions.

#include <caf/all.hpp>
#include <fstream>

#include "actors/gateway/gateway_actor.hpp"
#include "runtime/http/json.hpp"

namespace themis {
namespace {

using http::Json;

/// Resident memory of a process of ours, and the CPU time it has used; 0: it is gone.
struct ProcessUse {
  uint64_t memory_kb = 0;
  uint64_t cpu_ms = 0;
};

ProcessUse use_of(uint32_t pid) {
  ProcessUse use;
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream statm(folder + "/statm");
  uint64_t pages = 0;
  if (statm >> pages >> pages) use.memory_kb = pages * 4;  // x86-64 has pages of 4 KB
  std::ifstream schedstat(folder + "/schedstat");
  uint64_t cpu_ns = 0;
  if (schedstat >> cpu_ns) use.cpu_ms = cpu_ns / 1'000'000;
  return use;
}

Json process_json(const WorkerReport& worker) {
  const ProcessUse use = use_of(worker.pid);
  return {{"slot", worker.slot},
          {"pid", worker.pid},
          {"state", worker.state},
          {"functions", worker.functions},
          {"in_flight", worker.in_flight},
          {"memory_kb", use.memory_kb},
          {"main_thread_cpu_ms", use.cpu_ms}};
}

Json instance_json(const mesh::InstanceReport& one) {
  return {{"node", to_hex(one.instance.contact.id.view())},
          {"version", one.instance.version},
          {"requests", one.calls},
          {"failures", one.failures},
          {"mean_us", static_cast<int64_t>(one.ewma_ms * 1000)}};
}

}  // namespace

void GatewayActor::measure(const Pending& pending, uint32_t cpu_us, bool failed) {
  if (pending.function.empty()) return;
  const TimePoint now = reactor_.loop().now();
  figures_.add(pending.function, now - pending.begun, cpu_us, failed, now);
}

void GatewayActor::show_top(uint64_t id) {
  overview(id, [this, id](const NodeOverview& all) {
    Json functions = Json::array();
    for (const FunctionFigures::Report& one : figures_.report(reactor_.loop().now())) {
      Json instances = Json::array();
      for (const mesh::RouteReport& route : all.routes)
        if (route.name == ring_name_of_function(one.name))
          for (const mesh::InstanceReport& instance : route.instances)
            instances.push_back(instance_json(instance));
      functions.push_back({{"name", one.name},
                           {"requests", one.calls},
                           {"failures", one.failures},
                           {"cpu_us", one.cpu_us},
                           {"p50_us", one.p50_us},
                           {"p99_us", one.p99_us},
                           {"instances", std::move(instances)}});
    }
    Json processes = Json::array();
    for (const WorkerReport& worker : all.workers.workers)
      processes.push_back(process_json(worker));
    respond(id, http::Response::json(200, http::to_text({{"uptime_ms", to_ms(all.uptime)},
                                                         {"functions", std::move(functions)},
                                                         {"processes", std::move(processes)}})));
  });
}

}  // namespace themis
