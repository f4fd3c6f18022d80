#include "runtime/sim/network.hpp"

namespace themis::sim {
namespace {

/// The longest chunk one on_data call carries, as EpollLoop's read buffer.
constexpr size_t kChunkBytesMax = 64 * 1024;
/// Fragments of one write follow each other within this.
constexpr uint64_t kFragmentGapNs = 50'000;

Error reset_error() { return {Code::unavailable, "connection reset by peer"}; }

}  // namespace

class SimStream final : public net::Stream {
 public:
  SimStream(Network& network, uint64_t id, int side, net::Address peer)
      : network_(network), id_(id), side_(side), peer_(std::move(peer)) {}
  ~SimStream() override { network_.close(id_, side_); }
  size_t write(ByteView data) override { return network_.write(id_, side_, data); }
  void set_reading(bool reading) override { network_.set_reading(id_, side_, reading); }
  net::Address peer() const override { return peer_; }

 private:
  Network& network_;
  uint64_t id_;
  int side_;
  net::Address peer_;
};

class SimListener final : public net::Listener {
 public:
  SimListener(Network& network, net::Address address, uint64_t id)
      : network_(network), address_(std::move(address)), id_(id) {}
  ~SimListener() override {
    const auto found = network_.listeners_.find(address_);
    if (found != network_.listeners_.end() && found->second.id == id_)
      network_.listeners_.erase(found);
  }
  net::Address address() const override { return address_; }

