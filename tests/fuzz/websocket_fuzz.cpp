// Any bytes of a client into the WebSocket reader: whole and in pieces it reads the same messages,
// within their limit, and its texts are UTF-8.

#include "runtime/base/utf8.hpp"
#include "runtime/http/websocket.hpp"
#include "tests/fuzz/input.hpp"

namespace themis::fuzz {
namespace {

constexpr size_t kMessageBytesMax = 1024;

std::string read_all(std::string_view stream, size_t piece) {
  http::SocketReader reader(kMessageBytesMax);
  std::string all;
  while (!stream.empty()) {
    std::string_view input = stream.substr(0, piece);
    stream.remove_prefix(input.size());
    while (!input.empty()) {
      const size_t before = input.size();
      const auto message = reader.read(input);
      if (!message) return all + "!" + std::to_string(message.error().code);
      promise(input.size() < before, "it takes bytes or refuses them");
      if (!*message) continue;
      const http::SocketMessage& read = **message;
      promise(read.data.size() <= kMessageBytesMax, "a message keeps to its limit");
      if (read.opcode == http::SocketOpcode::text || read.opcode == http::SocketOpcode::close)
        promise(is_utf8(as_bytes(read.data)), "a text is one");
      all += std::to_string(static_cast<int>(read.opcode)) + std::to_string(read.code) + read.data;
      if (read.opcode == http::SocketOpcode::close) return all;
    }
  }
  return all;
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  const size_t piece = size_t{1} + input.byte();
  const std::string_view stream = as_text(input.rest());
  fuzz::promise(fuzz::read_all(stream, SIZE_MAX) == fuzz::read_all(stream, piece),
                "the pieces of a stream do not matter");
  return 0;
}
