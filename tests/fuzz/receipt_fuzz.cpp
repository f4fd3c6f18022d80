// Any text as a receipt, and any bytes as an operation receipt: what is read is written as it was,
// and nothing verifies with a key that signed nothing.

#include "enclave/receipts/receipt.hpp"
#include "runtime/crypto/crypto.hpp"
#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  crypto::init();
  fuzz::Input input(data, size);
  if (size > 0 && data[0] != '{') {
    const ByteView bytes = input.rest();
    const auto receipt = receipts::OperationReceipt::parse(bytes);
    if (!receipt) return 0;
    Bytes written(receipts::OperationReceipt::kHeadBytes);
    append(written, receipt->result);
    written.resize(written.size() + sizeof(receipts::Tag));
    const std::byte* end =
        put(receipt->put_head(written.data() + written.size() - sizeof(receipts::Tag)),
            std::as_bytes(std::span(receipt->tag)));
    fuzz::promise(end == written.data() + written.size(), "it is as long as it was");
    fuzz::promise(std::equal(written.begin(), written.end(), bytes.begin(), bytes.end()),
                  "an operation receipt has one form");
    return 0;
  }
  const std::string_view text = as_text(input.rest());
  const auto receipt = receipts::Receipt::parse(text);
  if (!receipt) return 0;
  fuzz::promise(receipt->text() == text, "a receipt has one text");
  // The seeds are signed by another key than this one.
  const crypto::SigningKey key{crypto::SecretBytes<32>()};
  fuzz::promise(!receipts::verify_text(text, key.public_key(), text), "nobody signed this");
  return 0;
}
