#pragma once
// HTTP messages as values, and how the project's errors look in HTTP: status codes and problem
// details.

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/net/address.hpp"

namespace themis::http {

struct Header {
  std::string name;
  std::string value;
};

/// Header fields in the order of the message. Names compare without case (RFC 9110 section 5.1).
class Headers {
 public:
  void add(std::string name, std::string value);
  /// Removes every field of that name and adds this one at the end.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  /// The first field of that name; null when there is none.
  const std::string* find(std::string_view name) const;
  size_t count(std::string_view name) const;

  size_t size() const { return list_.size(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<Header> list_;
};

/// A request whose syntax has been checked. `target` is in origin form ("/f/hello?x=1") or "*".
struct Request {
  std::string method;
  std::string target;
  Headers headers;
  std::string body;
  net::Address peer;
  bool streams = false;  ///< The body follows, by Responder::read; `body` is empty.

  std::string_view path() const;
  /// What follows the first "?", without it; empty when there is none.
  std::string_view query() const;
};

/// `headers` leaves out what the server itself decides: Content-Length, Transfer-Encoding,
/// Connection, Date.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;

  static Response text(int status, std::string body);
  /// `body` is a JSON text already.
  static Response json(int status, std::string body);
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text);
/// No control characters but the tab: such a value cannot start another header or message.
bool is_field_value(std::string_view text);

/// Fields for the next hop only (RFC 9110 section 7.6.1), and Expect.
bool is_for_one_hop(std::string_view name);

/// "Not Found"; "Unknown" for a number without a registered meaning.
std::string_view reason_phrase(int status);

/// The status that tells an HTTP caller about an error of the mesh.
int status_of(Code code);

/// RFC 9457 problem details. `trace` is the id under which the log has more; empty leaves it out.
/// 401 gets its WWW-Authenticate, 503 and 429 their Retry-After.
Response problem(int status, std::string_view title, std::string_view detail,
                 std::string_view trace);
/// The same from an error: `status_of`, the status's own phrase as the title.
Response problem(const Error& error, std::string_view trace);

}  // namespace themis::http
