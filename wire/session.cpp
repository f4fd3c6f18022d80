#include "wire/session.hpp"

#include "runtime/crypto/declassify.hpp"
#include "runtime/crypto/kdf.hpp"

namespace themis::wire {
namespace {

using crypto::DhShare;

/// What both ends mix into their keys: bound to both shares of the exchange.
Result<crypto::SecretBytes<32>> mix_of(const crypto::DhKey& own, const DhShare& peer,
                                       bool initiator) {
  THEMIS_TRY(const crypto::SharedSecret shared, own.agree(peer));
  Bytes shares;
  append(shares, initiator ? own.share().view() : peer.view());
  append(shares, initiator ? peer.view() : own.share().view());
  return crypto::hkdf_sha256_extract(shares, shared.view());
}

}  // namespace

Session::Session(SessionKeys keys, const SessionLimits& limits)
    : send_{crypto::AeadKey(keys.suite, std::move(keys.send))},
      receive_{crypto::AeadKey(keys.suite, std::move(keys.receive))},
      limits_(limits),
      encryption_(keys.encryption),
      initiator_(keys.initiator) {}

Status Session::check_limits(const Direction& direction) const {
  if (direction.counter >= limits_.records)
    return fail(Code::overloaded, "the session has carried its last record");
  if (direction.under_key() >= 4 * limits_.records_per_key)
    return fail(Code::overloaded, "a key has carried its last record and no new one was taken");
  return {};
}

Status Session::seal_as(FrameType type, std::span<std::byte> record) {
  THEMIS_ASSERT(record.size() >= kRecordOverheadBytes, "a record has room for header and tag");
  if (record.size() > kRecordPlaintextMax + kRecordOverheadBytes)
    return fail(Code::too_large, "a record holds at most 16,384 bytes");
  THEMIS_CHECK(check_limits(send_));
  const FrameHeader header{.type = static_cast<uint8_t>(type),
                           .length = static_cast<uint16_t>(record.size() - kFrameHeaderBytes),
                           .sequence = static_cast<uint32_t>(send_.counter)};
  header.write(record.data());
  const size_t visible = encryption_ ? kFrameHeaderBytes : record.size() - kTagBytes;
  send_.key.seal(crypto::counter_nonce(send_.counter), record.first(visible),
                 record.subspan(visible, record.size() - kTagBytes - visible),
                 record.last<kTagBytes>());
  crypto::declassify(record);
  ++send_.counter;
  return {};
}

Status Session::append_sealed(FrameType type, ByteView plaintext, Bytes& out) {
  const size_t start = out.size();
  std::byte header[kFrameHeaderBytes] = {};
  const std::byte tag[kTagBytes] = {};
  append(out, header);
  append(out, plaintext);
  append(out, tag);
  auto sealed = seal_as(type, std::span(out).subspan(start));
  if (!sealed) out.resize(start);
  return sealed;
}

/// Checks and decrypts; the caller counts the record when it has accepted what it says.
Result<std::span<std::byte>> Session::unseal(FrameType type, std::span<std::byte> record) {
  if (record.size() < kRecordOverheadBytes ||
      record.size() > kRecordPlaintextMax + kRecordOverheadBytes)
    return fail(Code::malformed, "a record of " + std::to_string(record.size()) + " bytes");
  const FrameHeader header = FrameHeader::read(record.data());
  if (header.type != static_cast<uint8_t>(type) || header.version != kProtocolVersion ||
      header.length != record.size() - kFrameHeaderBytes)
    return fail(Code::malformed, "not the header of a record");
  if (header.sequence != static_cast<uint32_t>(receive_.counter))
    return fail(Code::replayed, "record " + std::to_string(header.sequence) + " is not the next");
  THEMIS_CHECK(check_limits(receive_));
  const size_t visible = encryption_ ? kFrameHeaderBytes : record.size() - kTagBytes;
  THEMIS_CHECK(receive_.key.open(crypto::counter_nonce(receive_.counter), record.first(visible),
                                 record.subspan(visible, record.size() - kTagBytes - visible),
                                 record.last<kTagBytes>()));
  return record.subspan(kFrameHeaderBytes, record.size() - kRecordOverheadBytes);
}

Result<std::span<std::byte>> Session::open(std::span<std::byte> record) {
  THEMIS_TRY(const std::span<std::byte> plaintext, unseal(FrameType::record, record));
  ++receive_.counter;
  return plaintext;
}

Status Session::start_rekey(Rng& rng, Bytes& out) {
  THEMIS_ASSERT(initiator_ && !rekeying(), "the initiator asks for new keys, once at a time");
  crypto::DhKey own{crypto::SecretBytes<crypto::DhKey::kSeedBytes>(rng)};
  THEMIS_CHECK(append_sealed(FrameType::rekey_1, own.share().view(), out));
  offer_.emplace(std::move(own));
  return {};
}

bool Session::is_rekey(ByteView record) {
  const uint8_t type = FrameHeader::read(record.data()).type;
  return type >= static_cast<uint8_t>(FrameType::rekey_1) &&
         type <= static_cast<uint8_t>(FrameType::rekey_3);
}

Status Session::on_rekey(std::span<std::byte> record, Rng& rng, Bytes& out) {
  const auto type = static_cast<FrameType>(FrameHeader::read(record.data()).type);
  if (type == FrameType::rekey_1 && !initiator_ && !next_receive_)
    return on_rekey_1(record, rng, out);
  if (type == FrameType::rekey_2 && offer_) return on_rekey_2(record, out);
  if (type == FrameType::rekey_3 && next_receive_) return on_rekey_3(record);
  return fail(Code::malformed, "a rekey record out of turn");
}

Status Session::on_rekey_1(std::span<std::byte> record, Rng& rng, Bytes& out) {
  THEMIS_TRY(const std::span<std::byte> plaintext, unseal(FrameType::rekey_1, record));
  crypto::declassify(plaintext);
  THEMIS_TRY(const DhShare peer, DhShare::from_bytes(plaintext));
  const crypto::DhKey own{crypto::SecretBytes<crypto::DhKey::kSeedBytes>(rng)};
  THEMIS_TRY(const auto mix, mix_of(own, peer, initiator_));
  THEMIS_CHECK(append_sealed(FrameType::rekey_2, own.share().view(), out));
  ++receive_.counter;
  send_.take(send_.key.mixed(mix));
  next_receive_.emplace(receive_.key.mixed(mix));
  return {};
}

Status Session::on_rekey_2(std::span<std::byte> record, Bytes& out) {
  THEMIS_TRY(const std::span<std::byte> plaintext, unseal(FrameType::rekey_2, record));
  crypto::declassify(plaintext);
  THEMIS_TRY(const DhShare peer, DhShare::from_bytes(plaintext));
  THEMIS_TRY(const auto mix, mix_of(*offer_, peer, initiator_));
  THEMIS_CHECK(append_sealed(FrameType::rekey_3, {}, out));
  ++receive_.counter;
  receive_.take(receive_.key.mixed(mix));
  send_.take(send_.key.mixed(mix));
  offer_.reset();
  ++rekeyed_;
  return {};
}

Status Session::on_rekey_3(std::span<std::byte> record) {
  THEMIS_TRY(const std::span<std::byte> plaintext, unseal(FrameType::rekey_3, record));
  if (!plaintext.empty()) return fail(Code::malformed, "a third rekey record says nothing");
  ++receive_.counter;
  receive_.take(std::move(*next_receive_));
  next_receive_.reset();
  ++rekeyed_;
  return {};
}

}  // namespace themis::wire
