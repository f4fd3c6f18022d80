// A host and its monitors with messages or shared memory between them: the same answers, what a
// hostile host finds refused, and that no result leaves early.

#include "actors/monitor/remote_monitors.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_host.hpp"
#include "enclave/host/command_log.hpp"
#include "enclave/seal/counter_file.hpp"
#include "runtime/store/environment.hpp"
#include "tests/unit/store/temporary_directory.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {
namespace {

sandbox::SharedMemoryPtr memory_for(uint16_t threads) {
  return sandbox::SharedMemory::create(BatchMemory::bytes_for(threads)).value();
}

/// A store, and monitors in this process that have `memory` in common with it.
class Pair {
 public:
  explicit Pair(sandbox::SharedMemoryPtr memory, uint16_t threads = 1)
      : memory_(std::move(memory)), threads_(threads) {
    counter_ = seal::CounterFile::open(directory_.path() / "counter", key_).value();
    environment_ =
        storage::Environment::open(directory_.path() / "store", {.durable = false}).value();
    monitors_ = caf::actor_cast<caf::actor>(world_.caf().spawn<MonitorsActor>(memory_));
    RemoteMonitorsOptions options;
    options.shape.threads = threads;
    options.answer_max = kDeadline;
    options.memory = memory_;
    remote_ = std::make_unique<RemoteMonitors>(world_.caf(), monitors_, options, key_, *counter_);
  }
  ~Pair() {
    host_.reset();
    remote_.reset();
    caf::anon_send_exit(monitors_, caf::exit_reason::user_shutdown);
    world_.end_of(monitors_);
    monitors_ = nullptr;
  }
  Status open() {
    StateHostOptions options;
    options.threads = threads_;
    THEMIS_TRY(host_, StateHost::open(*environment_, *remote_, options));
    return {};
  }
  BatchMemory memory() const { return BatchMemory::over(memory_->bytes(), threads_).value(); }
  StateHost& host() { return *host_; }
  RemoteMonitors& remote() { return *remote_; }
  const caf::actor& monitors() const { return monitors_; }
  ReactorThread& world() { return world_; }

