#include "enclave/receipts/call.hpp"

namespace themis::receipts {

Bytes call_body(const Caller& caller, uint8_t function, ByteView keys, ByteView arguments) {
  Bytes body(1 + sizeof caller.nonce + 1);
  put(put(put(body.data(), static_cast<uint8_t>(caller.use)), caller.nonce), function);
  append(body, keys);
  append(body, arguments);
  return body;
}

Result<OperationReceipt> OperationReceipt::take(Reader& reader) {
  OperationReceipt receipt;
  receipt.epoch = reader.integer<uint32_t>();
  receipt.position = reader.integer<uint64_t>();
  receipt.result = reader.bytes(reader.integer<uint16_t>());
  receipt.tag = reader.integer<Tag>();
  if (!reader.ok() || receipt.result.size() > kResultBytesMax)
    return fail(Code::malformed, "not an operation receipt");
  return receipt;
}

Result<OperationReceipt> OperationReceipt::parse(ByteView bytes) {
  Reader reader(bytes);
  const auto receipt = take(reader);
  if (receipt && reader.left() != 0)
    return fail(Code::malformed, "something after an operation receipt");
  return receipt;
}

Tag receipt_tag(const crypto::Prf& key, const Tag& call, const OperationReceipt& receipt) {
  std::array<std::byte, kTaggedBytes + kResultBytesMax> text;
  const std::byte* end = put_tagged(text.data(), call, receipt);
  return key.evaluate(ByteView(text.data(), end));
}

Result<ClientSession> ClientSession::open(const crypto::DhKey& own, const Instance& instance,
                                          uint16_t thread, uint16_t number) {
  if (thread >= instance.threads) return fail(Code::invalid, "no such monitor thread");
  if (!crypto::available(instance.prf))
    return fail(Code::invalid, "this CPU lacks the instructions of the instance's MAC");
  THEMIS_TRY(const auto shared, own.agree(instance.agreement));
  const auto key =
      client_key(shared, {instance.id, thread, number, own.share(), instance.agreement});
  return ClientSession(key, instance.prf, number);
}

Caller ClientSession::sign(Use use, uint8_t function, ByteView keys, ByteView arguments) {
  Caller caller{number_, use, ++nonce_, {}};
  caller.tag = key_->evaluate(call_body(caller, function, keys, arguments));
  return caller;
}

Status ClientSession::check(const Caller& call, const OperationReceipt& receipt) const {
  if (receipt.result.size() > kResultBytesMax) return fail(Code::too_large, "a receipt's result");
  const Tag expected = receipt_tag(*key_, call.tag, receipt);
  if (!crypto::equal(expected, receipt.tag))
    return fail(Code::forged, "the receipt is not the monitor's answer to this call");
  return {};
}

}  // namespace themis::receipts
