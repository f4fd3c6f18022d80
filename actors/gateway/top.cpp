// The gateway's route to how its functions do now, on all nodes that run them, and the processes of
// this node that run functions.

#include <caf/all.hpp>
#include <fstream>

#include "actors/gateway/gateway_actor.hpp"
#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
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

/// How long another node may take to say what its functions take, and the ring who runs one.
constexpr Duration kLookMax = 1s;
/// Functions looked for on the ring at once.
constexpr size_t kFindsMax = 16;

Json instance_json(const TopPoll::Instance& one) {
  Json out = {{"node", to_hex(one.contact.id.view())},
              {"version", one.version},
              {"requests", one.requests},
              {"failures", one.failures},
              {"mean_us", one.mean_us}};
  if (!one.use) return out;
  out["isolates"] = one.use->isolates;
  out["memory_kb"] = one.use->memory_kb;
  return out;
}

Json function_json(const TopPoll::Function& function) {
  Json instances = Json::array();
  uint64_t isolates = 0, memory_kb = 0;
  for (const TopPoll::Instance& one : function.instances) {
    isolates += one.use ? one.use->isolates : 0;
    memory_kb += one.use ? one.use->memory_kb : 0;
    instances.push_back(instance_json(one));
  }
  const FunctionFigures::Report& figures = function.figures;
  return {
      {"name", figures.name},     {"requests", figures.calls}, {"failures", figures.failures},
      {"cpu_us", figures.cpu_us}, {"p50_us", figures.p50_us},  {"p99_us", figures.p99_us},
      {"isolates", isolates},     {"memory_kb", memory_kb},    {"instances", std::move(instances)}};
}

}  // namespace

void GatewayActor::measure(const Pending& pending, uint32_t cpu_us, bool failed) {
  if (pending.function.empty()) return;
  const TimePoint now = reactor_.loop().now();
  figures_.add(pending.function, now - pending.begun, cpu_us, failed, now);
}

void GatewayActor::show_top(uint64_t id) {
  const TimePoint now = reactor_.loop().now();
  const auto routes = caller_.routes().table().report(FunctionFigures::kFunctionsMax, now);
  TopPoll& poll = tops_.emplace(id, TopPoll(figures_.report(now), routes)).first->second;
  for (std::string& name : poll.without_instances()) poll.to_find.push_back(std::move(name));
  find_instances(id);
}

/// Of functions that the gateway's routes do not know now: after a deployment they learn anew.
void GatewayActor::find_instances(uint64_t id) {
  TopPoll& poll = tops_.at(id);
  while (poll.open < kFindsMax && !poll.to_find.empty()) {
    const std::string name = std::move(poll.to_find.front());
    poll.to_find.pop_front();
    ++poll.open;
    const auto next = [this, id, name](const ring::Contacts& nodes) {
      TopPoll& known = tops_.at(id);
      known.found(name, nodes);
      --known.open;
      find_instances(id);
    };
    request(options_.functions, kLookMax, DescribeFunction{name})
        .then([next](const FunctionReport& report) { next(report.instances); },
              [next](const caf::error&) { next({}); });
  }
  if (poll.open == 0) ask_use(id);
}

void GatewayActor::ask_use(uint64_t id) {
  TopPoll& poll = tops_.at(id);
  const std::vector<TopPoll::Question> questions = poll.questions();
  poll.open = questions.size() + 1;  // until all are asked
  for (const TopPoll::Question& question : questions) ask_use(id, question);
  end_look(id);
}

void GatewayActor::ask_use(uint64_t id, const TopPoll::Question& question) {
  const auto failed = [this, id, node = question.node.id](const caf::error&) {
    tops_.at(id).silent(node);
    end_look(id);
  };
  const auto answered = [this, id, question, failed](const FunctionsMeasuredMsg& message) {
    const Result<std::vector<RunningFunction>> running = decode_measured(message);
    if (!running) return failed(to_caf(running.error()));
    tops_.at(id).measured(question, *running);
    end_look(id);
  };
  const auto reached = [this, question, answered, failed](const caf::actor& functions) {
    const auto deadline = reactor_.loop().now() + kLookMax;
    request(functions, kLookMax, encode_measure(question.names, deadline)).then(answered, failed);
  };
  static const wire::Target kFunctions = Exports::target_of(kFunctionsActorName);
  request(options_.node, kLookMax, ReachActor{question.node, kFunctions}).then(reached, failed);
}

void GatewayActor::end_look(uint64_t id) {
  if (--tops_.at(id).open > 0) return;
  auto whole = tops_.extract(id);
  overview(id, [this, id, poll = std::move(whole.mapped())](const NodeOverview& all) {
    Json functions = Json::array(), silent = Json::array(), processes = Json::array();
    for (const auto& [name, function] : poll.functions())
      functions.push_back(function_json(function));
    for (const NodeId& node : poll.silent()) silent.push_back(to_hex(node.view()));
    for (const WorkerReport& worker : all.workers.workers)
      processes.push_back(process_json(worker));
    respond(id, http::Response::json(200, http::to_text({{"uptime_ms", to_ms(all.uptime)},
                                                         {"functions", std::move(functions)},
                                                         {"silent", std::move(silent)},
                                                         {"processes", std::move(processes)}})));
  });
}

}  // namespace themis
