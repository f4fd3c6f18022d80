#pragma once
// Sessions between simulated hosts: real sessions and real sockets' habits (fragments, short
// writes, stalls) on virtual time.

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/default_attachable.hpp>
#include <map>

#include "actors/peer/session_actor.hpp"
#include "actors/system/system.hpp"
#include "rpc.capnp.h"
#include "runtime/sim/world.hpp"

namespace themis {

using EchoMsg = wire::Msg<schema::Echo>;

inline wire::FramePtr echo_frame(uint64_t sequence, size_t bytes = 8,
                                 TimePoint deadline = TimePoint::max(),
                                 const wire::IdempotencyKey& key = {}) {
  wire::Builder<schema::Echo> echo(bytes / 8 + 8);
  echo->setSequence(sequence);
  std::memset(echo->initPayload(static_cast<unsigned>(bytes)).begin(),
              static_cast<int>(sequence & 0xff), bytes);
  return echo.finish(deadline, key).frame();
}
inline uint64_t sequence_of(const wire::FramePtr& frame) {
  return EchoMsg(frame).view()->getSequence();
}

/// Asks, watches, and keeps what it is told.
class Probe final : public HostedActor {
 public:
  /// Not the frame itself: held frames keep their sender from getting new credit.
  struct Answer {
    uint64_t sequence = 0;
    size_t bytes = 0;
    std::optional<Error> error;
    TimePoint at;
  };
  Probe(caf::actor_config& config, Reactor& reactor, const MessageTypes& types)
      : HostedActor(config, reactor), types_(types) {}

  void ask(const caf::actor& to, uint64_t number, const wire::FramePtr& frame) {
    caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(caf::strong_actor_ptr{ctrl()},
                                                        caf::make_message_id(number),
                                                        types_.message_of(frame), &reactor_);
  }
  void tell(const caf::actor& to, const wire::FramePtr& frame) {
    caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(nullptr, caf::make_message_id(),
                                                        types_.message_of(frame), &reactor_);
  }
  void cancel(const caf::actor& to, const wire::FramePtr& frame) {
    caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(
        nullptr, caf::make_message_id(), caf::make_message(CancelRequest{frame}), &reactor_);
  }
  void watch(const caf::actor& actor) {
    caf::abstract_actor* watched = caf::actor_cast<caf::abstract_actor*>(actor);
    watched->attach(caf::default_attachable::make_monitor(watched->address(), address()));
  }
  bool failed_with(uint64_t number, Code code) const {
    const auto found = answers.find(number);
    return found != answers.end() && found->second.error && found->second.error->code == code;
  }

  std::map<uint64_t, Answer> answers;
  std::map<uint64_t, NodeId> answered_by;
  std::vector<uint64_t> order;
  std::vector<caf::error> downs;

 private:
  void on_message(caf::mailbox_element& element) override {
    const auto& content = element.content();
    if (content.match_elements<caf::down_msg>())
      return downs.push_back(content.get_as<caf::down_msg>(0).reason);
    const uint64_t number = element.mid.request_id().integer_value();
    ASSERT_TRUE(element.mid.is_response());
    ASSERT_FALSE(answers.contains(number)) << "answered twice";
    order.push_back(number);
    Answer& answer = answers[number];
    answer.at = reactor_.loop().now();
    if (const wire::FramePtr* frame = types_.frame_of(content)) {
      answer.sequence = sequence_of(*frame);
      answer.bytes = (*frame)->size();
      if ((*frame)->peer() != nullptr) answered_by[number] = *(*frame)->peer();
    } else {
      answer.error = from_caf(content.get_as<caf::error>(0));
    }
  }
  const MessageTypes& types_;
};

/// Answers with what it got, or does what it is told to do.
class Server final : public HostedActor {
 public:
  enum class Does { answer, fail, hold, answer_huge, quit_normally };
  struct Held {
    caf::strong_actor_ptr sender;
    caf::message_id id;
    wire::FramePtr frame;
  };
  Server(caf::actor_config& config, Reactor& reactor, const MessageTypes& types)
      : HostedActor(config, reactor), types_(types) {}

  void end(const caf::error& reason) { quit(reason); }
  void answer_held(size_t count) {
    for (; count > 0 && !held.empty(); --count) {
      const Held next = std::move(held.front());
      held.pop_front();
      if (next.sender != nullptr && next.id.is_request())
        next.sender->enqueue(ctrl(), next.id.response_id(), types_.message_of(next.frame),
                             &reactor_);
    }
  }

  Does does = Does::answer;
  std::deque<Held> held;
  std::vector<uint64_t> order;
  std::vector<TimePoint> deadlines;
  std::vector<uint64_t> cancelled;  ///< Requests that nobody waits for any more.
  std::optional<NodeId> asked_by;

