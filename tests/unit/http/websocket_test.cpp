// The frames of WebSockets; tests/e2e/test_websocket.py has 500 conversations.
#include <gtest/gtest.h>

#include "runtime/http/websocket.hpp"

namespace themis::http {
namespace {

Request request(std::initializer_list<Header> headers) {
  Request out{"GET", "/", {}, {}, {}};
  for (const Header& header : headers) out.headers.add(header.name, header.value);
  return out;
}

/// A client's frame: masked with zeros, so that it can be read here.
std::string masked(std::string head, std::string_view payload) {
  head[1] = static_cast<char>(head[1] | 0x80);
  return head + std::string(4, '\0') + std::string(payload);
}
std::string short_frame(unsigned first, std::string_view payload) {
  return masked({static_cast<char>(first), static_cast<char>(payload.size())}, payload);
}

/// Every message of `bytes`, read `piece` bytes at a time; then the refusal, if there is one.
std::string read_all(std::string_view bytes, size_t piece, size_t most = 1000) {
  SocketReader reader(most);
  std::string all;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    std::string_view input = bytes.substr(at, piece);
    while (!input.empty()) {
      const auto message = reader.read(input);
      if (!message) return all + "!" + std::to_string(message.error().code);
      if (!*message) continue;
      all += std::to_string(static_cast<int>((*message)->opcode)) + ":" + (*message)->data;
      if ((*message)->opcode == SocketOpcode::close) all += std::to_string((*message)->code);
      all += ";";
    }
  }
  return all;
}

TEST(WebSocket, AnswersTheKeyAsRfc6455Says) {
  const Request asked = request({{"Upgrade", "WebSocket"},
                                 {"Connection", "keep-alive, Upgrade"},
                                 {"Sec-WebSocket-Version", "13"},
                                 {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}});
  EXPECT_TRUE(is_socket_request(asked));
  EXPECT_EQ(*socket_accept(asked), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_FALSE(is_socket_request(request({{"Upgrade", "websocket"}})));
  EXPECT_FALSE(is_socket_request(request({{"Upgrade", "h2c"}, {"Connection", "upgrade"}})));
  EXPECT_FALSE(socket_accept(request({{"Sec-WebSocket-Version", "13"}})));
}

TEST(WebSocket, ReadsMessagesInPiecesOfAnySize) {
  const std::string bytes = short_frame(0x01, "a") + short_frame(0x89, "ping") +
                            short_frame(0x80, "b") + short_frame(0x82, "") +
                            masked(std::string("\x82\x7e\x00\x80", 4), std::string(128, 'x')) +
                            short_frame(0x88, std::string("\x03\xe8") + "bye");
  for (size_t piece = 1; piece <= bytes.size(); ++piece)
    EXPECT_EQ(read_all(bytes, piece), "9:ping;1:ab;2:;2:" + std::string(128, 'x') + ";8:bye1000;")
        << piece;
}

TEST(WebSocket, AdversaryWhatIsNoFrameIsRefused) {
  EXPECT_EQ(read_all(std::string("\x81\x01x", 3), 1), "!1002") << "no mask";
  EXPECT_EQ(read_all(short_frame(0xc1, "x"), 9), "!1002") << "a reserved bit";
  EXPECT_EQ(read_all(short_frame(0x83, "x"), 9), "!1002") << "an unknown opcode";
  EXPECT_EQ(read_all(short_frame(0x80, "x"), 9), "!1002") << "a fragment of nothing";
  EXPECT_EQ(read_all(short_frame(0x09, "x"), 9), "!1002") << "a fragmented ping";
  EXPECT_EQ(read_all(short_frame(0x88, "x"), 9), "!1002") << "half a close code";
  EXPECT_EQ(read_all(short_frame(0x81, "\xff"), 9), "!1007") << "no UTF-8";
  EXPECT_EQ(
      read_all(short_frame(0x02, std::string(60, 'x')) + short_frame(0x80, std::string(60, 'x')), 9,
               100),
      "!1009")
      << "a message over its limit";
}

TEST(WebSocket, WritesFramesInTheirShortestForm) {
  EXPECT_EQ(socket_frame(SocketOpcode::text, "hi"), std::string("\x81\x02hi"));
  EXPECT_EQ(socket_frame(SocketOpcode::binary, std::string(126, 'x')).substr(0, 4),
            std::string("\x82\x7e\x00\x7e", 4));
  EXPECT_EQ(socket_frame(SocketOpcode::binary, std::string(65536, 'x')).substr(0, 10),
            std::string("\x82\x7f\0\0\0\0\0\x01\0\0", 10));
  EXPECT_EQ(socket_close_frame(kCloseNoStatus, "x"), std::string("\x88\x00", 2));
  EXPECT_EQ(socket_close_frame(1000, std::string(122, 'x') + "\xc3\xa4").size(), 2u + 2 + 122);
}

}  // namespace
}  // namespace themis::http
