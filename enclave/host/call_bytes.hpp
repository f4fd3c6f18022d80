#pragma once
// The bytes of one call: as a client signs it, and as the journal keeps it.

#include "enclave/host/command_log.hpp"

namespace themis::host {

/// Function, keys and arguments, with room before them for what else a client signs. Its views are
/// valid as long as it is.
template <class App>
class CallBytes {
 public:
  /// `keys`: at most monitor::kRecordsPerCallMax.
  CallBytes(uint8_t function, std::span<const typename App::Key> keys,
            const typename App::Arguments& arguments) {
    std::byte* to = monitor::put(bytes_.data() + kPrefixBytes, function);
    for (const typename App::Key& key : keys) to = key.encode(to);
    keys_bytes_ = static_cast<size_t>(to - bytes_.data()) - kPrefixBytes - 1;
    size_ = static_cast<size_t>(App::encode(function, arguments, to) - bytes_.data());
  }

  /// Of Monitor::history.
  ByteView history() const { return ByteView(bytes_.data() + kPrefixBytes, size_ - kPrefixBytes); }
  ByteView keys() const { return history().subspan(1, keys_bytes_); }
  ByteView arguments() const { return history().subspan(1 + keys_bytes_); }
  /// What the caller's tag is over: receipts::call_body().
  ByteView body(const Caller& caller) {
    put(put(bytes_.data(), static_cast<uint8_t>(caller.use)), caller.nonce);
    return ByteView(bytes_.data(), size_);
  }

 private:
  static constexpr size_t kPrefixBytes = 1 + sizeof(Caller::nonce);

  std::array<std::byte, kPrefixBytes + CommandLog<App>::kCommandBytesMax> bytes_;
  size_t keys_bytes_, size_;
};

}  // namespace themis::host
