#pragma once
// A client's call and the operation receipt that answers it: the bytes and their MACs.

#include <algorithm>
#include <memory>

#include "enclave/receipts/keys.hpp"
#include "runtime/base/codec.hpp"

namespace themis::receipts {

using Tag = crypto::PrfBlock;

/// The first byte of what a client's key is used on; no two uses share it.
enum class Use : uint8_t {
  call = 1,
  transferable_call = 2,  ///< Asks for a receipt that the client can show to others.
  receipt = 3,
};

/// A client's name on a call. The host passes it on to the monitor.
struct Caller {
  uint16_t client = kNoClient;
  Use use = Use::call;
  uint64_t nonce = 0;  ///< Rises with every call of this client to one thread; the first is 1.
  Tag tag{};
};

/// What a call's tag is over: use u8, nonce u64, function u8, keys, arguments. Instance, thread and
/// client are in the key. `keys` and `arguments` are as the application encodes them.
Bytes call_body(const Caller& caller, uint8_t function, ByteView keys, ByteView arguments);

/// No application of ours answers with more.
constexpr size_t kResultBytesMax = 4'096;

/// What the monitor says of one call: provisional until a certificate of its epoch is seen. On the
/// wire: epoch u32, position u64, result's length u16, result, tag.
struct OperationReceipt {
  static constexpr size_t kHeadBytes = 4 + 8 + 2;
  /// Beside the result.
  static constexpr size_t kBytes = kHeadBytes + sizeof(Tag);

  uint32_t epoch = 0;
  uint64_t position = 0;  ///< Of the call among all clients' calls to this thread, from 0 on.
  ByteView result;        ///< Borrowed.
  Tag tag{};

  /// Writes what comes before a result that lies there already and ends at `result_end`; returns
  /// where the tag goes.
  std::byte* put_head(std::byte* result_end) const {
    std::byte* to = result_end - result.size() - kHeadBytes;
    put(put(put(to, epoch), position), static_cast<uint16_t>(result.size()));
    return result_end;
  }
  /// The next one of several, as a monitor's output has them. Errors: malformed.
  static Result<OperationReceipt> take(Reader& reader);
  /// Errors: malformed. `bytes` holds one receipt and nothing else.
  static Result<OperationReceipt> parse(ByteView bytes);
};

/// Beside the result in what a receipt's tag is over.
constexpr size_t kTaggedBytes = 1 + sizeof(Tag) + 4 + 8 + 2;
/// Short results are followed by zeros up to this length: tags of messages of one length are made
/// eight at a time.
constexpr size_t kTaggedResultMin = 16;
/// What a receipt's tag is over: use u8, call's tag, epoch u32, position u64, result's length u16,
/// result, zeros. Returns the end.
inline std::byte* put_tagged(std::byte* to, const Tag& call, const OperationReceipt& receipt) {
  to = put(put(to, static_cast<uint8_t>(Use::receipt)), std::as_bytes(std::span(call)));
  to = put(put(to, receipt.epoch), receipt.position);
  to = put(to, static_cast<uint16_t>(receipt.result.size()));
  std::memset(to, 0, kTaggedResultMin);
  return std::max(put(to, receipt.result), to + kTaggedResultMin);
}
/// The tag of a receipt for the call with the tag `call`, which stands for everything in it.
Tag receipt_tag(const crypto::Prf& key, const Tag& call, const OperationReceipt& receipt);

/// A client's half: signs calls to one thread and checks their receipts. One thread.
class ClientSession {
 public:
  /// `number`: the client's place in the table of `thread`.
  /// Errors: forged (the instance's share is no key), invalid (no such thread).
  static Result<ClientSession> open(const crypto::DhKey& own, const Instance& instance,
                                    uint16_t thread, uint16_t number);

  /// Goes on after a nonce that was used before.
  void resume(uint64_t nonce) { nonce_ = std::max(nonce_, nonce); }
  /// The caller of the next call, with the next nonce.
  Caller sign(Use use, uint8_t function, ByteView keys, ByteView arguments);
  /// Errors: forged (not this monitor's answer to this call).
  [[nodiscard]] Status check(const Caller& call, const OperationReceipt& receipt) const;

 private:
  ClientSession(const crypto::SecretBytes<16>& key, crypto::PrfKind prf, uint16_t number)
      : key_(std::make_unique<crypto::Prf>(key, prf)), number_(number) {}

  std::unique_ptr<const crypto::Prf> key_;
  uint16_t number_;
  uint64_t nonce_ = 0;
};

}  // namespace themis::receipts
