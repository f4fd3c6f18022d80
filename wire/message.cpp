#include "wire/message.hpp"

namespace themis::wire {
namespace {

constexpr auto kLastKind = static_cast<uint8_t>(MessageKind::absent);
// The flags byte; the other bits are zero.
constexpr uint8_t kHasKey = 1;
constexpr uint8_t kHasNodes = 2;

}  // namespace

void MessageHeader::write(std::byte* to) const {
  store<uint32_t>(to, length);
  store<uint8_t>(to + 4, static_cast<uint8_t>(kind));
  store<uint8_t>(to + 5, static_cast<uint8_t>((key.is_zero() ? 0 : kHasKey) |
                                              (nodes.is_zero() ? 0 : kHasNodes)));
  store<uint16_t>(to + 6, 0);
  store<uint32_t>(to + 8, deadline_ms);
  store<uint32_t>(to + 12, credit);
  store<uint64_t>(to + 16, target);
  store<uint64_t>(to + 24, request);
  store<uint64_t>(to + 32, type);
  to += kBytes;
  if (!key.is_zero()) {
    std::memcpy(to, key.bytes.data(), IdempotencyKey::kBytes);
    to += IdempotencyKey::kBytes;
  }
  if (nodes.is_zero()) return;
  store<uint16_t>(to, nodes.from);
  store<uint16_t>(to + 2, nodes.to);
}

size_t MessageHeader::bytes_of(const std::byte* from) {
  const bool request = load<uint8_t>(from + 4) == static_cast<uint8_t>(MessageKind::request);
  const auto flags = load<uint8_t>(from + 5);
  return kBytes + (request && (flags & kHasKey) != 0 ? IdempotencyKey::kBytes : 0) +
         ((flags & kHasNodes) != 0 ? kNodesBytes : 0);
}

Result<MessageHeader> MessageHeader::read(const std::byte* from) {
  MessageHeader header;
  const auto kind = load<uint8_t>(from + 4);
  const auto flags = load<uint8_t>(from + 5);
  if (kind == 0 || kind > kLastKind || (flags & ~(kHasKey | kHasNodes)) != 0 ||
      load<uint16_t>(from + 6) != 0)
    return fail(Code::malformed, "a message of unknown kind " + std::to_string(kind));
  header.length = load<uint32_t>(from);
  if (header.length > kMessageBytesMax)
    return fail(Code::too_large, "a message of " + std::to_string(header.length) + " bytes");
  if (header.length % Frame::kWordBytes != 0)
    return fail(Code::malformed,
                "a message of " + std::to_string(header.length) + " bytes, not whole words");
  header.kind = static_cast<MessageKind>(kind);
  if (has_payload(header.kind) != (header.length > 0))
    return fail(Code::malformed, "a message of kind " + std::to_string(kind) + " with " +
                                     std::to_string(header.length) + " bytes");
  header.deadline_ms = load<uint32_t>(from + 8);
  header.credit = load<uint32_t>(from + 12);
  header.target = load<uint64_t>(from + 16);
  header.request = load<uint64_t>(from + 24);
  header.type = load<uint64_t>(from + 32);
  const bool names_more = header.target != 0 || header.type != 0 || header.deadline_ms != 0;
  if (header.kind == MessageKind::cancel && (header.request == 0 || names_more))
    return fail(Code::malformed, "a cancel names one request and nothing else");
  from += kBytes;
  if ((flags & kHasKey) != 0) {
    if (header.kind != MessageKind::request)
      return fail(Code::malformed, "an idempotency key without a request");
    std::memcpy(header.key.bytes.data(), from, IdempotencyKey::kBytes);
    if (header.key.is_zero()) return fail(Code::malformed, "an idempotency key of zeros");
    from += IdempotencyKey::kBytes;
  }
  if ((flags & kHasNodes) != 0) {
    header.nodes = {load<uint16_t>(from), load<uint16_t>(from + 2)};
    if (!has_nodes(header.kind) || header.nodes.is_zero())
      return fail(Code::malformed, "numbers of nodes where there are none");
  }
  return header;
}

size_t MessageReader::take(ByteView from) {
  const size_t wanted = std::min(header_bytes_ - header_filled_, from.size());
  std::memcpy(raw_header_ + header_filled_, from.data(), wanted);
  header_filled_ += wanted;
  return wanted;
}

Status MessageReader::begin() {
  THEMIS_TRY(header_, MessageHeader::read(raw_header_));
  // A present names the number that it gives.
  const size_t sender = header_.kind == MessageKind::present ? 0 : header_.nodes.from;
  if (sender >= origins_.size())
    return fail(Code::malformed,
                "a message from node " + std::to_string(sender) + ", which was not presented");
  frame_ = Frame::make_received(header_.length / Frame::kWordBytes,
                                header_.length == 0 ? OriginPtr{} : origins_[sender]);
  frame_.writable()->set_type(header_.type);
  filled_ = 0;
  return {};
}

size_t MessageReader::fill(ByteView from) {
  const size_t wanted = std::min<size_t>(header_.length - filled_, from.size());
  std::memcpy(frame_.writable()->data() + filled_, from.data(), wanted);
  filled_ += wanted;
  return wanted;
}

}  // namespace themis::wire
