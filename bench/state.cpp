#include "bench/state.hpp"

#include <sched.h>

#include <caf/all.hpp>
#include <future>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "actors/placement/placement.hpp"
#include "actors/system/reactor_thread.hpp"
#include "bench/gateway_load.hpp"
#include "bench/plain_keeper.hpp"
#include "bench/state_load.hpp"
#include "enclave/host/verified_store.hpp"
#include "enclave/seal/counter_file.hpp"
#include "runtime/base/clock.hpp"
#include "tests/unit/enclave/passing_host.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::bench {
namespace {

/// Messages open at a time: the calls of two commits.
constexpr size_t kMessagesOpen = 2 * kRunCallsMax / kCallsPerMessage;
constexpr size_t kReplayedCalls = 200'000;
/// Their commands are kept in memory.
constexpr size_t kReplayedRecordsMax = 1'000'000;
/// Prepared before and repeated: of this many calls none is still in a cache when it comes again.
constexpr size_t kPreparedCallsMax = size_t{1} << 23;

/// Of this process and of those that it starts.
void use_cores(size_t cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t core = 0; core < cores; ++core) CPU_SET(core, &set);
  THEMIS_ASSERT(::sched_setaffinity(0, sizeof set, &set) == 0, "the machine has so many cores");
}

struct Outcome {
  double calls = 0, seconds = 0;
  double node_cpu_s = 0, monitors_cpu_s = 0;  ///< Of this process, and of the monitors'.
  std::vector<double> certified_ms;
  double saved_ms = 0;  ///< The longest checkpoint.

  double per_s() const { return calls / seconds; }
  double per_cpu_s() const { return calls / (node_cpu_s + monitors_cpu_s); }
};

/// Keeps messages open until the time is over. Messages are made before: what is measured is the
/// store.
class Client final : public PoolActor {
 public:
  Client(caf::actor_config& config, caf::actor store, std::vector<StateBatch> messages,
         Duration time, std::promise<Outcome>* result)
      : PoolActor(config),
        store_(std::move(store)),
        messages_(std::move(messages)),
        time_(time),
        result_(result) {}

 private:
  caf::behavior make_behavior() override {
    request(store_, caf::infinite, ReportState{})
        .then([this](const StateReport& report) { begin(report); },
              [](const caf::error&) { THEMIS_ASSERT(false, "the state is up"); });
    return {[](caf::unit_t) {}};
  }
  void begin(const StateReport& report) {
    pid_ = report.pid;
    certified_ = report.certified;
    outcome_.node_cpu_s = -process_cpu_s();
    outcome_.monitors_cpu_s = -cpu_seconds({static_cast<pid_t>(pid_)});
    start_ = clock_.now();
    for (size_t i = 0; i < kMessagesOpen; ++i) ask();
  }
  bool is_over() const {
    return time_ == Duration::zero() ? next_ == messages_.size() : clock_.now() - start_ > time_;
  }
  void ask() {
    if (is_over()) return;
    ++open_;
    request(store_, caf::infinite, CallState{messages_[next_++ % messages_.size()]})
        .then([this](const StateAnswers& all) { answered(all); },
              [](const caf::error&) { THEMIS_ASSERT(false, "the store answers"); });
  }
  void answered(const StateAnswers& all) {
    StateAnswerReader answers = all.answers();
    size_t right = 0;
    for (StateAnswerView answer; answers.next(answer); ++right)
      THEMIS_ASSERT(!answer.failed, "calls of the bench are right");
    THEMIS_ASSERT(right == all.size(), "all are answered");
    outcome_.calls += static_cast<double>(right);
    --open_;
    ask();
    if (all.certified != certified_) look();
    certified_ = all.certified;
    if (open_ == 0 && is_over()) finish();
  }
  /// An epoch was certified; epochs are longer than messages.
  void look() {
    request(store_, caf::infinite, ReportState{})
        .then(
            [this](const StateReport& report) {
              using Milliseconds = std::chrono::duration<double, std::milli>;
              outcome_.certified_ms.push_back(Milliseconds(report.certifying).count());
              outcome_.saved_ms = std::max(outcome_.saved_ms, Milliseconds(report.saving).count());
            },
            [](const caf::error&) {});  // it ended meanwhile
  }
  void finish() {
    if (result_ == nullptr) return;
    outcome_.seconds = std::chrono::duration<double>(clock_.now() - start_).count();
    outcome_.node_cpu_s += process_cpu_s();
    outcome_.monitors_cpu_s += cpu_seconds({static_cast<pid_t>(pid_)});
    std::exchange(result_, nullptr)->set_value(std::move(outcome_));
    quit();
  }

  caf::actor store_;
  const std::vector<StateBatch> messages_;
  const Duration time_;  ///< Zero: each message once.
  std::promise<Outcome>* result_;
  SystemClock clock_;
  TimePoint start_;
  uint32_t pid_ = 0;
  size_t next_ = 0, open_ = 0;
  std::optional<uint32_t> certified_;
  Outcome outcome_;
};

Outcome play(System& system, const caf::actor& store, std::vector<StateBatch> messages,
             Duration time) {
  std::promise<Outcome> result;
  system.caf().spawn<Client>(store, std::move(messages), time, &result);
  return result.get_future().get();
}

/// What a store does with its first writes, and with the load after them.
struct Measured {
  Outcome written, called;
};

