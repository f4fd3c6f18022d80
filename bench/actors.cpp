#include "bench/actors.hpp"

#include <malloc.h>

#include <caf/all.hpp>
#include <future>

#include "actors/node/node_actor.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/reactor_thread.hpp"
#include "actors/system/supervisor.hpp"
#include "rpc.capnp.h"
#include "runtime/base/log.hpp"

namespace themis::bench {
namespace {

using EchoMsg = wire::Msg<schema::Echo>;
/// Fingers that are alive at a time: enough that the allocator's own rounding does not show.
constexpr size_t kFingers = 100'000;
constexpr size_t kRestartsMin = 1000;
/// The clock is read once in so many rounds, to measure messages and not the clock.
constexpr uint64_t kRoundsPerLook = 64;

struct Rate {
  uint64_t count = 0;
  Duration elapsed{0};
  double per_s() const {
    return static_cast<double>(count) / std::chrono::duration<double>(elapsed).count();
  }
};

EchoMsg make_echo(size_t bytes) {
  wire::Builder<schema::Echo> echo(bytes / 8 + 8);
  echo->initPayload(static_cast<unsigned>(bytes));
  return echo.finish();
}

/// Returns what it is sent: as the answer to a request, or as a message.
template <class Base>
class Returner final : public Base {
 public:
  Returner(caf::actor_config& config, bool requests) : Base(config), requests_(requests) {}
  caf::behavior make_behavior() override {
    if (requests_) return {[](const EchoMsg& echo) { return echo; }};
    return {[this](const EchoMsg& echo) {
      this->send(caf::actor_cast<caf::actor>(this->current_sender()), echo);
    }};
  }

 private:
  bool requests_;
};

/// Plays with a Returner until the time is over, by messages or by requests.
template <class Base>
class Player final : public Base {
 public:
  Player(caf::actor_config& config, caf::actor other, EchoMsg message, Duration time,
         std::promise<Rate> result)
      : Base(config),
        other_(std::move(other)),
        message_(message),
        time_(time),
        result_(std::move(result)) {}

  caf::behavior make_behavior() override {
    start_ = clock_.now();
    return {[this](bool requests) { requests ? ask() : serve(); },
            [this](const EchoMsg&) { serve(); }};
  }

 private:
  /// Counts a round, there and back.
  bool over() {
    if (++rounds_ % kRoundsPerLook != 0) return false;
    const Duration elapsed = clock_.now() - start_;
    if (elapsed < time_) return false;
    this->send_exit(other_, caf::exit_reason::user_shutdown);
    this->quit();
    result_->set_value({rounds_, elapsed});
    return true;
  }
  void serve() {
    if (over()) return;
    this->send(other_, message_);
  }
  void ask() {
    if (over()) return;
    this->request(other_, caf::infinite, message_)
        .then([this](const EchoMsg&) { ask(); },
              [](const caf::error& error) { THEMIS_ASSERT(!error, "the returner answers"); });
  }

