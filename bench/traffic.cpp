#include "bench/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bench/gateway_load.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis::bench {
namespace {

struct Phase {
  size_t before;  ///< The first id after it.
  unsigned interval_ms;
};
constexpr Phase kPhases[] = {{11, 800}, {26, 700}, {56, 400}, {81, 200}, {101, 500}};
constexpr unsigned kLastIntervalMs = 900;

class Generator;

/// A kept connection with at most one request on it.
class Connection final : public net::StreamHandler {
 public:
  explicit Connection(Generator& owner)
      : owner_(owner), parser_(http::Parser::Role::response, {}) {}

  Status start(net::EpollLoop& loop, const net::Address& gateway) {
    THEMIS_TRY(stream_, loop.connect(gateway, *this));
    return {};
  }
  void ask(size_t index);
  bool is_gone() const { return is_gone_; }

  void on_connected() override;
  void on_writable() override { write_rest(); }
  void on_data(std::span<std::byte> data) override;
  void on_closed(const Error& why) override;

 private:
  void send();
  void write_rest() { unsent_.remove_prefix(stream_->write(as_bytes(unsent_))); }

  Generator& owner_;
  http::Parser parser_;
  std::unique_ptr<net::Stream> stream_;
  std::string_view unsent_;
  std::optional<size_t> index_;  // of the exchange that is open here
  bool is_connected_ = false;
  bool is_gone_ = false;
};

class Generator {
 public:
  explicit Generator(const Traffic& traffic)
      : traffic_(traffic), text_(serialize(traffic.request, traffic.gateway)) {}

  Result<std::vector<Exchange>> run() {
    next_due_ = loop_.now();
    loop_.after(Duration{0}, [this] { begin(); });
    if (traffic_.requests > 0) loop_.run();
    if (!error_.detail.empty()) return fail(error_);
    return std::move(exchanges_);
  }

  Duration now() const { return loop_.now() - traffic_.origin; }
  std::string_view text() const { return text_; }
  Exchange& at(size_t index) { return exchanges_[index]; }

  void answered(Connection& connection) {
    idle_.push_back(&connection);
    if (++answered_ == traffic_.requests) return loop_.stop();
    if (traffic_.inflight > 0 && exchanges_.size() < traffic_.requests) issue();
  }
  void give_up(Error why) {
    if (error_.detail.empty()) error_ = std::move(why);
    loop_.stop();
  }

 private:
  void begin() {
    if (traffic_.inflight == 0) return issue_when_due();
    for (size_t i = 0; i < std::min(traffic_.inflight, traffic_.requests); ++i) issue();
  }
  /// Moments follow from the first one: what is late once does not move those after it.
  void issue_when_due() {
    issue();
    if (exchanges_.size() == traffic_.requests) return;
    next_due_ += std::chrono::milliseconds(exchanges_.back().interval_ms);
    loop_.after(std::max(Duration{0}, next_due_ - loop_.now()), [this] { issue_when_due(); });
  }
  void issue() {
    const size_t id = traffic_.first + exchanges_.size();
    exchanges_.push_back({.id = id, .issued = now(), .bytes = text_.size()});
    if (traffic_.inflight == 0)
      exchanges_.back().interval_ms = phase_interval_ms(id) / traffic_.speed;
    while (!idle_.empty() && idle_.back()->is_gone()) idle_.pop_back();
    if (!idle_.empty()) {
      Connection& kept = *idle_.back();
      idle_.pop_back();
      return kept.ask(exchanges_.size() - 1);
    }
    if (exchanges_.size() - answered_ > kRequestsOpenMax)
      return give_up({Code::overloaded, fmt::format("more than {} requests wait for their answers",
                                                    kRequestsOpenMax)});
    auto connection = std::make_unique<Connection>(*this);
    if (const Status started = connection->start(loop_, traffic_.gateway); !started)
      return give_up(started.error());
    connection->ask(exchanges_.size() - 1);
    connections_.push_back(std::move(connection));
  }

  const Traffic& traffic_;
  const std::string text_;
  net::EpollLoop loop_;
  std::vector<Exchange> exchanges_;
  size_t answered_ = 0;
  TimePoint next_due_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  Error error_;
};

void Connection::ask(size_t index) {
  index_ = index;
  if (is_connected_) send();
}

void Connection::on_connected() {
  is_connected_ = true;
  if (index_) send();
}

void Connection::send() {
  owner_.at(*index_).sent = owner_.now();
  unsent_ = owner_.text();
  write_rest();
}

void Connection::on_data(std::span<std::byte> data) {
  std::string_view input = as_text(data);
  while (!input.empty()) {
    const auto used = parser_.feed(input);
    if (!used) return owner_.give_up({Code::malformed, used.error().detail});
    input.remove_prefix(*used);
    if (!parser_.complete()) continue;
    if (!index_) return owner_.give_up({Code::malformed, "an answer that nobody asked for"});
    Exchange& exchange = owner_.at(*index_);
    exchange.answered = owner_.now();
    const http::Response response = parser_.take_response();
    exchange.status = response.status;
    if (const std::string* by = response.headers.find("x-themis-node")) exchange.server = *by;
    index_.reset();
    owner_.answered(*this);
  }
}

void Connection::on_closed(const Error& why) {
  is_gone_ = true;
  if (index_) owner_.give_up(why);
}

}  // namespace

unsigned phase_interval_ms(size_t id) {
  for (const Phase& phase : kPhases)
    if (id < phase.before) return phase.interval_ms;
  return kLastIntervalMs;
}

Result<std::vector<Exchange>> run_traffic(const Traffic& traffic) {
  return Generator(traffic).run();
}

LogLine log_line(const Exchange& exchange, const LogLabels& labels) {
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  const double latency = seconds(exchange.answered - exchange.issued);
  const double mbit_per_s = 8.0 / 1024 / 1024 * static_cast<double>(exchange.bytes) / latency;
  return {fmt::format("{:.6f}", seconds(exchange.issued)),
          fmt::format("{:.6f}", seconds(exchange.answered - exchange.sent)),
          fmt::format("{:.6f}", latency),
          std::to_string(exchange.bytes),
          std::to_string(exchange.interval_ms),
          fmt::format("{:.6f}", seconds(exchange.answered)),
          fmt::format("{:.6f}", mbit_per_s),
          labels.mode,
          std::to_string(labels.thread),
          exchange.status < 400 ? "exec" : "fail",
          labels.function,
          std::to_string(exchange.id),
          "-1"};
}

std::string log_text(const std::vector<LogLine>& lines, Duration whole) {
  std::array<size_t, kLogTitles.size()> widths{};
  for (size_t i = 0; i < widths.size(); ++i) {
    widths[i] = std::string_view(kLogTitles[i]).size();
    for (const LogLine& line : lines) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  const auto add = [&](const auto& cells) {
    for (size_t i = 0; i + 1 < widths.size(); ++i)
      text += fmt::format("{:<{}}  ", cells[i], widths[i]);
    text += fmt::format("{}\n", cells.back());
  };
  add(kLogTitles);
  for (const LogLine& line : lines) add(line);
  return text +
         fmt::format("# Execution done: {:.3f}\n", std::chrono::duration<double>(whole).count());
}

}  // namespace themis::bench