Measured measure(System& system, const StateOptions& options, const Options& bench,
                 const std::vector<StateBatch>& load) {
  const auto store = caf::actor_cast<caf::actor>(system.caf().spawn<StateActor>(options));
  caf::scoped_actor self{system.caf()};
  // Its report names the monitors' process once it has answered.
  self->request(store, caf::infinite, NameStates{})
      .receive([](const StateNames&) {},
               [](const caf::error&) { THEMIS_ASSERT(false, "the state starts"); });
  Measured measured;
  measured.written = play(system, store, first_writes(bench), Duration::zero());
  measured.called = play(system, store, load,
                         std::chrono::milliseconds(static_cast<int64_t>(bench.seconds * 1e3)));
  self->monitor(store);
  self->send_exit(store, caf::exit_reason::user_shutdown);
  self->receive([](const caf::down_msg&) {});
  return measured;
}

/// Keeps what passes to monitors in this thread.
struct Recorder final : tests::PassingHost {
  using PassingHost::PassingHost;
  Status apply(uint16_t thread, ByteView batch) override {
    batches.emplace_back(batch.begin(), batch.end());
    return side.apply(thread, batch);
  }
  std::vector<Bytes> batches;
};

/// Records the batches of a host, then plays them to a fresh monitor.
double replay(const Options& options) {
  const storage::TemporaryDirectory directory;
  SeededRng rng(1);
  const seal::SealingKey key(rng);
  const auto counter = seal::CounterFile::open(directory.path() / "counter", key).value();
  const auto environment =
      storage::Environment::open(directory.path() / "store", {.durable = false}).value();
  seal::SealedMonitors<monitor::StateStore> monitors({}, key, *counter, rng);
  Recorder recorder(monitors);
  const auto host = StateHost::open(*environment, recorder, {}).value();
  const auto run = [&](const StateBatch& message) {
    StateCallReader calls = message.calls();
    StateAnswers answers;
    host->run(calls, answers);
    THEMIS_ASSERT(calls.done() && host->commit(), "there is room, and the disk works");
  };
  for (const StateBatch& message : first_writes(options)) run(message);
  const size_t warm = recorder.batches.size();
  const std::vector<StateBatch> load = load_of(options, kReplayedCalls);
  size_t calls = 0;
  for (const StateBatch& message : load) {
    run(message);
    calls += message.size();
  }
  const monitor::MasterKey master(rng);
  monitor::Monitor<monitor::StateStore> monitor(
      {.instance = recorder.instance(), .calls_without_client = true}, master, monitor::Rest{});
  Bytes results(monitor::kOutputBytesMax);
  double start = 0;
  for (size_t i = 0; i < recorder.batches.size(); ++i) {
    if (i == warm) start = process_cpu_s();
    monitor::Output output{results};
    THEMIS_ASSERT(monitor.apply(recorder.batches[i], output), "the stream is honest");
  }
  return static_cast<double>(calls) / (process_cpu_s() - start);
}

}  // namespace

Figures measure_state(const Options& options) {
  if (options.cores != 0) use_cores(options.cores);
  System system;
  SystemRng rng;
  ReactorThread thread(system);
  PlaceOptions place;
  place.place = options.local ? Place::local : Place::process;
  place.program = executable_directory() + "/../apps/themis-enclave";
  place.kinds.merge(state_kinds());
  place.shared_bytes = BatchMemory::bytes_for(options.threads);
  const storage::TemporaryDirectory directory;
  StateOptions state;
  state.data = directory.path();
  state.shape.threads = static_cast<uint16_t>(options.threads);
  // Room for all of them on one thread.
  state.bytes_max =
      options.threads * options.records * host::Shard<monitor::StateStore>::kRecordBytes;
  state.epoch = std::chrono::milliseconds(options.epoch_ms);
  const ProcessHome home{&thread.reactor(), &thread.loop(), &system.types(), &rng};
  state.start_place = [home, place] { return spawn_place(home, place); };
  const std::vector<StateBatch> load =
      load_of(options, std::clamp(options.records, kPreparedCallsMax / 8, kPreparedCallsMax));
  StateOptions plain = state;
  place.place = Place::local;
  plain.start_place = [home, place] { return spawn_place(home, place); };
  plain.start_keeper = spawn_plain_keeper;
  const Outcome unverified = measure(system, plain, options, load).called;
  Measured measured = measure(system, state, options, load);
  Outcome& verified = measured.called;
  Figures figures;
  figures["verified_ops_per_s"] = verified.per_s();
  figures["unverified_ops_per_s"] = unverified.per_s();
  figures["ratio"] = verified.per_s() / unverified.per_s();
  figures["verified_ops_per_cpu_s"] = verified.per_cpu_s();
  figures["unverified_ops_per_cpu_s"] = unverified.per_cpu_s();
  figures["cpu_ratio"] = verified.per_cpu_s() / unverified.per_cpu_s();
  figures["node_ns_per_op"] = 1e9 * verified.node_cpu_s / verified.calls;
  figures["monitors_ns_per_op"] = 1e9 * verified.monitors_cpu_s / verified.calls;
  figures["first_writes_per_s"] = measured.written.per_s();
  figures["epoch_latency_p50_ms"] = quantile(verified.certified_ms, 0.5);
  figures["epoch_latency_p99_ms"] = quantile(verified.certified_ms, 0.99);
  figures["checkpoint_max_ms"] = verified.saved_ms;
  figures["epochs"] = verified.certified_ms.size();
  if (options.records <= kReplayedRecordsMax) figures["monitor_entries_per_s"] = replay(options);
  return figures;
}

}  // namespace themis::bench
