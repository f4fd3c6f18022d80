#include "bench/state.hpp"

#include <caf/all.hpp>
#include <cmath>
#include <future>
#include <unordered_map>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "actors/placement/placement.hpp"
#include "actors/system/reactor_thread.hpp"
#include "enclave/host/verified_store.hpp"
#include "enclave/seal/counter_file.hpp"
#include "runtime/base/clock.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::bench {
namespace {

/// Calls in one message, and messages open at a time.
constexpr size_t kCallsPerMessage = 256;
constexpr size_t kMessagesOpen = 8;
/// Namespaces that the records are spread over, so that every monitor thread has its share.
constexpr size_t kNamespaces = 64;
constexpr size_t kReplayedCalls = 200'000;

/// Numbers below `count`, zipfian with skew `theta`, or uniform when it is 0. Source: Gray et al.,
/// "Quickly generating billion-record synthetic databases", SIGMOD 1994, section 3.2.
class Keys {
 public:
  Keys(uint64_t count, double theta, uint64_t seed) : count_(count), theta_(theta), rng_(seed) {
    for (uint64_t i = 1; theta > 0 && i <= count; ++i)
      zeta_ += 1 / std::pow(static_cast<double>(i), theta);
    const double zeta2 = 1 + std::pow(0.5, theta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - theta)) / (1 - zeta2 / zeta_);
  }
  uint64_t next() {
    if (theta_ == 0) return rng_.below(count_);
    const double u = static_cast<double>(rng_.below(1u << 30)) / (1u << 30), uz = u * zeta_;
    if (uz < 1) return 0;
    if (uz < 1 + std::pow(0.5, theta_)) return 1;
    const double at = static_cast<double>(count_) * std::pow(eta_ * u - eta_ + 1, 1 / (1 - theta_));
    return std::min(static_cast<uint64_t>(at), count_ - 1);
  }
  uint64_t below(uint64_t bound) { return rng_.below(bound); }

 private:
  const uint64_t count_;
  const double theta_;
  SeededRng rng_;
  double zeta_ = 0, eta_ = 0;
};

StateCall call_of(StateOp op, uint64_t number, size_t value_bytes) {
  StateCall call;
  call.op = op;
  call.name_space = "space-" + std::to_string(number % kNamespaces);
  call.key = std::to_string(number);
  if (op == StateOp::put) call.value.resize(value_bytes);
  return call;
}

/// Makes messages of calls as the options say.
class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), keys_(options.records, options.zipf, 1) {}
  CallState next() {
    CallState message;
    const uint64_t percent = options_.mix == "a" ? 50 : options_.mix == "b" ? 5 : 0;
    while (message.calls.size() < kCallsPerMessage) {
      const uint64_t key = keys_.next();
      const bool writes = keys_.below(100) < percent;
      message.calls.push_back(
          call_of(writes ? StateOp::put : StateOp::get, key, options_.value_bytes));
      if (options_.mix == "f")
        message.calls.push_back(call_of(StateOp::put, key, options_.value_bytes));
    }
    return message;
  }

 private:
  const Options& options_;
  Keys keys_;
};

/// The same messages before a plain map.
class Unverified final : public PoolActor {
 public:
  using PoolActor::PoolActor;

 private:
  caf::behavior make_behavior() override {
    return {[this](const CallState& ask) {
              StateAnswers answers;
              for (const StateCall& call : ask.calls) {
                StateAnswer answer;
                const auto [at, is_new] = values_.try_emplace(call.name_space + '\0' + call.key);
                answer.done = !is_new;
                if (call.op == StateOp::put)
                  at->second = call.value;
                else if (!is_new)
                  answer.value = at->second;
                answers.answers.push_back(std::move(answer));
              }
              return answers;
            },
            [](const ReportState&) { return StateReport{}; }};
  }
  std::unordered_map<std::string, Bytes> values_;
};

struct Outcome {
  double per_s = 0, per_cpu_s = 0;
  std::vector<double> certified_ms;
};

/// Keeps messages open until the time is over. Messages are made before: what is measured is the
/// store.
class Client final : public PoolActor {
 public:
  Client(caf::actor_config& config, caf::actor store, std::vector<CallState> messages,
         Duration time, std::promise<Outcome>* result)
      : PoolActor(config),
        store_(std::move(store)),
        messages_(std::move(messages)),
        time_(time),
        result_(result) {}

