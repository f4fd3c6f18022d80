#pragma once
// What the tests of the public API share: a port, and places where a service waits for its test.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <themis/node.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <set>
#include <thread>

#include "calls.capnp.h"
#include "runtime/net/socket.hpp"

namespace themis {

/// The slow method waits here until a test lets it go.
inline std::binary_semaphore& blocked() {
  static std::binary_semaphore semaphore{0};
  return semaphore;
}
inline std::binary_semaphore& release() {
  static std::binary_semaphore semaphore{0};
  return semaphore;
}

/// A port that was free a moment ago.
inline uint16_t free_port() {
  const net::Descriptor fd = net::open_listener({"127.0.0.1", 0}).value();
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  return net::from_socket_address(storage).port;
}

}  // namespace themis
