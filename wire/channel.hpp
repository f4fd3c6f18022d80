#pragma once
// Channel: handshake, records and messages of one connection as a single state machine without I/O,
// clock or threads. Session actors and the simulated world drive the same one.

#include <optional>

#include "wire/frame_splitter.hpp"
#include "wire/handshake.hpp"
#include "wire/message.hpp"
#include "wire/session.hpp"

namespace themis::wire {

/// What a channel reports while it takes in bytes.
class ChannelEvents {
 public:
  virtual ~ChannelEvents() = default;
  /// The peer proved its identity; queued messages go out with the next flush. Returns the origin
  /// on whose account the frames of this peer are held.
  virtual OriginPtr on_established(const Established& peer) = 0;
  virtual void on_message(const MessageHeader& header, FramePtr payload) = 0;
};

/// One connection. Single thread.
class Channel {
 public:
  /// `rng` and `events` outlive the channel.
  Channel(const HandshakeConfig& config, bool initiator, Rng& rng, ChannelEvents& events);

  /// Responder, before any data: where it was called from (Handshake::set_caller).
  void set_caller(std::string address, std::string site) {
    handshake_.set_caller(std::move(address), std::move(site));
  }
  /// Responder: the caller has sent nothing that holds yet.
  bool unheard() const { return handshake_.unheard(); }
  /// Initiator: puts message 1 into the output.
  void start();
  /// Takes received bytes in, any fragmentation; opens records in place. After an error the
  /// connection must be closed. Errors: those of FrameSplitter, Handshake, Session and
  /// MessageHeader.
  Status on_data(std::span<std::byte> data);
  /// Queues a message, from on_established() on; it is sealed by flush() together with others.
  /// `payload`: null for kinds without one, else at most
  /// kMessageBytesMax. The caller bounds what is queued (credit, backlog()).
  void send(MessageHeader header, const FramePtr& payload);
  /// Seals what is queued. Afterwards output() holds every byte that can go out now.
  void flush();
  /// From now on the peer may send as its next virtual node, whose frames are held on `origin`.
  void add_origin(OriginPtr origin) { reader_.add_origin(std::move(origin)); }
  /// Asks for new keys, when this end is to ask and is not asking yet; else does nothing. Records
  /// by number ask by themselves (SessionLimits::records_per_key); by time, who has a clock asks.
  void rekey();
  /// Grows with every exchange of keys that is complete here.
  uint64_t rekeyed() const { return session_ ? session_->rekeyed() : 0; }
  /// An exchange runs.
  bool rekeying() const { return session_ && session_->rekeying(); }
  /// The peer did not do its part of an exchange in time: the connection must be closed.
  bool rekey_overdue() const { return session_ && session_->rekey_overdue(); }

  /// What is ready for the socket: whole records and handshake messages.
  ByteView output() const {
    const size_t end = record_start_ == kNoRecord ? output_.size() : record_start_;
    return ByteView(output_).subspan(output_done_, end - output_done_);
  }
  /// The first `bytes` of output() were written.
  void consume(size_t bytes);
  bool established() const { return session_.has_value(); }
  /// Bytes queued or waiting to be written.
  size_t backlog() const { return output_.size() - output_done_; }
  /// Grows with every record that was opened: progress that only the peer can make.
  uint64_t received_records() const { return session_ ? session_->records_received() : 0; }

 private:
  Status on_frame(std::span<std::byte> frame);
  Status on_handshake(std::span<std::byte> frame);
  Status on_record(std::span<std::byte> record);
  void seal_open_record();
  void begin_secret(size_t payload_bytes);
  void append_plaintext(ByteView bytes);
  void begin_record();
  void end_record();

  static constexpr size_t kNoRecord = SIZE_MAX;
  ChannelEvents& events_;
  Rng& rng_;
  bool initiator_;
  Handshake handshake_;
  std::optional<Session> session_;
  FrameSplitter splitter_;
  MessageReader reader_;
  Bytes output_;
  size_t output_done_ = 0;
  size_t record_start_ = kNoRecord;
};

}  // namespace themis::wire