 private:
  Network& network_;
  net::Address address_;
  uint64_t id_;
};

Network::Connection* Network::find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

bool Network::is_blocked(const Connection& c, int from) const {
  return blocked_.contains({c.sides[from].host, c.sides[1 - from].host});
}

void Network::later(TimePoint at, EventKind kind, std::function<void()> run) {
  world_.queue_.add(at, {kind, Event::kWorld, 0, std::move(run)});
}

void Network::enter(const Side& side, const std::function<void()>& call) {
  world_.trace_.mix(side.host);
  world_.host(side.host).enter(call);
}

Result<std::unique_ptr<net::Listener>> Network::listen(Host& host, net::Address address,
                                                       net::Acceptor& acceptor) {
  if (!host.alive()) return fail(Code::io, address.text() + ": the host is down");
  if (address.host == "0.0.0.0") address.host = host.ip();
  if (address.host != host.ip())
    return fail(Code::io, address.text() + ": cannot assign requested address");
  if (address.port == 0) address.port = next_port_++;
  const uint64_t id = ++last_id_;
  if (!listeners_.try_emplace(address, Listening{id, host.index(), &acceptor}).second)
    return fail(Code::io, address.text() + ": address already in use");
  return std::make_unique<SimListener>(*this, address, id);
}

Result<std::unique_ptr<net::Stream>> Network::connect(Host& host, const net::Address& to,
                                                      net::StreamHandler& handler) {
  if (!host.alive()) return fail(Code::io, to.text() + ": the host is down");
  uint32_t target = Event::kWorld;
  for (const auto& other : world_.hosts_)
    if (other->ip() == to.host) target = other->index();
  if (target == Event::kWorld) return fail(Code::io, to.text() + ": network is unreachable");
  const uint64_t id = ++last_id_;
  Connection& c = connections_[id];
  c.sides[0] = {host.index(), {host.ip(), next_port_++}, &handler, true, false, false, true};
  c.sides[1] = {target, to, nullptr, false, false, false, true};
  if (next_port_ == 0) next_port_ = 32'768;
  later(world_.now_ + world_.faults_.connect_timeout, EventKind::connect, [this, id] {
    const Connection* pending = find(id);
    if (pending != nullptr && pending->phase != Phase::open)
      finish(id, 0, {Code::unavailable, "connection timed out"});
  });
  send_syn(id);
  return std::make_unique<SimStream>(*this, id, 0, to);
}

void Network::send_syn(uint64_t id) {
  later(world_.now_ + world_.latency(), EventKind::connect, [this, id] { arrive_syn(id); });
}

void Network::arrive_syn(uint64_t id) {
  Connection* c = find(id);
  if (c == nullptr || c->phase != Phase::syn || c->sides[0].over || is_blocked(*c, 0)) return;
  const auto down = down_.find(c->sides[1].host);
  if (down != down_.end() && down->second == Crash::vanish) return;
  const auto found = listeners_.find(c->sides[1].address);
  if (found == listeners_.end() || world_.rng_.unit() < world_.faults_.refuse_probability)
    return refuse(id);
  accept(id, *found->second.acceptor);
}

void Network::refuse(uint64_t id) {
  later(world_.now_ + world_.latency(), EventKind::connect, [this, id] {
    const Connection* c = find(id);
    if (c != nullptr && !is_blocked(*c, 1))
      finish(id, 0, {Code::unavailable, "connection refused"});
  });
}

void Network::accept(uint64_t id, net::Acceptor& acceptor) {
  Connection& c = connections_.at(id);
  c.phase = Phase::accepted;
  enter(c.sides[1], [&] {
    net::StreamHandler* handler = acceptor.on_accept(c.sides[0].address);
    if (handler == nullptr) {
      c.pipes[1].end = End::close;
      return;
    }
    c.sides[1].handler = handler;
    c.sides[1].open = true;
    acceptor.accepted(handler, std::make_unique<SimStream>(*this, id, 1, c.sides[0].address));
  });
  send_accepted(id);
}

void Network::send_accepted(uint64_t id) {
  later(world_.now_ + world_.latency(), EventKind::connect, [this, id] { arrive_accepted(id); });
}

void Network::arrive_accepted(uint64_t id) {
  Connection* c = find(id);
  if (c == nullptr || c->phase != Phase::accepted || is_blocked(*c, 1)) return;
  c->phase = Phase::open;
  if (c->sides[0].open && !c->sides[0].over && c->pipes[1].end != End::reset)
    enter(c->sides[0], [&] { c->sides[0].handler->on_connected(); });
  c = find(id);
  if (c == nullptr) return;
  if (c->pipes[0].want_writable) acknowledge(id, 0);
  pump(id, 0);
  pump(id, 1);
}

size_t Network::write(uint64_t id, int side, ByteView data) {
  Connection* c = find(id);
  if (c == nullptr || !c->sides[side].open || c->sides[side].over) return data.size();
  Pipe& pipe = c->pipes[side];
  size_t room = 0;
  if (side == 1 || c->phase == Phase::open)
    room = world_.faults_.send_buffer_bytes -
           std::min(world_.faults_.send_buffer_bytes, pipe.unacknowledged);
  const size_t taken = std::min(room, data.size());
  if (taken < data.size()) pipe.want_writable = true;
  if (taken == 0) return 0;
  append(pipe.data, data.first(taken));
  pipe.last_arrival = std::max(pipe.last_arrival, world_.now_ + world_.latency());
  pipe.arrivals.push_back({pipe.last_arrival, taken});
  pipe.unacknowledged += taken;
  pump(id, side);
  return taken;
}

void Network::set_reading(uint64_t id, int side, bool reading) {
  Connection* c = find(id);
  if (c == nullptr) return;
  c->sides[side].reading = reading;
  if (reading) pump(id, 1 - side);
}

void Network::close(uint64_t id, int side) {
  Connection* c = find(id);
  if (c == nullptr || c->sides[side].crashed) return;
  c->sides[side].open = false;
  c->sides[side].handler = nullptr;
  // Bytes that nobody will read make a real kernel answer with a reset instead of an orderly close.
  const bool unread = c->pipes[1 - side].head < c->pipes[1 - side].data.size();
  if (c->pipes[side].end == End::none)
    c->pipes[side].end = unread && c->phase == Phase::open ? End::reset : End::close;
  pump(id, side);
  forget_if_dead(id);
}

void Network::pump(uint64_t id, int from) {
  Connection* c = find(id);
  if (c == nullptr || c->phase != Phase::open || is_blocked(*c, from)) return;
  Pipe& pipe = c->pipes[from];
  const Side& reader = c->sides[1 - from];
  if (pipe.scheduled || !reader.open || reader.over) return;
  const bool has_data = pipe.head < pipe.data.size();
  if (pipe.end != End::reset && (has_data ? !reader.reading : pipe.end == End::none)) return;
  TimePoint at = has_data && pipe.end != End::reset ? pipe.arrivals.front().at
                                                    : world_.now_ + world_.latency();
  pipe.scheduled = true;
  later(std::max(at, world_.now_), has_data ? EventKind::data : EventKind::close,
        [this, id, from] { deliver(id, from); });
}

void Network::deliver(uint64_t id, int from) {
  Connection* c = find(id);
  if (c == nullptr) return;
  Pipe& pipe = c->pipes[from];
  pipe.scheduled = false;
  const Side& reader = c->sides[1 - from];
  if (is_blocked(*c, from) || !reader.open || reader.over) return;
  if (pipe.end == End::reset) return finish(id, 1 - from, reset_error());
  if (pipe.head < pipe.data.size()) {
    if (reader.reading && pipe.arrivals.front().at <= world_.now_) return deliver_data(id, from);
    return pump(id, from);
  }
  if (pipe.end == End::close) finish(id, 1 - from, {Code::unavailable, "closed by the peer"});
}

void Network::deliver_data(uint64_t id, int from) {
  Connection* c = find(id);
  Pipe& pipe = c->pipes[from];
  if (world_.faults_.reset_probability > 0 && world_.rng_.unit() < world_.faults_.reset_probability)
    return reset(id);
  size_t ready = 0;
  for (const Arrival& arrival : pipe.arrivals) {
    if (arrival.at > world_.now_) break;
    ready += arrival.bytes;
  }
  // Half of the time all that is there, as one read would return; else a fragment of any length.
  size_t count = world_.rng_.below(2) == 0 ? ready : 1 + world_.rng_.below(ready);
  count = std::min(count, kChunkBytesMax);
  const auto begin = pipe.data.begin() + static_cast<std::ptrdiff_t>(pipe.head);
  Bytes chunk(begin, begin + static_cast<std::ptrdiff_t>(count));
  pipe.head += count;
  if (pipe.head == pipe.data.size() || pipe.head >= kChunkBytesMax) {
    pipe.data.erase(pipe.data.begin(), pipe.data.begin() + static_cast<std::ptrdiff_t>(pipe.head));
    pipe.head = 0;
  }
  for (size_t left = count; left > 0;) {
    const size_t part = std::min(left, pipe.arrivals.front().bytes);
    pipe.arrivals.front().bytes -= part;
    left -= part;
    if (pipe.arrivals.front().bytes == 0) pipe.arrivals.pop_front();
  }
  if (!pipe.arrivals.empty()) {
    const auto gap = Duration(static_cast<int64_t>(world_.rng_.below(kFragmentGapNs)));
    pipe.arrivals.front().at = std::max(pipe.arrivals.front().at, world_.now_ + gap);
  }
  acknowledge(id, from);
  world_.trace_.mix(chunk);
  enter(c->sides[1 - from], [&] { c->sides[1 - from].handler->on_data(chunk); });
  pump(id, from);
}

void Network::acknowledge(uint64_t id, int writer) {
  Connection& c = connections_.at(id);
  Pipe& pipe = c.pipes[writer];
  if (!pipe.want_writable && !is_blocked(c, 1 - writer)) {
    pipe.unacknowledged = pipe.data.size() - pipe.head;
    return;
  }
  if (pipe.acknowledging) return;
  pipe.acknowledging = true;
  later(world_.now_ + world_.latency(), EventKind::acknowledge,
        [this, id, writer] { arrive_acknowledgement(id, writer); });
}

void Network::arrive_acknowledgement(uint64_t id, int writer) {
  Connection* c = find(id);
  if (c == nullptr) return;
  Pipe& pipe = c->pipes[writer];
  pipe.acknowledging = false;
  if (is_blocked(*c, 1 - writer) || (writer == 0 && c->phase != Phase::open)) return;
  pipe.unacknowledged = pipe.data.size() - pipe.head;
  const Side& side = c->sides[writer];
  const bool room = pipe.unacknowledged < world_.faults_.send_buffer_bytes;
  if (!pipe.want_writable || !room || !side.open || side.over) return;
  pipe.want_writable = false;
  enter(side, [&] { side.handler->on_writable(); });
}

void Network::finish(uint64_t id, int side, Error why) {
  Connection* c = find(id);
  if (c == nullptr) return;
  Side& s = c->sides[side];
  if (!s.open || s.over) return;
  s.over = true;
  enter(s, [&] { s.handler->on_closed(why); });
  forget_if_dead(id);
}

void Network::reset(uint64_t id) {
  for (const int side : {0, 1})
    if (Connection* c = find(id); c != nullptr && c->sides[side].open)
      later(world_.now_, EventKind::close, [this, id, side] { finish(id, side, reset_error()); });
}

void Network::forget_if_dead(uint64_t id) {
  const Connection* c = find(id);
  if (c == nullptr || c->sides[0].open || c->sides[1].open) return;
  connections_.erase(id);
}

void Network::drop_host(const Host& host, Crash how) {
  down_[host.index()] = how;
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second.host == host.index(); });
  std::vector<uint64_t> affected;
  for (auto& [id, c] : connections_) {
    for (const int side : {0, 1}) {
      // An attempt that no one has accepted yet ends by its own timeout or by a refusal.
      if (c.sides[side].host != host.index() || (side == 1 && c.phase == Phase::syn)) continue;
      c.sides[side].open = false;
      c.sides[side].handler = nullptr;
      c.sides[side].crashed = true;
      Pipe& out = c.pipes[side];
      out.data.clear();
      out.head = 0;
      out.arrivals.clear();
      out.end = how == Crash::reset ? End::reset : End::none;
      affected.push_back(id);
    }
  }
  for (const uint64_t id : affected) {
    pump(id, 0);
    pump(id, 1);
    forget_if_dead(id);
  }
}

void Network::revive_host(const Host& host) {
  down_.erase(host.index());
  for (auto& [id, c] : connections_)
    for (const int side : {0, 1})
      if (c.sides[side].crashed && c.sides[side].host == host.index())
        c.pipes[side].end = End::reset;
  kick();
}

void Network::unblock(uint32_t from, uint32_t to) {
  blocked_.erase({from, to});
  kick();
}

void Network::unblock_all() {
  blocked_.clear();
  kick();
}

/// Whatever stood still moves on: retransmissions get through.
void Network::kick() {
  std::vector<uint64_t> ids;
  for (const auto& [id, c] : connections_) ids.push_back(id);
  for (const uint64_t id : ids) {
    Connection* c = find(id);
    if (c == nullptr) continue;
    if (c->phase == Phase::syn) send_syn(id);
    if (c->phase == Phase::accepted) send_accepted(id);
    for (const int side : {0, 1}) {
      pump(id, side);
      if (find(id) != nullptr) acknowledge(id, side);
    }
  }
}

}  // namespace themis::sim
