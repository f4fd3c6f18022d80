#include "runtime/sim/world.hpp"

#include "runtime/sim/network.hpp"

namespace themis::sim {

World::World(uint64_t seed, Faults faults)
    : rng_(seed), faults_(faults), network_(std::make_unique<Network>(*this)) {
  trace_.mix(seed);
}
World::~World() {
  // What closures own may still hold streams of the network, so they go first.
  for (auto& host : hosts_) host->turn_ = nullptr;
  queue_.clear();
}

Host& World::add_host(const std::string& ip) {
  for (const auto& other : hosts_) THEMIS_ASSERT(other->ip() != ip, "one host an address");
  const auto index = static_cast<uint32_t>(hosts_.size());
  hosts_.push_back(std::unique_ptr<Host>(new Host(*this, index, ip)));
  return *hosts_.back();
}

void World::crash(Host& host, Crash how) {
  if (!host.alive_) return;
  trace_.mix(static_cast<uint64_t>(EventKind::fault) << 32 | host.index_);
  host.alive_ = false;
  ++host.incarnation_;
  host.turn_ = nullptr;
  host.turn_scheduled_ = false;
  host.timers_.clear();
  queue_.remove_of(host.index_);
  network_->drop_host(host, how);
}

void World::restart(Host& host) {
  if (host.alive_) return;
  host.alive_ = true;
  network_->revive_host(host);
}

void World::block(const Host& from, const Host& to) { network_->block(from.index(), to.index()); }
void World::unblock(const Host& from, const Host& to) {
  network_->unblock(from.index(), to.index());
}

void World::partition(const std::vector<const Host*>& side) {
  for (const Host* inside : side) {
    for (const auto& other : hosts_) {
      if (std::find(side.begin(), side.end(), other.get()) != side.end()) continue;
      block(*inside, *other);
      block(*other, *inside);
    }
  }
}

void World::heal() { network_->unblock_all(); }

void World::at(Duration delay, std::function<void()> action) {
  queue_.add(now_ + delay, {EventKind::fault, Event::kWorld, 0, std::move(action)});
}

Duration World::latency() {
  const auto range = static_cast<uint64_t>((faults_.latency_max - faults_.latency_min).count());
  return faults_.latency_min + Duration(static_cast<int64_t>(rng_.below(range + 1)));
}

bool World::step(TimePoint limit) {
  if (queue_.empty() || queue_.next_due() > limit) return false;
  auto [key, event] = queue_.pop();
  now_ = key.at;
  ++event_count_;
  trace_.mix(static_cast<uint64_t>(now_.time_since_epoch().count()));
  trace_.mix(static_cast<uint64_t>(event.kind) << 32 | event.owner);
  if (event.owner == Event::kWorld) {
    event.run();
  } else if (Host& owner = *hosts_[event.owner]; owner.incarnation_ == event.incarnation) {
    owner.enter(event.run);
  }
  return true;
}

void World::run_for(Duration time) {
  run_until([] { return false; }, time);
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  THEMIS_ASSERT(!running_, "the world is run from outside of its handlers");
  running_ = true;
  const TimePoint end = now_ + limit;
  bool reached = done();
  while (!reached && step(end)) reached = done();
  if (!reached) now_ = end;
  running_ = false;
  return reached;
}

TimePoint Host::now() const { return world_.now_; }
int64_t Host::wall_ms() const {
  return World::kWallStartMs + to_ms(world_.now_.time_since_epoch()) + wall_skew_ms_;
}

void Host::schedule(TimePoint at, EventKind kind, std::function<void()> run) {
  world_.queue_.add(at, {kind, index_, incarnation_, std::move(run)});
}

net::TimerId Host::after(Duration delay, std::function<void()> callback) {
  const net::TimerId id = ++last_timer_;
  if (!alive_) return id;
  const TimePoint due = world_.now_ + std::max(delay, Duration::zero());
  auto fire = [this, id, work = std::move(callback)] {
    timers_.erase(id);
    work();
  };
  timers_.emplace(
      id, world_.queue_.add(due, {EventKind::timer, index_, incarnation_, std::move(fire)}));
  return id;
}

void Host::cancel(net::TimerId id) {
  const auto found = timers_.find(id);
  if (found == timers_.end()) return;
  world_.queue_.remove(found->second);
  timers_.erase(found);
}

Result<std::unique_ptr<net::Listener>> Host::listen(const net::Address& address,
                                                    net::Acceptor& acceptor) {
  return world_.network_->listen(*this, address, acceptor);
}

Result<std::unique_ptr<net::Stream>> Host::connect(const net::Address& to,
                                                   net::StreamHandler& handler) {
  return world_.network_->connect(*this, to, handler);
}

void Host::post(std::function<void()> work) {
  if (alive_) schedule(world_.now_, EventKind::post, std::move(work));
}

void Host::wake() {
  if (!alive_ || turn_scheduled_) return;
  turn_scheduled_ = true;
  schedule(world_.now_, EventKind::turn, [this] { turn_scheduled_ = false; });
}

void Host::set_turn(std::function<bool()> turn) {
  turn_ = std::move(turn);
  if (turn_) wake();
}

void Host::enter(const std::function<void()>& handler) {
  if (!alive_) return;
  handler();
  run_turn();
}

void Host::run_turn() {
  if (!alive_ || !turn_) return;
  if (!turn_() || !alive_ || turn_scheduled_) return;
  turn_scheduled_ = true;
  schedule(world_.now_ + kTurnCost, EventKind::turn, [this] { turn_scheduled_ = false; });
}

}  // namespace themis::sim
