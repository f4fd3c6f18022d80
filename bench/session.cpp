#include "bench/session.hpp"

#include <caf/all.hpp>
#include <future>

#include "actors/peer/session_actor.hpp"
#include "actors/system/reactor_thread.hpp"
#include "bench/floor.hpp"
#include "rpc.capnp.h"

namespace themis::bench {
namespace {

using EchoMsg = wire::Msg<schema::Echo>;
constexpr const char* kEchoName = "bench/echo";
constexpr int kTurns = 4;

/// Messages between two acknowledgements: half of a session's credit, so that two windows keep it
/// busy.
uint64_t one_way_window(size_t bytes) {
  return std::clamp<uint64_t>(wire::kInitialCredit / 2 / (bytes + wire::Frame::kCost), 1, 4096);
}

EchoMsg make_echo(uint64_t sequence, size_t bytes) {
  wire::Builder<schema::Echo> echo(bytes / 8 + 8);
  echo->setSequence(sequence);
  echo->initPayload(static_cast<unsigned>(bytes));
  return echo.finish();
}

/// Answers requests with the same frame; counts one-way messages.
class EchoActor final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  caf::behavior make_behavior() override {
    return {[this](const EchoMsg& echo) -> caf::result<EchoMsg> {
      if (current_mailbox_element()->mid.is_request()) return echo;
      ++received_;
      return caf::sec::invalid_argument;  // nobody waits: dropped
    }};
  }

 private:
  uint64_t received_ = 0;
};

/// Keeps `inflight` requests open until the time is over, or streams one-way messages with a
/// request as a barrier.
class LoadActor final : public PinnedActor {
 public:
  struct Result {
    std::vector<double> rtt_us;
    uint64_t messages = 0;
    double seconds = 0;
  };
  LoadActor(caf::actor_config& config, const Options& options, bool one_way,
            std::promise<Result> result)
      : PinnedActor(config), options_(options), one_way_(one_way), done_(std::move(result)) {}

  caf::behavior make_behavior() override {
    message_ = make_echo(1, options_.bytes);
    window_ = one_way_window(options_.bytes);
    return {[this](const caf::actor& echo) {
      echo_ = echo;
      start_ = clock_.now();
      end_ = start_ +
             std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.seconds));
      const size_t open = one_way_ ? 2 : options_.inflight;
      for (size_t i = 0; i < open; ++i) one_way_ ? stream() : ask();
    }};
  }

 private:
  void ask() {
    const TimePoint asked = clock_.now();
    ++open_;
    request(echo_, caf::infinite, message_)
        .then(
            [this, asked](const EchoMsg&) {
              const TimePoint now = clock_.now();
              --open_;
              ++result_.messages;
              result_.rtt_us.push_back(to_us(now - asked));
              now < end_ ? ask() : finish(now);
            },
            [this](const caf::error& error) { fail(error); });
  }
  void stream() {
    for (uint64_t i = 0; i < window_ - 1; ++i) send(echo_, message_);
    ++open_;
    request(echo_, caf::infinite, message_)
        .then(
            [this](const EchoMsg&) {
              --open_;
              result_.messages += window_;
              const TimePoint now = clock_.now();
              now < end_ ? stream() : finish(now);
            },
            [this](const caf::error& error) { fail(error); });
  }
  void finish(TimePoint now) {
    if (open_ > 0 || !done_) return;
    result_.seconds = std::chrono::duration<double>(now - start_).count();
    std::exchange(done_, std::nullopt)->set_value(std::move(result_));
    echo_ = nullptr;
    quit();
  }
  void fail(const caf::error& error) {
    std::fprintf(stderr, "themis-bench: %s\n", from_caf(error).text().c_str());
    std::exit(1);
  }

  Options options_;
  bool one_way_;
  std::optional<std::promise<Result>> done_;
  SystemClock clock_;
  EchoMsg message_;
  caf::actor echo_;
  TimePoint start_, end_;
  size_t open_ = 0;
  uint64_t window_ = 1;
  Result result_;
};

/// One end: an event loop in a thread of its own, an identity, a session.
class End final : public SessionOwner, public net::Acceptor {
 public:
  End(System& system, bool encryption)
      : identity_(wire::Identity::generate("bench", rng_)), thread_(system) {
    handshake_.self = &identity_;
    handshake_.encryption = encryption;
    context_ = {&handshake_, &rng_, &system.types(), &exports_, this};
  }
  void stop() {
    thread_.in_loop([this] {
      if (session_) session_->close({Code::cancelled, "done"});
      session_.reset();
      listener_.reset();
      exports_ = {};
    });
    thread_.stop();
  }
  net::Address listen() {
    net::Address address;
    thread_.in_loop([&] {
      listener_ = thread_.loop().listen({"127.0.0.1", 0}, *this).value();
      address = listener_->address();
    });
    return address;
  }
  void connect(const net::Address& to) {
    thread_.in_loop([&] {
      session_ = spawn(true);
      THEMIS_ASSERT(session_->connect(to), "loopback");
    });
    opened_.get_future().wait();
  }

