#include "bench/worker.hpp"

#include <unistd.h>

#include <caf/all.hpp>
#include <fstream>
#include <future>
#include <thread>

#include "actors/system/caf_error.hpp"
#include "actors/system/system.hpp"
#include "actors/worker/function_worker.hpp"
#include "actors/worker/worker_pool.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::bench {
namespace {

using OutcomeMsg = wire::Msg<schema::Outcome>;

constexpr int kColdSamples = 200;
/// Between two never-seen functions: a host makes isolates ahead of need when it has nothing to
/// load. Without a pause they are found used up.
constexpr auto kColdPause = std::chrono::milliseconds(20);
constexpr int kIsolates = 20;
constexpr double kGibKb = 1 << 20;
/// All of a process's functions have rested by then, once the last of them may.
constexpr auto kRestMax = std::chrono::seconds(3);
constexpr int kSpawns = 11;
constexpr size_t kWarmUp = 2'000;  // the handler is compiled by then

/// The example of the documents: reads its input, answers JSON. `number` makes each source another.
std::string source(int number) {
  return "export default { async fetch(request) { const { num } = await request.json();"
         "const factors = []; let rest = num; for (let d = 2; d * d <= rest; ++d)"
         "while (rest % d === 0) { factors.push(d); rest /= d; } if (rest > 1) factors.push(rest);"
         "return Response.json({ factors, version: " +
         std::to_string(number) + " }); } };";
}

InstallFunction install_of(const std::string& text) {
  return {
      "bench", crypto::blake2b(as_bytes(text)), std::make_shared<const Bytes>(to_bytes(text)), {}};
}

wire::Msg<schema::Invoke> make_invoke() {
  wire::Builder<schema::Invoke> invoke;
  invoke->setMethod("POST");
  invoke->setUrl("http://bench/");
  invoke->setBody(wire::to_data(as_bytes("{\"num\": 360}")));
  return invoke.finish();
}

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "themis-bench: %s\n", error.text().c_str());
  std::exit(1);
}

/// Calls one function again and again, one call in flight, on the pool's own reactor.
class Caller final : public PinnedActor {
 public:
  struct Samples {
    std::vector<double> call_us;
    std::vector<double> cpu_us;
    double seconds = 0;
  };
  Caller(caf::actor_config& config, caf::actor pool, CodeId id, double seconds,
         std::promise<Samples> result)
      : PinnedActor(config),
        pool_(std::move(pool)),
        id_(id),
        length_(seconds),
        done_(std::move(result)) {}

 private:
  caf::behavior make_behavior() override {
    call();
    return {[](caf::unit_t) {}};
  }
  void call() {
    const TimePoint asked = clock_.now();
    request(pool_, caf::infinite, CallFunction{id_, invoke_})
        .then(
            [this, asked](const OutcomeMsg& outcome) {
              const TimePoint now = clock_.now();
              if (++calls_ == kWarmUp) start_ = now;
              if (calls_ > kWarmUp) {
                samples_.call_us.push_back(to_us(now - asked));
                samples_.cpu_us.push_back(outcome.view()->getCpuUs());
                samples_.seconds = std::chrono::duration<double>(now - start_).count();
              }
              if (samples_.seconds < length_) return call();
              pool_ = nullptr;
              done_->set_value(std::move(samples_));
              quit();
            },
            [](const caf::error& error) { give_up(from_caf(error)); });
  }

  caf::actor pool_;
  const CodeId id_;
  const double length_;
  std::optional<std::promise<Samples>> done_;
  const wire::Msg<schema::Invoke> invoke_ = make_invoke();
  SystemClock clock_;
  TimePoint start_;
  size_t calls_ = 0;
  Samples samples_;
};

/// An actor system with a reactor in a thread, and a pool of one process.
class Workers {
 public:
  Workers() : reactor_(system_.caf(), loop_) {
    const auto bound = std::make_shared<std::promise<void>>();
    thread_ = std::thread([this, bound] {
      reactor_.bind_to_this_thread();
      bound->set_value();
      loop_.run();
    });
    bound->get_future().wait();
  }
  ~Workers() {
    stop_pool();
    loop_.stop();
    thread_.join();
  }

  void start_pool() {
    WorkerPoolOptions options;
    options.home = {&reactor_, &loop_, &system_.types(), &rng_};
    options.programs = WorkerPrograms::beside_executable();
    pool_ = spawn_worker_pool(options);
  }
  void stop_pool() {
    if (!pool_) return;
    caf::scoped_actor self{system_.caf()};
    self->monitor(pool_);
    caf::anon_send_exit(pool_, caf::exit_reason::user_shutdown);
    self->receive([](const caf::down_msg&) {});
    pool_ = nullptr;
  }
  void install(const std::string& text) {
    caf::scoped_actor self{system_.caf()};
    self->request(pool_, caf::infinite, install_of(text))
        .receive([] {}, [](caf::error& error) { give_up(from_caf(error)); });
  }
  void call(const std::string& text) {
    caf::scoped_actor self{system_.caf()};
    self->request(pool_, caf::infinite, CallFunction{install_of(text).id, make_invoke()})
        .receive([](const OutcomeMsg&) {}, [](caf::error& error) { give_up(from_caf(error)); });
  }
  WorkerReport report() {
    WorkersReport out;
    caf::scoped_actor self{system_.caf()};
    self->request(pool_, caf::infinite, ReportWorkers{})
        .receive([&](const WorkersReport& report) { out = report; },
                 [](caf::error& error) { give_up(from_caf(error)); });
    return out.workers.at(0);
  }
  Caller::Samples call_warm(const std::string& text, double seconds) {
    std::promise<Caller::Samples> done;
    std::future<Caller::Samples> samples = done.get_future();
    spawn_pinned<Caller>(reactor_, pool_, install_of(text).id, seconds, std::move(done));
    return samples.get();
  }