 private:
  caf::behavior make_behavior() override {
    start_ = clock_.now();
    start_cpu_ = process_cpu_s();
    for (size_t i = 0; i < kMessagesOpen; ++i) ask();
    return {[](caf::unit_t) {}};
  }
  bool is_over() const {
    return time_ == Duration::zero() ? next_ == messages_.size() : clock_.now() - start_ > time_;
  }
  void ask() {
    if (is_over()) return;
    ++open_;
    const CallState& message = messages_[next_++ % messages_.size()];
    request(store_, caf::infinite, message)
        .then([this](const StateAnswers& all) { answered(all); },
              [](const caf::error&) { THEMIS_ASSERT(false, "the store answers"); });
  }
  void answered(const StateAnswers& all) {
    for (const auto& answer : all.answers)
      THEMIS_ASSERT(answer.has_value(), "calls of the bench are right");
    calls_ += all.answers.size();
    --open_;
    ask();
    look();
    if (open_ == 0 && is_over()) finish();
  }
  /// One certificate a look: epochs are longer than messages.
  void look() {
    request(store_, caf::infinite, ReportState{})
        .then(
            [this](const StateReport& report) {
              if (report.certified == certified_) return;
              certified_ = report.certified;
              outcome_.certified_ms.push_back(
                  std::chrono::duration<double, std::milli>(report.certifying).count());
            },
            [](const caf::error&) {});  // the plain map
  }
  void finish() {
    if (result_ == nullptr) return;
    const auto calls = static_cast<double>(calls_);
    outcome_.per_s = calls / std::chrono::duration<double>(clock_.now() - start_).count();
    outcome_.per_cpu_s = calls / (process_cpu_s() - start_cpu_);
    std::exchange(result_, nullptr)->set_value(std::move(outcome_));
    quit();
  }

  caf::actor store_;
  const std::vector<CallState> messages_;
  const Duration time_;  ///< Zero: each message once.
  std::promise<Outcome>* result_;
  SystemClock clock_;
  TimePoint start_;
  double start_cpu_ = 0;
  size_t next_ = 0, open_ = 0;
  uint64_t calls_ = 0;
  std::optional<uint32_t> certified_;
  Outcome outcome_;
};

Outcome play(System& system, const caf::actor& store, std::vector<CallState> messages,
             Duration time) {
  std::promise<Outcome> result;
  system.caf().spawn<Client>(store, std::move(messages), time, &result);
  return result.get_future().get();
}

std::vector<CallState> first_writes(const Options& options) {
  std::vector<CallState> messages(1);
  for (uint64_t i = 0; i < options.records; ++i) {
    if (messages.back().calls.size() == kCallsPerMessage) messages.emplace_back();
    messages.back().calls.push_back(call_of(StateOp::put, i, options.value_bytes));
  }
  return messages;
}

Outcome measure(System& system, const caf::actor& store, const Options& options) {
  play(system, store, first_writes(options), Duration::zero());
  Load load(options);
  std::vector<CallState> messages;
  while (messages.size() < 400) messages.push_back(load.next());
  return play(system, store, std::move(messages),
              std::chrono::milliseconds(static_cast<int64_t>(options.seconds * 1e3)));
}

/// Keeps what passes to monitors in this thread.
struct Recorder final : seal::TrustedSide {
  explicit Recorder(seal::TrustedSide& monitors) : side(monitors) {}
  Status start(ByteView sealed) override { return side.start(sealed); }
  Status started() override { return side.started(); }
  Status apply(uint16_t thread, ByteView batch) override {
    batches.emplace_back(batch.begin(), batch.end());
    return side.apply(thread, batch);
  }
  Status certify() override { return side.certify(); }
  Result<Bytes> seal() override { return side.seal(); }
  Result<Bytes> checkpoint() override { return side.checkpoint(); }
  Result<seal::Released> confirm() override { return side.confirm(); }
  Result<seal::Released> release() override { return side.release(); }
  std::optional<uint32_t> certified() const override { return side.certified(); }
  const monitor::InstanceId& instance() const override { return side.instance(); }
  seal::TrustedSide& side;
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
  const auto run = [&](const CallState& message) {
    for (const StateCall& call : message.calls) THEMIS_ASSERT(host->run(call), "room for it");
    THEMIS_ASSERT(host->commit(), "the disk works");
  };
  for (const CallState& message : first_writes(options)) run(message);
  const size_t warm = recorder.batches.size();
  Load load(options);
  size_t calls = 0;
  for (; calls < kReplayedCalls; calls += kCallsPerMessage) run(load.next());
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
  state.epoch = std::chrono::milliseconds(options.epoch_ms);
  const ProcessHome home{&thread.reactor(), &thread.loop(), &system.types(), &rng};
  state.start_place = [home, place] { return spawn_place(home, place); };
  Outcome verified, plain;
  {
    caf::scoped_actor self{system.caf()};
    const auto end = [&](const caf::actor& actor) {
      self->monitor(actor);
      self->send_exit(actor, caf::exit_reason::user_shutdown);
      self->receive([](const caf::down_msg&) {});
    };
    const auto unverified = caf::actor_cast<caf::actor>(system.caf().spawn<Unverified>());
    plain = measure(system, unverified, options);
    end(unverified);
    const auto store = caf::actor_cast<caf::actor>(system.caf().spawn<StateActor>(state));
    verified = measure(system, store, options);
    end(store);
  }
  Figures figures;
  figures["verified_ops_per_s"] = verified.per_s;
  figures["unverified_ops_per_s"] = plain.per_s;
  figures["ratio"] = verified.per_s / plain.per_s;
  figures["verified_ops_per_cpu_s"] = verified.per_cpu_s;
  figures["unverified_ops_per_cpu_s"] = plain.per_cpu_s;
  figures["epoch_latency_p50_ms"] = quantile(verified.certified_ms, 0.5);
  figures["epoch_latency_p99_ms"] = quantile(verified.certified_ms, 0.99);
  figures["epochs"] = verified.certified_ms.size();
  figures["monitor_entries_per_s"] = replay(options);
  return figures;
}

}  // namespace themis::bench
