#pragma once
// What an actor of a function is called, and where in the verified state it is kept: pure.

#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::bundle {

/// Of an actor's id, any UTF-8: a URL's path or a key of another system fits.
inline constexpr size_t kActorIdBytesMax = 256;
/// Of a function with actors: with a point and a digit behind it, it is a namespace.
inline constexpr size_t kActorFunctionBytesMax = 62;

/// Of one function: the exported class, and which of its objects.
struct ActorName {
  std::string class_name;
  std::string id;
  friend bool operator==(const ActorName&, const ActorName&) = default;
};

/// Errors: invalid (no name of a class), too_large (the id); an empty id is invalid.
Status check(const ActorName& actor);

/// Where an actor's storage is, and so where it runs: on the node that keeps the namespace. The
/// actors of a function are spread over sixteen namespaces, "FUNCTION.0" to "FUNCTION.f".
struct ActorHome {
  std::string name_space;
  /// 32 hexadecimal digits, half a hash of class and id. Its keys begin with them and "/".
  std::string key;
};
/// `function` has at most kActorFunctionBytesMax bytes, `actor` is checked.
ActorHome actor_home(std::string_view function, const ActorName& actor);
/// "FUNCTION.5" is one of them.
bool is_actor_space(std::string_view name_space);

/// Under this key the time of an actor's alarm is in its namespace, as a text:
/// milliseconds since 1970, the class, the id, with a space between them.
std::string alarm_key(const ActorHome& home);
inline constexpr std::string_view kAlarmPrefix = "alarm/";
struct Alarm {
  int64_t at_ms = 0;
  ActorName actor;
  friend bool operator==(const Alarm&, const Alarm&) = default;
};
/// Errors: malformed, those of check().
Result<Alarm> parse_alarm(std::string_view text);

}  // namespace themis::bundle
