#include "runtime/net/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cctype>
#include <cerrno>
#include <cstring>

namespace themis::net {
namespace {

constexpr int kBacklog = 511;

Error io_error(const Address& address, int error_number) {
  return Error{Code::io, address.text() + ": " + system_error_text(error_number)};
}

}  // namespace

std::string system_error_text(int error_number) {
  std::string text = strerror(error_number);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Result<SocketAddress> to_socket_address(const Address& address) {
  SocketAddress out;
  auto* four = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(address.port);
    out.length = sizeof *four;
  } else if (inet_pton(AF_INET6, address.host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(address.port);
    out.length = sizeof *six;
  } else {
    return fail(Code::invalid, '"' + address.host + "\" is not a numeric address");
  }
  return out;
}

Address from_socket_address(const sockaddr_storage& storage) {
  const bool is_six = storage.ss_family == AF_INET6;
  if (!is_six && storage.ss_family != AF_INET) return {};
  const auto* four = reinterpret_cast<const sockaddr_in*>(&storage);
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
  const void* raw = is_six ? static_cast<const void*>(&six->sin6_addr) : &four->sin_addr;
  char host[INET6_ADDRSTRLEN] = {};
  inet_ntop(storage.ss_family, raw, host, sizeof host);
  auto address = Address::from_host(host, ntohs(is_six ? six->sin6_port : four->sin_port));
  THEMIS_ASSERT(address, "the system prints numeric addresses");
  return *address;
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Result<Descriptor> open_listener(const Address& address) {
  THEMIS_TRY(const SocketAddress where, to_socket_address(address));
  Descriptor fd(socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(io_error(address, errno));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), where.get(), where.length) != 0 || listen(fd.get(), kBacklog) != 0)
    return fail(io_error(address, errno));
  return fd;
}

Result<Descriptor> open_connection(const Address& to) {
  THEMIS_TRY(const SocketAddress where, to_socket_address(to));
  Descriptor fd(socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(io_error(to, errno));
  set_no_delay(fd.get());
  if (connect(fd.get(), where.get(), where.length) != 0 && errno != EINPROGRESS)
    return fail(io_error(to, errno));
  return fd;
}

}  // namespace themis::net
