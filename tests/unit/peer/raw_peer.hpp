#pragma once
// A peer with a valid identity that keeps to none of the session's rules.

#include "tests/unit/peer/peer_fixture.hpp"

namespace themis {

/// Speaks the protocol up to the records by hand: no credit, no answers, no order unless a test
/// makes them.
class RawPeer final : public net::StreamHandler, public wire::ChannelEvents {
 public:
  RawPeer(sim::Host& host, std::string_view network, uint64_t seed)
      : host_(host), rng_(seed), identity_(wire::Identity::generate(network, rng_)) {
    channel_.emplace(wire::HandshakeConfig{.self = &identity_}, true, rng_, *this);
  }
  void connect(const net::Address& to) { stream_ = host_.connect(to, *this).value(); }
  const NodeId& id() const { return identity_.id(); }
  sim::Host& host() const { return host_; }

  void send(const wire::MessageHeader& header, const wire::FramePtr& payload = {}) {
    channel_->send(header, payload);
    pump();
  }
  void send_bytes(ByteView bytes) { ASSERT_EQ(stream_->write(bytes), bytes.size()); }
  /// The sealed bytes that send() would have written.
  Bytes seal(const wire::MessageHeader& header, const wire::FramePtr& payload) {
    channel_->send(header, payload);
    channel_->flush();
    Bytes bytes(channel_->output().begin(), channel_->output().end());
    channel_->consume(bytes.size());
    return bytes;
  }
  void set_reading(bool reading) { stream_->set_reading(reading); }
  size_t count(wire::MessageKind kind) const {
    return static_cast<size_t>(std::count_if(
        received.begin(), received.end(), [kind](const auto& m) { return m.first.kind == kind; }));
  }

  std::vector<std::pair<wire::MessageHeader, wire::FramePtr>> received;
  bool established = false;
  crypto::Digest transcript{};
  bool closed = false;

 private:
  void pump() {
    channel_->flush();
    const ByteView output = channel_->output();
    if (!output.empty() && stream_ != nullptr) channel_->consume(stream_->write(output));
  }
  void on_connected() override {
    channel_->start();
    pump();
  }
  void on_data(std::span<std::byte> data) override {
    ASSERT_TRUE(channel_->on_data(data));
    pump();
  }
  void on_writable() override { pump(); }
  void on_closed(const Error&) override {
    closed = true;
    stream_.reset();
  }
  wire::OriginPtr on_established(const wire::Established& peer) override {
    established = true;
    transcript = peer.transcript;
    return {};
  }
  void on_message(const wire::MessageHeader& header, wire::FramePtr payload) override {
    received.emplace_back(header, std::move(payload));
  }

  sim::Host& host_;
  SeededRng rng_;
  wire::Identity identity_;
  std::optional<wire::Channel> channel_;
  std::unique_ptr<net::Stream> stream_;
};

/// A real end and a raw peer that has shaken hands with it.
struct WithRawPeer {
  explicit WithRawPeer(uint64_t seed = 1, const SessionTimes& times = {})
      : world(seed),
        end(system, world.add_host("10.0.0.1"), seed + 1),
        peer_host(world.add_host("10.0.0.9")),
        peer(peer_host, "sessions", seed + 9) {
    end.times = times;
    end.listen();
    peer_host.post([this] { peer.connect(end.address()); });
    EXPECT_TRUE(until([this] { return peer.established && end.opened == 1; }));
  }
  bool until(const std::function<bool()>& done, Duration limit = 10min) {
    return world.run_until(done, limit);
  }
  void in_peer(const std::function<void()>& work) {
    bool ran = false;
    peer_host.post([&] {
      work();
      ran = true;
    });
    ASSERT_TRUE(world.run_until([&] { return ran; }, 1h));
  }
  System system{System::Scheduling::virtual_time};
  sim::World world;
  End end;
  sim::Host& peer_host;
  RawPeer peer;
};

}  // namespace themis