 private:
  const storage::TemporaryDirectory directory_;
  SystemRng rng_;
  const seal::SealingKey key_{rng_};
  const sandbox::SharedMemoryPtr memory_;
  const uint16_t threads_;
  ReactorThread world_;
  std::unique_ptr<seal::CounterFile> counter_;
  std::unique_ptr<storage::Environment> environment_;
  caf::actor monitors_;
  std::unique_ptr<RemoteMonitors> remote_;
  std::unique_ptr<StateHost> host_;
};

StateCall call_of(StateOp op, uint64_t key, size_t value_bytes = 0) {
  StateCall call;
  call.op = op;
  call.name_space = "space-" + std::to_string(key % 16);
  call.key = std::to_string(key);
  call.value.assign(value_bytes, static_cast<std::byte>(key));
  return call;
}

/// Commits when no call fits any more.
Result<StateAnswer> run(StateHost& host, const StateCall& call) {
  StateBatch batch;
  THEMIS_CHECK(batch.add(call));
  StateCallReader calls = batch.calls();
  StateAnswers answers;
  for (host.run(calls, answers); !calls.done(); host.run(calls, answers))
    THEMIS_CHECK(host.commit());
  return answers.front();
}

class RemoteMonitorsWays : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(MessagesAndShared, RemoteMonitorsWays, testing::Bool());

TEST_P(RemoteMonitorsWays, AnswerAsAMapWhoseCommitsAreLongerThanTheRing) {
  log::setup(log::Level::off, log::Format::text);
  Pair pair(GetParam() ? memory_for(4) : nullptr, 4);
  const Status opened = pair.open();
  ASSERT_TRUE(opened) << opened.error().text();
  constexpr size_t kCalls = 12'000;
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  std::map<uint64_t, size_t> sizes;
  for (size_t i = 0; i < kCalls; ++i) {
    const uint64_t key = rng.below(3'000);
    if (rng.below(4) != 0) {
      sizes[key] = rng.below(1'025);
      ASSERT_TRUE(run(pair.host(), call_of(StateOp::put, key, sizes[key])));
    } else {
      const auto answer = run(pair.host(), call_of(StateOp::get, key));
      ASSERT_TRUE(answer) << answer.error().text();
      ASSERT_EQ(answer->value.has_value(), sizes.contains(key));
      if (answer->value) {
        ASSERT_EQ(answer->value->size(), sizes[key]);
      }
    }
  }
  const Status ended = pair.host().end_epoch();
  EXPECT_TRUE(ended) << ended.error().text();
}

TEST(RemoteMonitors, MemoryOfAnotherShapeIsRefused) {
  log::setup(log::Level::off, log::Format::text);
  Pair pair(memory_for(2), 1);
  EXPECT_EQ(pair.open().error().code, Code::invalid);
  const auto started = pair.world().ask<MonitorsStartedMsg>(
      pair.monitors(), encode_start({}, seal::SealingKey(), {}, {}));
  EXPECT_EQ(started.error().code, Code::invalid) << "the monitors' side believes no host";
}

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

TEST(RemoteMonitors, AdversaryReadsNoResultBeforeItsStateIsConfirmed) {
  Pair pair(memory_for(1));
  RemoteMonitors& remote = pair.remote();
  ASSERT_TRUE(remote.start({}) && remote.started());
  const monitor::Record<monitor::StateStore> record{
      monitor::StateKey::of(as_bytes("n"), as_bytes("k")),
      monitor::StateStore::Value::from(as_bytes("the value"))};
  const uint16_t slot[] = {1'024};
  host::CommandLog<monitor::StateStore> log(remote.instance(), 0);
  log.add_deferred(slot[0], monitor::Timestamp::of(0, 0), 0, record);
  log.run(monitor::StateStore::read, slot, std::span(&record.key, 1), {});
  ASSERT_TRUE(remote.apply(0, log.take()));
  ASSERT_TRUE(remote.seal());
  const ByteView results = pair.memory().results();
  EXPECT_TRUE(all_zero(results)) << "run and sealed, not confirmed";
  const auto released = remote.confirm();
  ASSERT_TRUE(released) << released.error().text();
  EXPECT_NE(as_text(results).find("the value"), std::string_view::npos);
  EXPECT_NE(as_text(released->results.at(0)).find("the value"), std::string_view::npos);
}

/// Batches for monitors that have just been started, sent by hand.
class AdversaryHost : public testing::Test {
 protected:
  AdversaryHost() {
    log::setup(log::Level::off, log::Format::text);
    SystemRng rng;
    started_ =
        world_.ask<MonitorsStartedMsg>(monitors_, encode_start({}, seal::SealingKey(rng), {}, {}))
            .has_value();
    EXPECT_TRUE(started_);
  }
  ~AdversaryHost() override { world_.stop(monitors_); }
  std::string answer(const MonitorBatchMsg& message) {
    const auto done = world_.ask<DoneMsg>(monitors_, message);
    return done ? "done" : done.error().text();
  }
  /// Any message, field by field.
  static MonitorBatchMsg message(uint16_t thread, ByteView inside, uint32_t at, uint32_t bytes) {
    wire::Builder<schema::MonitorBatch> built(16 + inside.size() / 8);
    built->setThread(thread);
    built->setBatch(wire::to_data(inside));
    built->setAt(at);
    built->setBytes(bytes);
    return built.finish();
  }

  const sandbox::SharedMemoryPtr memory_ = memory_for(1);
  ReactorThread world_;
  caf::actor monitors_ = caf::actor_cast<caf::actor>(world_.caf().spawn<MonitorsActor>(memory_));
  bool started_ = false;
};

TEST_F(AdversaryHost, NamesNoBytesOutsideItsThreadsRing) {
  const uint32_t size = kRingBytes, longest = monitor::kBatchBytesMax;
  const std::tuple<uint16_t, uint32_t, uint32_t> wrong[] = {{0, 0, 0},
                                                            {0, size, 1},
                                                            {0, size - 1, 2},
                                                            {0, 0, longest + 1},
                                                            {0, UINT32_MAX, 1},
                                                            {0, 0, UINT32_MAX},
                                                            {0, UINT32_MAX, UINT32_MAX},
                                                            {1, 0, longest},
                                                            {UINT16_MAX, 0, 1},
                                                            {0, size - longest + 1, longest}};
  for (const auto& [thread, at, bytes] : wrong)
    EXPECT_TRUE(answer(message(thread, {}, at, bytes)).starts_with("malformed: "))
        << thread << " " << at << " " << bytes << ": " << answer(message(thread, {}, at, bytes));
  const Bytes inside(100);
  EXPECT_TRUE(answer(message(0, inside, 0, 100)).starts_with("malformed: ")) << "in both places";
  EXPECT_TRUE(answer(message(1, inside, 0, 0)).starts_with("invalid: ")) << "no such thread";
  // What is within it is a batch, and a wrong one ends the monitors as any does.
  EXPECT_TRUE(answer(message(0, {}, size - 100, 100)).starts_with("forged: "));
}

/// The longest batch, for new monitors.
Bytes long_batch(const monitor::InstanceId& instance) {
  const monitor::Record<monitor::StateStore> record{
      monitor::StateKey::of(as_bytes("n"), as_bytes("k")), std::nullopt};
  const monitor::StateStore::Arguments value{
      monitor::StateStore::Value::from(Bytes(1'000, std::byte{7})), std::nullopt, {}};
  const uint16_t slot[] = {1'024};
  host::CommandLog<monitor::StateStore> log(instance, 0);
  log.add_deferred(slot[0], monitor::Timestamp::of(0, 0), 0, record);
  while (log.has_room())
    log.run(monitor::StateStore::write, slot, std::span(&record.key, 1), value);
  const ByteView batch = log.take();
  return {batch.begin(), batch.end()};
}

TEST(RemoteMonitors, AdversaryWritesWhileTheMonitorReads) {
  log::setup(log::Level::off, log::Format::text);
  const sandbox::SharedMemoryPtr memory = memory_for(1);
  const std::span<std::byte> ring = BatchMemory::over(memory->bytes(), 1)->ring(0);
  // Another process, which no thread checker sees: it changes bytes all over and puts them back.
  const pid_t scribbler = ::fork();
  if (scribbler == 0)
    for (size_t i = 0;; i = (i + 4'099) % ring.size()) {
      volatile std::byte& byte = ring[i];
      byte = byte ^ std::byte{1};
    }
  ReactorThread world;
  SystemRng rng;
  for (int round = 0; round < 30; ++round) {
    const auto monitors = caf::actor_cast<caf::actor>(world.caf().spawn<MonitorsActor>(memory));
    const auto started =
        world.ask<MonitorsStartedMsg>(monitors, encode_start({}, seal::SealingKey(rng), {}, {}));
    ASSERT_TRUE(started) << started.error().text();
    const Bytes batch = long_batch(decode_started(*started, 1).value().instance.id);
    RingWriter writer(ring);
    ASSERT_EQ(writer.write(batch), 0u);
    const auto done = world.ask<DoneMsg>(monitors, encode_shared_batch(0, 0, batch.size()));
    EXPECT_TRUE(done || done.error().code == Code::forged) << done.error().text();
    EXPECT_EQ(world.stop(monitors), "user_shutdown");
  }
  ::kill(scribbler, SIGKILL);
  ::waitpid(scribbler, nullptr, 0);
}

receipts::Instance run_of(uint16_t threads) {
  receipts::Instance run;
  run.threads = threads;
  return run;
}

TEST(MonitorCodec, ResultsTravelInMemoryWhenTheyFitAndInTheMessageElse) {
  Bytes all(BatchMemory::bytes_for(2));
  const BatchMemory memory = BatchMemory::over(all, 2).value();
  seal::Released released;
  released.certified = 7;
  for (const size_t bytes : {size_t{0}, size_t{1}, kSharedResultsBytes - 5, kSharedResultsBytes}) {
    released.results = {Bytes(5, std::byte{1}), Bytes(bytes, std::byte{2})};
    const ReleasedMsg message = encode_released(released, memory);
    EXPECT_EQ(message.frame()->size() < 200, bytes <= kSharedResultsBytes - 5) << bytes;
    const auto decoded = decode_released(message, run_of(2), memory);
    ASSERT_TRUE(decoded) << decoded.error().text();
    EXPECT_EQ(decoded->results, released.results);
    EXPECT_EQ(decoded->certified, released.certified);
    EXPECT_EQ(decode_released(message, run_of(1), memory).error().code, Code::malformed);
  }
}

TEST(MonitorCodec, AdversaryCannotNameResultsThatAreNotThere) {
  Bytes all(BatchMemory::bytes_for(2));
  const BatchMemory memory = BatchMemory::over(all, 2).value();
  const std::vector<uint32_t> wrong[] = {{kSharedResultsBytes + 1, 0},
                                         {kSharedResultsBytes, 1},
                                         {1, UINT32_MAX},
                                         {UINT32_MAX, UINT32_MAX},
                                         {1},
                                         {1, 1, 1}};
  for (const auto& lengths : wrong) {
    wire::Builder<schema::Released> message;
    auto list = message->initLengths(static_cast<unsigned>(lengths.size()));
    for (unsigned i = 0; i < lengths.size(); ++i) list.set(i, lengths[i]);
    const ReleasedMsg told = message.finish();
    EXPECT_EQ(decode_released(told, run_of(2), memory).error().code, Code::malformed);
  }
  wire::Builder<schema::Released> message;
  message->initLengths(2).set(0, 1);
  EXPECT_EQ(decode_released(message.finish(), run_of(2), BatchMemory()).error().code,
            Code::malformed)
      << "without memory";
}

}  // namespace
}  // namespace themis
