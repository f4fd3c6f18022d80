#include "wire/channel.hpp"

#include "runtime/crypto/secret_bytes.hpp"

namespace themis::wire {
namespace {

/// A slow peer's written bytes are dropped in steps of this size, not with every write.
constexpr size_t kCompactBytes = 1024 * 1024;
/// The buffer that an idle connection keeps.
constexpr size_t kOutputKeptBytes = 1024 * 1024;
/// Twice 2^20 records pass between rekey_overdue(), when the connection is closed, and the limit:
/// no backlog is that long.
constexpr const char* kWithinLimits = "a session that is overdue for new keys was closed";

}  // namespace

Channel::Channel(const HandshakeConfig& config, bool initiator, Rng& rng, ChannelEvents& events)
    : events_(events),
      rng_(rng),
      initiator_(initiator),
      handshake_(initiator ? Handshake::initiator(config, rng) : Handshake::responder(config, rng)),
      splitter_(kHandshakeBodyBytesMax) {}

void Channel::start() { append(output_, handshake_.start()); }

Status Channel::on_data(std::span<std::byte> data) {
  return splitter_.feed(data, [this](std::span<std::byte> frame) { return on_frame(frame); });
}

Status Channel::on_frame(std::span<std::byte> frame) {
  return session_ ? on_record(frame) : on_handshake(frame);
}

Status Channel::on_handshake(std::span<std::byte> frame) {
  THEMIS_TRY(const Bytes reply, handshake_.step(frame));
  append(output_, reply);
  if (!handshake_.done()) return {};
  Established peer = handshake_.take();
  session_.emplace(std::move(peer.session));
  splitter_.set_body_bytes_max(kRecordBodyBytesMax);
  reader_ = MessageReader(events_.on_established(peer));
  return {};
}

Status Channel::on_record(std::span<std::byte> record) {
  if (Session::is_rekey(record)) {
    seal_open_record();  // under the key that is about to go
    return session_->on_rekey(record, rng_, output_);
  }
  THEMIS_TRY(const std::span<std::byte> plaintext, session_->open(record));
  bool secret = false;
  const Status fed =
      reader_.feed(plaintext, [this, &secret](const MessageHeader& header, FramePtr payload) {
        secret |= carries_secret(header.type);
        events_.on_message(header, std::move(payload));
      });
  if (secret || reader_.carries_secret()) crypto::wipe(plaintext);
  return fed;
}

void Channel::send(MessageHeader header, const FramePtr& payload) {
  THEMIS_ASSERT(session_, "messages follow the handshake");
  THEMIS_ASSERT(has_payload(header.kind) == (payload && payload->size() > 0),
                "the kind says what follows");
  THEMIS_ASSERT(!payload || payload->size() <= kMessageBytesMax,
                "the sender of a message checks its size");
  header.length = payload ? static_cast<uint32_t>(payload->size()) : 0;
  const bool secret = payload && carries_secret(payload->type());
  if (secret) begin_secret(header.length);
  std::byte buffer[MessageHeader::kBytesMax];
  header.write(buffer);
  append_plaintext(ByteView(buffer, header.bytes()));
  if (payload) append_plaintext(payload->bytes());
  if (secret) seal_open_record();
}

/// In records of its own, which are sealed before anything can move the output elsewhere.
void Channel::begin_secret(size_t payload_bytes) {
  seal_open_record();
  const size_t bytes = payload_bytes + MessageHeader::kBytesMax;
  const size_t records = bytes / kRecordPlaintextMax + 1;
  output_.reserve(output_.size() + bytes + records * kRecordOverheadBytes);
}

void Channel::append_plaintext(ByteView bytes) {
  while (!bytes.empty()) {
    if (record_start_ == kNoRecord) begin_record();
    const size_t used = output_.size() - record_start_ - kFrameHeaderBytes;
    const size_t taken = std::min(bytes.size(), kRecordPlaintextMax - used);
    append(output_, bytes.first(taken));
    bytes = bytes.subspan(taken);
    if (used + taken == kRecordPlaintextMax) end_record();
  }
}

void Channel::begin_record() {
  record_start_ = output_.size();
  output_.resize(output_.size() + kFrameHeaderBytes);
}

void Channel::end_record() {
  output_.resize(output_.size() + kTagBytes);
  const Status sealed = session_->seal_in_place(std::span(output_).subspan(record_start_));
  THEMIS_ASSERT(sealed, kWithinLimits);
  record_start_ = kNoRecord;
}

void Channel::seal_open_record() {
  if (record_start_ != kNoRecord) end_record();
}

void Channel::flush() {
  seal_open_record();
  if (session_ && session_->rekey_due()) rekey();
}

void Channel::rekey() {
  if (!session_ || !initiator_ || session_->rekeying()) return;
  seal_open_record();
  const Status sealed = session_->start_rekey(rng_, output_);
  THEMIS_ASSERT(sealed, kWithinLimits);
}

void Channel::consume(size_t bytes) {
  output_done_ += bytes;
  if (output_done_ == output_.size()) {
    output_.clear();
    output_done_ = 0;
    if (output_.capacity() > kOutputKeptBytes) output_ = Bytes();  // after a burst
  } else if (output_done_ > kCompactBytes && record_start_ == kNoRecord) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_done_));
    output_done_ = 0;
  }
}

}  // namespace themis::wire