 private:
  SystemRng rng_;
  System system_;
  net::EpollLoop loop_;
  Reactor reactor_;
  caf::actor pool_;
  std::thread thread_;
};

double ms_since(TimePoint start) { return to_us(SystemClock{}.now() - start) / 1000; }

/// Memory that only this process has: resident pages of no file.
double private_kb(uint32_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  double size = 0, resident = 0, shared = 0;
  statm >> size >> resident >> shared;
  return (resident - shared) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1024;
}

/// CPU time of this process and of the first thread of another, the one that runs functions.
double cpu_us(uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
  double running_ns = 0;
  file >> running_ns;
  return process_cpu_s() * 1e6 + running_ns / 1e3;
}

double measure_spawn(Workers& workers) {
  std::vector<double> samples;
  for (int i = 0; i < kSpawns; ++i) {
    workers.stop_pool();
    const TimePoint start = SystemClock{}.now();
    workers.start_pool();
    workers.install(source(0));
    workers.call(source(0));
    samples.push_back(ms_since(start));
  }
  return quantile(samples, 0.5);
}

}  // namespace

Figures measure_worker(const Options& options) {
  Workers workers;
  const double spawn_ms = measure_spawn(workers);
  Caller::Samples warm = workers.call_warm(source(0), options.seconds);

  // Both looks find as many isolates that were made ahead of need.
  const auto settle = [] { std::this_thread::sleep_for(kColdPause * 10); };
  settle();
  // Functions that nobody calls give memory back after a while.
  const auto let_rest = [] { std::this_thread::sleep_for(FunctionWorker::kRestAfter + kRestMax); };
  let_rest();
  const double before_kb = private_kb(workers.report().pid);
  int next = 1;
  for (int i = 0; i < kIsolates; ++i, ++next) {
    workers.install(source(next));
    workers.call(source(next));
  }
  settle();
  const double isolate_kb = (private_kb(workers.report().pid) - before_kb) / kIsolates;
  let_rest();
  const double idle_kb = (private_kb(workers.report().pid) - before_kb) / kIsolates;

  const uint32_t pid = workers.report().pid;
  std::vector<double> cold_cpu_us;
  const auto cold = [&](auto pause, std::vector<double>* cpu) {
    std::vector<double> cold_us;
    for (int i = 0; i < kColdSamples; ++i, ++next) {
      std::this_thread::sleep_for(pause);
      const double cpu_before = cpu_us(pid);
      const TimePoint start = SystemClock{}.now();
      workers.install(source(next));
      workers.call(source(next));
      cold_us.push_back(ms_since(start) * 1000);
      if (cpu != nullptr) cpu->push_back(cpu_us(pid) - cpu_before);
    }
    return cold_us;
  };
  std::vector<double> cold_us = cold(kColdPause, &cold_cpu_us);
  std::vector<double> crowd_us = cold(std::chrono::milliseconds(0), nullptr);
  settle();
  const double host_kb = private_kb(workers.report().pid);
  let_rest();
  const WorkerReport at_rest = workers.report();
  const double idle_host_kb = private_kb(at_rest.pid);
  Figures figures;
  figures["functions"] = next;
  figures["functions_host_mb"] = host_kb / 1024;
  figures["functions_loaded"] = at_rest.functions;
  figures["idle_host_mb"] = idle_host_kb / 1024;
  figures["idle_host_per_gib"] = kGibKb / (idle_host_kb / at_rest.functions);
  figures["cold_p50_us"] = quantile(cold_us, 0.5);
  figures["cold_p99_us"] = quantile(cold_us, 0.99);
  figures["cold_cpu_p50_us"] = quantile(cold_cpu_us, 0.5);
  figures["cold_cpu_p99_us"] = quantile(cold_cpu_us, 0.99);
  figures["cold_crowd_p50_us"] = quantile(crowd_us, 0.5);
  figures["cold_crowd_p99_us"] = quantile(crowd_us, 0.99);
  figures["warm_call_p50_us"] = quantile(warm.call_us, 0.5);
  figures["warm_call_p99_us"] = quantile(warm.call_us, 0.99);
  figures["calls_per_s"] = static_cast<double>(warm.call_us.size()) / warm.seconds;
  figures["handler_cpu_p50_us"] = quantile(warm.cpu_us, 0.5);
  figures["isolate_kb"] = isolate_kb;
  figures["idle_isolate_kb"] = idle_kb;
  figures["idle_per_gib"] = kGibKb / idle_kb;
  figures["spawn_worker_p50_ms"] = spawn_ms;
  return figures;
}

}  // namespace themis::bench
