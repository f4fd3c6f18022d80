#pragma once
// Errors as values: one closed list of codes for the whole project, a detail for people, and the
// assert that stays on.

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace themis {

/// What went wrong, in the terms a caller can act on. The numbers travel on the wire: append only.
enum class Code : uint8_t {
  malformed = 1,         ///< Bytes or text that do not follow their format.
  too_large = 2,         ///< A length over its named limit; nothing was allocated for it.
  forged = 3,            ///< A tag, signature or hash that does not verify.
  replayed = 4,          ///< A counter or nonce that was seen before, or is out of order.
  wrong_peer = 5,        ///< The other side proved an identity, but not the expected one.
  denied = 6,            ///< The caller is known and may not do this.
  unauthenticated = 7,   ///< The caller did not prove who it is.
  not_found = 8,         ///< No such thing here.
  exists = 9,            ///< It is there already, and different.
  unavailable = 10,      ///< The peer cannot be reached, or went away before it answered.
  timeout = 11,          ///< The deadline passed.
  overloaded = 12,       ///< A queue or table is at its limit; try again later.
  invalid = 13,          ///< An argument or a config value that makes no sense.
  io = 14,               ///< The operating system refused; the detail says what.
  threw = 15,            ///< A function threw or returned something that is no Response.
  cpu_exceeded = 16,     ///< A function used up its CPU time.
  memory_exceeded = 17,  ///< A function used up its memory.
  cancelled = 18,        ///< Given up because its owner went away.
  internal = 19,         ///< A fault of ours.
  syntax = 20,           ///< A function's source does not compile.
  rate_limited = 21,     ///< The caller asks more often than it may; try again later.
  not_hosted = 22,       ///< The node that was asked does not run it: nothing happened there.
};

/// The code's name as in the enum, for logs and JSON.
std::string_view name(Code code);
/// True for a value that this build knows; a code from the wire is checked with it.
bool is_code(uint8_t value);

struct Error {
  Code code = Code::internal;
  std::string detail;

  /// "timeout: no answer from 127.0.0.1:7002 in 3 s".
  std::string text() const;
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// `return fail(Code::malformed, "record of 3 bytes");`
inline tl::unexpected<Error> fail(Code code, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

[[noreturn]] void assert_failed(const char* condition, const char* why, const char* file, int line);

}  // namespace themis

/// Broken invariants stop the process, in release builds too: going on would make it worse.
#define THEMIS_ASSERT(condition, why) \
  ((condition) ? (void)0 : ::themis::assert_failed(#condition, why, __FILE__, __LINE__))

#define THEMIS_CONCAT_(a, b) a##b
#define THEMIS_CONCAT(a, b) THEMIS_CONCAT_(a, b)
/// `THEMIS_TRY(auto key, load(path));` assigns the value, or returns the error to the caller.
#define THEMIS_TRY(declaration, expression) \
  THEMIS_TRY_(THEMIS_CONCAT(themis_try_, __LINE__), declaration, expression)
#define THEMIS_TRY_(temporary, declaration, expression)                                   \
  auto&& temporary = (expression);                                                        \
  if (!temporary) return ::tl::unexpected<::themis::Error>(std::move(temporary.error())); \
  declaration = std::move(*temporary)
/// The same for a Status.
#define THEMIS_CHECK(expression)                                                  \
  do {                                                                            \
    if (auto themis_status = (expression); !themis_status)                        \
      return ::tl::unexpected<::themis::Error>(std::move(themis_status.error())); \
  } while (false)
