#include "runtime/http/server.hpp"

#include <ctime>

#include "runtime/http/connection.hpp"

namespace themis::http {
namespace {

/// Connections past the limit that may be waiting to read their 503; more are closed unanswered.
constexpr size_t kRefusedConnectionsMax = 64;

}  // namespace

Responder::Responder(Exchange& exchange) : exchange_(&exchange) { exchange.responder = this; }

Responder::Responder(Responder&& other) noexcept
    : exchange_(std::exchange(other.exchange_, nullptr)),
      on_gone_(std::move(other.on_gone_)),
      on_room_(std::move(other.on_room_)) {
  if (exchange_ != nullptr) exchange_->responder = this;
}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  Responder dropped(std::move(*this));
  exchange_ = std::exchange(other.exchange_, nullptr);
  on_gone_ = std::move(other.on_gone_);
  on_room_ = std::move(other.on_room_);
  if (exchange_ != nullptr) exchange_->responder = this;
  return *this;
}

Responder::~Responder() {
  if (exchange_ == nullptr) return;
  if (exchange_->streaming)
    abort({});
  else
    respond(problem(500, "Internal Server Error", "the request was dropped", {}));
}

void Responder::respond(Response response) {
  Exchange* exchange = std::exchange(exchange_, nullptr);
  if (exchange == nullptr) return;
  exchange->responder = nullptr;
  exchange->connection->answer(*exchange, std::move(response));
}

void Responder::begin(Response head) {
  if (exchange_ != nullptr) exchange_->connection->begin(*exchange_, std::move(head));
}

void Responder::write(std::string_view bytes) {
  if (exchange_ != nullptr) exchange_->connection->write(*exchange_, bytes);
}

bool Responder::has_room() const {
  return exchange_ != nullptr && exchange_->connection->has_room_for(*exchange_);
}

void Responder::finish() {
  Exchange* exchange = std::exchange(exchange_, nullptr);
  if (exchange == nullptr) return;
  exchange->responder = nullptr;
  exchange->connection->finish(*exchange);
}

void Responder::abort(std::string_view why) {
  Exchange* exchange = std::exchange(exchange_, nullptr);
  if (exchange == nullptr) return;
  exchange->responder = nullptr;
  exchange->connection->abort(*exchange, why);
}

bool Responder::upgrade(Response head) {
  return exchange_ != nullptr && exchange_->connection->upgrade(*exchange_, std::move(head));
}

void Responder::read(OnBody done) {
  if (exchange_ == nullptr) return done(fail(Code::unavailable, "the client left"));
  exchange_->connection->read(*exchange_, std::move(done));
}

std::function<void()> Responder::detach() {
  exchange_ = nullptr;
  return std::exchange(on_gone_, nullptr);
}

Server::Server(net::Loop& loop, Handler& handler, ServerLimits limits)
    : loop_(loop), handler_(handler), limits_(limits) {}

Server::~Server() {
  listener_.reset();
  close_all();
  retired_.clear();
  loop_.cancel(reap_timer_);
  loop_.cancel(drain_timer_);
}

Status Server::listen(const net::Address& address) {
  THEMIS_TRY(listener_, loop_.listen(address, *this));
  return {};
}

net::Address Server::address() const {
  THEMIS_ASSERT(listener_ != nullptr, "the address is known once listen() succeeded");
  return listener_->address();
}

net::StreamHandler* Server::on_accept(const net::Address& from) {
  if (draining_ || connections_.size() >= limits_.connections_max + kRefusedConnectionsMax) {
    ++counters_.refused;
    return nullptr;
  }
  const uint64_t id = next_id_++;
  auto connection = std::make_unique<Connection>(*this, id, from);
  Connection* handler = connection.get();
  connections_.emplace(id, std::move(connection));
  ++counters_.connections;
  counters_.open_connections = connections_.size();
  return handler;
}

void Server::accepted(net::StreamHandler* handler, std::unique_ptr<net::Stream> stream) {
  auto* connection = static_cast<Connection*>(handler);
  if (connections_.size() > limits_.connections_max) {
    connection->start_refused(std::move(stream));
  } else {
    connection->start(std::move(stream));
  }
}

void Server::retire(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  retired_.push_back(std::move(found->second));
  connections_.erase(found);
  counters_.open_connections = connections_.size();
  if (reap_timer_ == 0) {
    reap_timer_ = loop_.after(0s, [this] {
      reap_timer_ = 0;
      retired_.clear();
    });
  }
  if (draining_ && connections_.empty()) finish_drain();
}

void Server::close_all() {
  // Taken out first: a connection that closes looks for itself in the map.
  const auto closing = std::exchange(connections_, {});
  counters_.open_connections = 0;
}

void Server::drain(std::function<void()> done) {
  THEMIS_ASSERT(!draining_, "a server drains once");
  draining_ = true;
  drained_ = std::move(done);
  listener_.reset();
  std::vector<Connection*> open;
  open.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) open.push_back(connection.get());
  if (open.empty()) return finish_drain();
  drain_timer_ = loop_.after(limits_.drain_timeout, [this] {
    drain_timer_ = 0;
    close_all();
    finish_drain();
  });
  for (Connection* connection : open) connection->drain();
}

void Server::finish_drain() {
  if (!drained_) return;
  loop_.cancel(drain_timer_);
  drain_timer_ = loop_.after(0s, std::exchange(drained_, nullptr));
}

const std::string& Server::date() {
  const int64_t second = loop_.wall_ms() / 1000;
  if (second == date_second_) return date_;
  date_second_ = second;
  const auto time = static_cast<std::time_t>(second);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  date_.assign(text, size);
  return date_;
}

}  // namespace themis::http
