#pragma once
// A seeded world: hosts on virtual time, a network with faults between them. Same seed and same
// calls: same run.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/rng.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/sim/event_queue.hpp"

namespace themis::sim {

class Network;
class World;

/// What the network does to streams. May be changed at any time between events.
struct Faults {
  Duration latency_min = 100us;  ///< One way, drawn uniformly for each write.
  Duration latency_max = 2ms;
  Duration connect_timeout = 10s;  ///< A connect that nobody answers fails after this.
  double reset_probability = 0;    ///< That a delivered chunk resets its connection instead.
  double refuse_probability = 0;   ///< That a connect is refused though somebody listens.
  /// Written and not yet acknowledged; past it writes are short.
  size_t send_buffer_bytes = 64 * 1024;
};

/// How a crashed host looks to its peers.
enum class Crash {
  reset,   ///< The process died: its connections are reset, connects are refused.
  vanish,  ///< The machine is gone: silence until it restarts, connects time out.
};

/// One simulated machine: a net::Loop on the world's clock. Made by World::add_host, lives as long
/// as the world. Streams and listeners that it gave out must be destroyed before the world; after a
/// crash they do nothing. One thread for the whole world, post() and wake() included.
class Host final : public net::Loop {
 public:
  /// The virtual time one more turn takes when the turn hook asks for it: a busy loop cannot stop
  /// the clock.
  static constexpr Duration kTurnCost = 1us;

  const std::string& ip() const { return ip_; }
  uint32_t index() const { return index_; }
  bool alive() const { return alive_; }
  /// Added to the wall clock; monotonic time is the world's.
  void set_wall_skew_ms(int64_t skew) { wall_skew_ms_ = skew; }

  TimePoint now() const override;
  int64_t wall_ms() const override;
  net::TimerId after(Duration delay, std::function<void()> callback) override;
  void cancel(net::TimerId id) override;
  Result<std::unique_ptr<net::Listener>> listen(const net::Address& address,
                                                net::Acceptor& acceptor) override;
  Result<std::unique_ptr<net::Stream>> connect(const net::Address& to,
                                               net::StreamHandler& handler) override;
  void post(std::function<void()> work) override;
  void wake() override;
  void set_turn(std::function<bool()> turn) override;
  void set_stopwatch(net::Stopwatch*) override {}

 private:
  friend class World;
  friend class Network;
  Host(World& world, uint32_t index, std::string ip)
      : world_(world), index_(index), ip_(std::move(ip)) {}
  /// Runs one handler of this host and its turn; nothing when the host is down.
  void enter(const std::function<void()>& handler);
  void schedule(TimePoint at, EventKind kind, std::function<void()> run);
  void run_turn();

  World& world_;
  uint32_t index_;
  std::string ip_;
  bool alive_ = true;
  uint64_t incarnation_ = 1;
  int64_t wall_skew_ms_ = 0;
  std::function<bool()> turn_;
  bool turn_scheduled_ = false;
  net::TimerId last_timer_ = 0;
  std::map<net::TimerId, EventQueue::Key> timers_;
};

class World {
 public:
  /// Virtual wall clocks start here: 2025-01-01 00:00 UTC.
  static constexpr int64_t kWallStartMs = 1'735'689'600'000;

  explicit World(uint64_t seed, Faults faults = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// `ip`: numeric, not yet taken. The reference is good for the world's life.
  Host& add_host(const std::string& ip);
  Host& host(size_t index) { return *hosts_[index]; }
  size_t host_count() const { return hosts_.size(); }

  /// Ends what `host` runs: timers, posted work, turn hook, listeners and streams. Its objects may
  /// be destroyed after this call, not from inside one of their own handlers.
  void crash(Host& host, Crash how);
  /// Brings a crashed host back, empty. Peers that a vanished host left waiting see their
  /// connections reset.
  void restart(Host& host);

  /// Bytes, connects and closes from one host to another stall until unblocked; nothing is lost.
  void block(const Host& from, const Host& to);
  void unblock(const Host& from, const Host& to);
  /// Blocks both ways between every member of `side` and every other host.
  void partition(const std::vector<const Host*>& side);
  void heal();

  /// Runs `action` after `delay`, whatever crashes meanwhile: for fault schedules.
  void at(Duration delay, std::function<void()> action);

  void run_for(Duration time);
  /// Runs until `done` holds after an event; false when `limit` of virtual time passed or nothing
  /// is left to happen.
  bool run_until(const std::function<bool()>& done, Duration limit);

  TimePoint now() const { return now_; }
  Rng& rng() { return rng_; }
  Faults& faults() { return faults_; }
  uint64_t trace_hash() const { return trace_.value(); }
  uint64_t event_count() const { return event_count_; }

 private:
  friend class Host;
  friend class Network;
  bool step(TimePoint limit);
  Duration latency();

  SeededRng rng_;
  Faults faults_;
  TimePoint now_{};
  EventQueue queue_;
  Trace trace_;
  uint64_t event_count_ = 0;
  bool running_ = false;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::unique_ptr<Network> network_;
};

}  // namespace themis::sim
