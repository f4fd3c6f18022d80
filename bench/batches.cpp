#include "bench/batches.hpp"

#include <time.h>

#include <caf/all.hpp>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/remote_monitors.hpp"
#include "actors/placement/placement.hpp"
#include "actors/system/reactor_thread.hpp"
#include "enclave/host/command_log.hpp"
#include "enclave/seal/counter_file.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::bench {
namespace {

using monitor::StateStore;
using Log = host::CommandLog<StateStore>;

/// Of the record that every call is about.
constexpr size_t kValueBytes = 1'000;
constexpr uint16_t kSlot = 1'024;
constexpr size_t kBatchesPerCommit = 64;
/// A commit's results stay under kSharedResultsBytes, and under a message's limit.
constexpr size_t kReadsPerCommit = 1'000;

double cpu_s(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_s() { return to_us(SystemClock().now().time_since_epoch()) / 1e6; }

monitor::Record<StateStore> record() {
  const Bytes value(kValueBytes, std::byte{7});
  return {monitor::StateKey::of(as_bytes("bench"), as_bytes("key")),
          StateStore::Value::from(value)};
}

/// Calls of one record that stays in its slot: as little work a byte as a monitor can be given.
Bytes batch_of(const monitor::InstanceId& instance, uint8_t function, size_t calls) {
  Log log(instance, 0);
  const auto at = record();
  const uint16_t slots[] = {kSlot};
  const StateStore::Arguments arguments{*at.value, std::nullopt, {}};
  while (calls-- > 0 && log.has_room()) log.run(function, slots, std::span(&at.key, 1), arguments);
  const ByteView batch = log.take();
  return {batch.begin(), batch.end()};
}

/// Brings the record into its slot.
Bytes first_batch(const monitor::InstanceId& instance) {
  Log log(instance, 0);
  log.add_deferred(kSlot, monitor::Timestamp::of(0, 0), 0, record());
  const ByteView batch = log.take();
  return {batch.begin(), batch.end()};
}

/// Puts the next sequence number into a batch, as CommandLog does.
class Numbered {
 public:
  ByteView next(Bytes& batch) {
    store(batch.data() + sizeof(monitor::InstanceId) + 2, sequence_++);
    return batch;
  }

 private:
  uint64_t sequence_ = 0;
};

/// What is measured of one way.
struct Cost {
  double bytes = 0, wall = 0, host = 0, enclave = 0;
  void print(Figures& figures, const std::string& what, const std::string& way) const {
    figures[what + "_mb_per_s_" + way] = bytes / wall / 1e6;
    figures[what + "_host_ns_per_byte_" + way] = 1e9 * host / bytes;
    figures[what + "_enclave_ns_per_byte_" + way] = 1e9 * enclave / bytes;
  }
};

/// A process with monitors, and the host's side of them.
class Pair {
 public:
  Pair(System& system, const ProcessHome& home, bool shared) : self_(system.caf()) {
    PlaceOptions place;
    place.program = executable_directory() + "/../apps/themis-enclave";
    place.shared_bytes = shared ? BatchMemory::bytes_for(1) : 0;
    place_ = spawn_place(home, place);
    RemoteMonitorsOptions options;
    options.answer_max = 30s;
    options.memory = ask<SharedWith>(PlaceMemory{}).memory;
    const auto monitors = ask<caf::actor>(SpawnActor{"monitors", "monitors"});
    THEMIS_ASSERT(
        ::clock_getcpuclockid(static_cast<pid_t>(ask<uint32_t>(PlacePid{})), &clock_) == 0,
        "the process runs");
    counter_ = seal::CounterFile::open(directory_.path() / "counter", key_).value();
    remote_ = std::make_unique<RemoteMonitors>(system.caf(), monitors, options, key_, *counter_);
    THEMIS_ASSERT(remote_->start({}) && remote_->started(), "new monitors");
    Bytes first = first_batch(remote_->instance());
    THEMIS_ASSERT(remote_->apply(0, numbered_.next(first)), "the monitors are there");
  }
  ~Pair() {
    remote_.reset();
    self_->monitor(place_);
    self_->send_exit(place_, caf::exit_reason::user_shutdown);
    self_->receive([](const caf::down_msg&) {});
  }

  /// `size`: the bytes that count in one batch, or 0 for all.
  Cost run(uint8_t function, size_t calls, size_t batches, double seconds) {
    Bytes batch = batch_of(remote_->instance(), function, calls);
    Cost cost;
    const auto commit = [&] {
      for (size_t i = 0; i < batches; ++i)
        THEMIS_ASSERT(remote_->apply(0, numbered_.next(batch)), "the stream is honest");
      THEMIS_ASSERT(remote_->seal(), "the stream is honest");
      const auto released = remote_->confirm();
      THEMIS_ASSERT(released, "the counter can be written");
      return released->results.at(0).size();
    };
    commit();
    const double start = wall_s(), host = process_cpu_s(), enclave = cpu_s(clock_);
    while (wall_s() - start < seconds) {
      const size_t results = commit();
      cost.bytes +=
          static_cast<double>(function == StateStore::read ? results : batches * batch.size());
    }
    cost.wall = wall_s() - start;
    cost.host = process_cpu_s() - host;
    cost.enclave = cpu_s(clock_) - enclave;
    return cost;
  }

 private:
  template <class Answer, class Question>
  Answer ask(const Question& question) {
    Answer out{};
    self_->request(place_, caf::infinite, question)
        .receive([&](const Answer& answer) { out = answer; },
                 [](const caf::error&) { THEMIS_ASSERT(false, "the place starts"); });
    return out;
  }

  const storage::TemporaryDirectory directory_;
  SystemRng rng_;
  const seal::SealingKey key_{rng_};
  caf::scoped_actor self_;
  caf::actor place_;
  clockid_t clock_ = 0;
  std::unique_ptr<seal::CounterFile> counter_;
  std::unique_ptr<RemoteMonitors> remote_;
  Numbered numbered_;
};

/// A monitor in this thread, given the same batches: nanoseconds of its CPU a byte.
double alone(uint8_t function, size_t calls, double seconds) {
  SystemRng rng;
  const monitor::MasterKey master(rng);
  monitor::MonitorOptions options;
  options.calls_without_client = true;
  monitor::Monitor<StateStore> monitor(options, master);
  Bytes batch = batch_of(options.instance, function, calls), first = first_batch(options.instance);
  Bytes results(monitor::kOutputBytesMax);
  Numbered numbered;
  const auto apply = [&](Bytes& each) {
    monitor::Output output{results};
    THEMIS_ASSERT(monitor.apply(numbered.next(each), output), "the stream is honest");
    return function == StateStore::read ? output.used : each.size();
  };
  apply(first);
  double bytes = 0;
  const double start = process_cpu_s();
  while (process_cpu_s() - start < seconds) bytes += static_cast<double>(apply(batch));
  return 1e9 * (process_cpu_s() - start) / bytes;
}

}  // namespace

Figures measure_batches(const Options& options) {
  System system;
  SystemRng rng;
  ReactorThread thread(system);
  const ProcessHome home{&thread.reactor(), &thread.loop(), &system.types(), &rng};
  Figures figures;
  const size_t all = SIZE_MAX;
  for (const bool shared : {false, true}) {
    const std::string way = shared ? "shared" : "messages";
    Pair pair(system, home, shared);
    pair.run(StateStore::write, all, kBatchesPerCommit, options.seconds / 2)
        .print(figures, "batches", way);
    pair.run(StateStore::read, kReadsPerCommit, 1, options.seconds / 2)
        .print(figures, "results", way);
  }
  figures["monitor_ns_per_byte_batches"] = alone(StateStore::write, all, options.seconds / 4);
  figures["monitor_ns_per_byte_results"] =
      alone(StateStore::read, kReadsPerCommit, options.seconds / 4);
  return figures;
}

}  // namespace themis::bench