  net::StreamHandler* on_accept(const net::Address&) override {
    session_ = spawn(false);
    return &session_->stream_handler();
  }
  void accepted(net::StreamHandler*, std::unique_ptr<net::Stream> stream) override {
    session_->attach(std::move(stream));
  }
  Status on_session_open(SessionActor&) override {
    opened_.set_value();
    return {};
  }
  void on_session_closed(SessionActor&, const Error&) override {}
  HostedPtr<SessionActor> spawn(bool initiator) {
    return spawn_hosted<SessionActor>(thread_.reactor(), context_, SessionTimes{}, initiator,
                                      std::nullopt);
  }

  SystemRng rng_;
  wire::Identity identity_;
  Exports exports_;
  wire::HandshakeConfig handshake_;
  SessionContext context_;
  HostedPtr<SessionActor> session_;
  std::unique_ptr<net::Listener> listener_;
  std::promise<void> opened_;
  ReactorThread thread_;
};

LoadActor::Result run_load(End& client, const Options& options, bool one_way) {
  std::promise<LoadActor::Result> done;
  std::future<LoadActor::Result> result = done.get_future();
  client.thread_.in_loop([&] {
    const caf::actor load =
        spawn_pinned<LoadActor>(client.thread_.reactor(), options, one_way, std::move(done));
    caf::anon_send(load, client.session_->proxy(Exports::target_of(kEchoName)));
  });
  return result.get();
}

/// What one pair of ends did, several times over.
struct Side {
  std::vector<double> rtt_us;
  double echoes = 0, echo_s = 0, one_way = 0, one_way_s = 0, one_way_cpu_s = 0;

  void measure(const Options& options, bool encryption) {
    System system;
    End server(system, encryption), client(system, encryption);
    server.thread_.in_loop([&] {
      const caf::actor actor = spawn_pinned<EchoActor>(server.thread_.reactor());
      server.exports_.add(kEchoName, caf::actor_cast<caf::strong_actor_ptr>(actor));
    });
    client.connect(server.listen());
    const LoadActor::Result echo = run_load(client, options, false);
    rtt_us.insert(rtt_us.end(), echo.rtt_us.begin(), echo.rtt_us.end());
    echoes += static_cast<double>(echo.messages);
    echo_s += echo.seconds;
    const double before = process_cpu_s();
    const LoadActor::Result stream = run_load(client, options, true);
    one_way_cpu_s += process_cpu_s() - before;
    one_way += static_cast<double>(stream.messages);
    one_way_s += stream.seconds;
    client.stop();
    server.stop();
  }
  double echo_per_s() const { return echoes / echo_s; }
  double one_way_per_s() const { return one_way / one_way_s; }
};

}  // namespace

Figures measure_session(const Options& options) {
  const Floor floor = measure_floor(options);
  Side sealed, plain;
  if (options.plain) {
    // In turns, so that a machine that gets slower slows both.
    Options part = options;
    part.seconds = options.seconds / kTurns;
    for (int i = 0; i < kTurns; ++i) {
      sealed.measure(part, true);
      plain.measure(part, false);
    }
  } else {
    sealed.measure(options, true);
  }
  Side& side = options.plain ? plain : sealed;
  Figures figures;
  figures["bytes"] = options.bytes;
  figures["inflight"] = options.inflight;
  figures["sealed"] = !options.plain;
  figures["rtt_p50_us"] = quantile(side.rtt_us, 0.5);
  figures["rtt_p99_us"] = quantile(side.rtt_us, 0.99);
  figures["echo_per_s"] = side.echo_per_s();
  figures["one_way_per_s"] = side.one_way_per_s();
  figures["mb_per_s"] = side.one_way_per_s() * static_cast<double>(options.bytes) / 1e6;
  figures["cpu_us_per_message"] = side.one_way_cpu_s * 1e6 / side.one_way;
  figures["floor_rtt_p50_us"] = floor.rtt_p50_us;
  figures["floor_one_way_per_s"] = floor.one_way_per_s;
  if (options.plain) {
    figures["sealed_echo_per_s"] = sealed.echo_per_s();
    figures["sealed_to_plain_echo"] = sealed.echo_per_s() / plain.echo_per_s();
    figures["sealed_one_way_per_s"] = sealed.one_way_per_s();
    figures["sealed_to_plain_one_way"] = sealed.one_way_per_s() / plain.one_way_per_s();
  }
  return figures;
}

}  // namespace themis::bench