 private:
  void on_message(caf::mailbox_element& element) override {
    if (element.content().match_elements<CancelRequest>()) {
      cancelled.push_back(sequence_of(element.content().get_as<CancelRequest>(0).frame));
      return;
    }
    const wire::FramePtr frame = *types_.frame_of(element.content());
    order.push_back(sequence_of(frame));
    deadlines.push_back(frame->deadline());
    if (frame->peer() != nullptr) asked_by = *frame->peer();
    switch (does) {
      case Does::answer:
        return reply(element, types_.message_of(frame));
      case Does::fail:
        return reply(element, caf::make_message(to_caf({Code::denied, "not you"})));
      case Does::hold:
        held.push_back({element.sender, element.mid, frame});
        return;
      case Does::answer_huge:
        return reply(element, types_.message_of(echo_frame(1, wire::kMessageBytesMax)));
      case Does::quit_normally:
        return quit({});
    }
  }
  const MessageTypes& types_;
};

/// One process: identity, reactor and what it exports, on a simulated host.
struct Process {
  Process(System& with, sim::Host& on, std::string_view network, uint64_t seed)
      : system(with),
        host(on),
        rng(seed),
        identity(wire::Identity::generate(network, rng)),
        reactor(system.caf(), host) {
    reactor.bind_to_this_thread();
    probe = spawn_hosted<Probe>(reactor, system.types());
    server = spawn_hosted<Server>(reactor, system.types());
    exports.add("server", server.strong());
  }
  net::Address address() const { return {host.ip(), 7001}; }
  static wire::Target target() { return Exports::target_of("server"); }

  System& system;
  sim::Host& host;
  SeededRng rng;
  wire::Identity identity;
  Reactor reactor;
  Exports exports;
  HostedPtr<Probe> probe;
  HostedPtr<Server> server;
};

/// A process with one session.
struct End final : Process, SessionOwner, net::Acceptor {
  End(System& with, sim::Host& on, uint64_t seed) : Process(with, on, "sessions", seed) {
    handshake.self = &identity;
    context = {&handshake, &rng, &system.types(), &exports, this};
  }
  ~End() override {
    if (session) session->close({Code::cancelled, "the test is over"});
  }
  void listen() { listener = host.listen(address(), *this).value(); }
  void connect(const net::Address& to, std::optional<NodeId> expected = std::nullopt) {
    session = spawn_hosted<SessionActor>(reactor, context, times, true, expected);
    EXPECT_TRUE(session->connect(to));
  }
  net::StreamHandler* on_accept(const net::Address&) override {
    session = spawn_hosted<SessionActor>(reactor, context, times, false, std::nullopt);
    return &session->stream_handler();
  }
  void accepted(net::StreamHandler*, std::unique_ptr<net::Stream> stream) override {
    session->attach(std::move(stream));
  }
  Status on_session_open(SessionActor&) override {
    ++opened;
    return {};
  }
  void on_session_closed(SessionActor&, const Error& why) override { closed.push_back(why); }
  caf::actor proxy() { return session->proxy(target()); }

  SessionTimes times;
  wire::HandshakeConfig handshake;
  SessionContext context;
  std::unique_ptr<net::Listener> listener;
  HostedPtr<SessionActor> session;
  int opened = 0;
  std::vector<Error> closed;
};

/// Two ends and a session between them. The trace of a failure is its seed.
/// Runs `work` as a handler of `process`.
inline void run_in(sim::World& world, Process& process, const std::function<void()>& work) {
  bool ran = false;
  process.host.post([&] {
    work();
    ran = true;
  });
  ASSERT_TRUE(world.run_until([&] { return ran; }, 1h));
}

struct TwoEnds {
  explicit TwoEnds(uint64_t seed = 1, const SessionTimes& times = {}, sim::Faults faults = {})
      : world(seed, faults),
        a(system, world.add_host("10.0.0.1"), seed + 1),
        b(system, world.add_host("10.0.0.2"), seed + 2) {
    a.times = b.times = times;
  }
  void open() {
    b.listen();
    in(a, [this] { a.connect(b.address(), b.identity.id()); });
    ASSERT_TRUE(until([this] { return a.opened == 1 && b.opened == 1; }));
  }
  void in(Process& process, const std::function<void()>& work) { run_in(world, process, work); }
  bool until(const std::function<bool()>& done, Duration limit = 10min) {
    return world.run_until(done, limit);
  }

  System system{System::Scheduling::virtual_time};
  sim::World world;
  End a, b;
};

}  // namespace themis
