#pragma once
// The streams between simulated hosts: reliable, ordered, delayed, fragmented at random, with
// bounded send buffers.

#include <deque>
#include <map>
#include <set>

#include "runtime/sim/world.hpp"

namespace themis::sim {

/// Modelled on TCP as a net::Loop shows it. What the model keeps: bytes in order, none lost while
/// both ends live; short writes; a close after the data; a reset that overtakes it;
/// acknowledgements that need the way back to be open. What it leaves out: bandwidth,
/// retransmission timeouts (a blocked stream stalls for ever, as the sessions above have their own
/// keep-alive).
class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  Result<std::unique_ptr<net::Listener>> listen(Host& host, net::Address address,
                                                net::Acceptor& acceptor);
  Result<std::unique_ptr<net::Stream>> connect(Host& host, const net::Address& to,
                                               net::StreamHandler& handler);
  void drop_host(const Host& host, Crash how);
  void revive_host(const Host& host);
  void block(uint32_t from, uint32_t to) { blocked_.emplace(from, to); }
  void unblock(uint32_t from, uint32_t to);
  void unblock_all();

 private:
  friend class SimStream;
  friend class SimListener;

  enum class Phase : uint8_t { syn, accepted, open };
  enum class End : uint8_t { none, close, reset };
  struct Arrival {
    TimePoint at;
    size_t bytes = 0;
  };
  /// One direction: what side s wrote and the other side has not read yet.
  struct Pipe {
    Bytes data;
    size_t head = 0;  ///< Bytes of `data` that are delivered already.
    std::deque<Arrival> arrivals;
    TimePoint last_arrival{};
    size_t unacknowledged = 0;
    End end = End::none;
    bool scheduled = false;
    bool want_writable = false;
    bool acknowledging = false;
  };
  struct Side {
    uint32_t host = 0;
    net::Address address;
    net::StreamHandler* handler = nullptr;
    bool open = false;  ///< Its Stream exists on a living host.
    bool crashed = false;
    bool over = false;  ///< on_closed was called.
    bool reading = true;
  };
  /// Side 0 connected, side 1 accepted; pipes[s] carries what side s writes.
  struct Connection {
    Phase phase = Phase::syn;
    Side sides[2];
    Pipe pipes[2];
  };
  struct Listening {
    uint64_t id = 0;
    uint32_t host = 0;
    net::Acceptor* acceptor = nullptr;
  };

  Connection* find(uint64_t id);
  bool is_blocked(const Connection& c, int from) const;
  void later(TimePoint at, EventKind kind, std::function<void()> run);
  void enter(const Side& side, const std::function<void()>& call);

  void send_syn(uint64_t id);
  void arrive_syn(uint64_t id);
  void accept(uint64_t id, net::Acceptor& acceptor);
  void send_accepted(uint64_t id);
  void arrive_accepted(uint64_t id);
  void refuse(uint64_t id);

  size_t write(uint64_t id, int side, ByteView data);
  void set_reading(uint64_t id, int side, bool reading);
  void close(uint64_t id, int side);
  void pump(uint64_t id, int from);
  void deliver(uint64_t id, int from);
  void deliver_data(uint64_t id, int from);
  void acknowledge(uint64_t id, int writer);
  void arrive_acknowledgement(uint64_t id, int writer);
  void finish(uint64_t id, int side, Error why);
  void reset(uint64_t id);
  void forget_if_dead(uint64_t id);
  void kick();

  World& world_;
  uint64_t last_id_ = 0;
  uint16_t next_port_ = 32'768;
  std::map<uint64_t, Connection> connections_;
  std::map<net::Address, Listening> listeners_;
  std::set<std::pair<uint32_t, uint32_t>> blocked_;
  std::map<uint32_t, Crash> down_;
};

}  // namespace themis::sim