  caf::actor other_;
  EchoMsg message_;
  Duration time_;
  std::optional<std::promise<Rate>> result_;
  SystemClock clock_;
  TimePoint start_;
  uint64_t rounds_ = 0;
};

Rate play_pinned(Reactor& reactor, const EchoMsg& message, Duration time, bool requests) {
  std::promise<Rate> result;
  std::future<Rate> rate = result.get_future();
  const caf::actor other = spawn_pinned<Returner<PinnedActor>>(reactor, requests);
  const caf::actor player =
      spawn_pinned<Player<PinnedActor>>(reactor, other, message, time, std::move(result));
  caf::anon_send(player, requests);
  return rate.get();
}

Rate play_on_pool(System& system, const EchoMsg& message, Duration time) {
  std::promise<Rate> result;
  std::future<Rate> rate = result.get_future();
  const auto other = system.caf().spawn<Returner<caf::event_based_actor>>(false);
  const auto player = system.caf().spawn<Player<caf::event_based_actor>>(
      caf::actor_cast<caf::actor>(other), message, time, std::move(result));
  caf::anon_send(player, false);
  return rate.get();
}

struct FingerFigures {
  Rate spawning;
  double bytes = 0;
};

size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Real finger entries of a node that has not joined a ring.
FingerFigures measure_fingers(System& system, ReactorThread& thread) {
  SystemRng rng;
  const wire::Identity identity = wire::Identity::generate("bench", rng);
  Exports exports;
  NodeOptions node_options;
  node_options.identity = &identity;
  node_options.types = &system.types();
  node_options.exports = &exports;
  node_options.rng = &rng;
  FingerFigures figures;
  thread.in_loop([&] {
    auto node = spawn_hosted<NodeActor>(thread.reactor(), node_options);
    std::vector<ring::Contact> contacts(kFingers);
    for (ring::Contact& contact : contacts) {
      rng.fill(contact.id.bytes);
      contact.address = {"192.168.100.100", 7001};
    }
    std::vector<HostedPtr<FingerActor>> fingers(kFingers);
    const size_t before = heap_bytes();
    const TimePoint start = SystemClock().now();
    for (size_t i = 0; i < kFingers; ++i)
      fingers[i] = spawn_hosted<FingerActor>(thread.reactor(), *node, contacts[i]);
    figures.spawning = {kFingers, SystemClock().now() - start};
    figures.bytes = static_cast<double>(heap_bytes() - before) / static_cast<double>(kFingers);
    for (auto& finger : fingers) finger->end({Code::cancelled, "done"});
  });
  return figures;
}

/// Kills a supervised child again and again: from the kill to the answer of its replacement, in µs.
std::vector<double> measure_restarts(System& system, Duration time) {
  caf::scoped_actor self{system.caf()};
  SupervisorSpec spec;
  spec.options.name = "bench";
  spec.options.max_restarts = std::numeric_limits<uint32_t>::max();
  spec.options.backoff_min = spec.options.backoff_max = Duration{0};
  const caf::actor client = caf::actor_cast<caf::actor>(self);
  spec.children.push_back({"child", [client](caf::event_based_actor* parent) -> Result<caf::actor> {
                             caf::actor child = caf::actor_cast<caf::actor>(
                                 parent->spawn<Returner<caf::event_based_actor>>(true));
                             caf::anon_send(client, child);
                             return child;
                           }});
  caf::actor supervisor = spawn_supervisor(system.caf(), std::move(spec));
  const EchoMsg message = make_echo(64);
  std::vector<double> samples;
  caf::actor child;
  const auto await_child = [&] {
    self->receive([&](const caf::actor& started) { child = started; });
    self->request(child, caf::infinite, message)
        .receive([](const EchoMsg&) {},
                 [](const caf::error& error) { THEMIS_ASSERT(!error, "the child answers"); });
  };
  await_child();
  const SystemClock clock;
  const TimePoint end = clock.now() + time;
  while (clock.now() < end || samples.size() < kRestartsMin) {
    const TimePoint killed = clock.now();
    self->send_exit(child, caf::exit_reason::kill);
    await_child();
    samples.push_back(to_us(clock.now() - killed));
  }
  self->send_exit(supervisor, caf::exit_reason::user_shutdown);
  self->wait_for(supervisor);
  return samples;
}

}  // namespace

Figures measure_actors(const Options& options) {
  const Duration part =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.seconds / 4));
  // Thousands of killed children are what is measured, not news.
  log::setup(log::Level::error, log::Format::text);
  System system;
  const EchoMsg message = make_echo(options.bytes);
  Rate messages, requests;
  FingerFigures fingers;
  {
    ReactorThread thread(system);
    messages = play_pinned(thread.reactor(), message, part, false);
    requests = play_pinned(thread.reactor(), message, part, true);
    fingers = measure_fingers(system, thread);
  }
  const Rate pool = play_on_pool(system, message, part);
  std::vector<double> restarts = measure_restarts(system, part);
  Figures figures;
  figures["bytes"] = options.bytes;
  figures["messages_per_s"] = 2 * messages.per_s();  // there and back
  figures["messages_per_s_pool"] = 2 * pool.per_s();
  figures["request_per_s"] = requests.per_s();
  figures["spawn_per_s"] = fingers.spawning.per_s();
  figures["bytes_per_actor"] = fingers.bytes;
  figures["restarts"] = restarts.size();
  figures["restart_p50_us"] = quantile(restarts, 0.5);
  figures["restart_p99_us"] = quantile(restarts, 0.99);
  return figures;
}

}  // namespace themis::bench
