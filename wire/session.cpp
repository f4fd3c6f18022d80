#include "wire/session.hpp"

namespace themis::wire {
namespace {

constexpr auto kRecordType = static_cast<uint8_t>(FrameType::record);

Status spent() { return fail(Code::overloaded, "the session has carried its last record"); }

}  // namespace

Session::Session(SessionKeys keys, uint64_t records_max)
    : send_{crypto::AeadKey(keys.suite, std::move(keys.send))},
      receive_{crypto::AeadKey(keys.suite, std::move(keys.receive))},
      records_max_(records_max),
      encryption_(keys.encryption) {}

void Session::Direction::advance() {
  if (++counter % kRecordsPerKey == 0) key = key.rekeyed();
}

Status Session::seal_in_place(std::span<std::byte> record) {
  THEMIS_ASSERT(record.size() >= kRecordOverheadBytes, "a record has room for header and tag");
  if (record.size() > kRecordPlaintextMax + kRecordOverheadBytes)
    return fail(Code::too_large, "a record holds at most 16,384 bytes");
  if (send_.counter >= records_max_) return spent();
  const FrameHeader header{.type = kRecordType,
                           .length = static_cast<uint16_t>(record.size() - kFrameHeaderBytes),
                           .sequence = static_cast<uint32_t>(send_.counter)};
  header.write(record.data());
  const size_t visible = encryption_ ? kFrameHeaderBytes : record.size() - kTagBytes;
  send_.key.seal(crypto::counter_nonce(send_.counter), record.first(visible),
                 record.subspan(visible, record.size() - kTagBytes - visible),
                 record.last<kTagBytes>());
  send_.advance();
  return {};
}

Status Session::seal(ByteView plaintext, Bytes& out) {
  const size_t start = out.size();
  std::byte header[kFrameHeaderBytes] = {};
  const std::byte tag[kTagBytes] = {};
  append(out, header);
  append(out, plaintext);
  append(out, tag);
  auto sealed = seal_in_place(std::span(out).subspan(start));
  if (!sealed) out.resize(start);
  return sealed;
}

Result<std::span<std::byte>> Session::open(std::span<std::byte> record) {
  if (record.size() < kRecordOverheadBytes ||
      record.size() > kRecordPlaintextMax + kRecordOverheadBytes)
    return fail(Code::malformed, "a record of " + std::to_string(record.size()) + " bytes");
  const FrameHeader header = FrameHeader::read(record.data());
  if (header.type != kRecordType || header.version != kProtocolVersion ||
      header.length != record.size() - kFrameHeaderBytes)
    return fail(Code::malformed, "not the header of a record");
  if (header.sequence != static_cast<uint32_t>(receive_.counter))
    return fail(Code::replayed, "record " + std::to_string(header.sequence) + " is not the next");
  if (receive_.counter >= records_max_) return fail(spent().error());
  const size_t visible = encryption_ ? kFrameHeaderBytes : record.size() - kTagBytes;
  THEMIS_CHECK(receive_.key.open(crypto::counter_nonce(receive_.counter), record.first(visible),
                                 record.subspan(visible, record.size() - kTagBytes - visible),
                                 record.last<kTagBytes>()));
  receive_.advance();
  return record.subspan(kFrameHeaderBytes, record.size() - kRecordOverheadBytes);
}

}  // namespace themis::wire
