#pragma once
// The table of known keys: name, kind, how a value is set and shown. Private to runtime/config.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/config/config.hpp"

namespace themis::config {

/// A value as TOML can say it; what a key takes is one alternative of these.
using Value = std::variant<bool, int64_t, std::string, std::vector<std::string>>;
/// In the order of Value's alternatives.
enum class Kind : uint8_t { boolean, number, text, list };

struct Key {
  std::string_view table;
  std::string_view name;
  Kind kind;
  /// `value` holds the alternative that `kind` names. The error's detail says what is wrong,
  /// without the key.
  Status (*set)(Config& config, const Value& value);
  Value (*get)(const Config& config);

  std::string full_name() const { return std::string(table) + '.' + std::string(name); }
};

/// All keys, grouped by table, in the order of mesh.toml. Those of a list of tables ([[route]])
/// stand for the list's last entry.
std::span<const Key> keys();

/// "a string", for messages.
std::string_view kind_name(Kind kind);

/// A rule over several keys that is broken, and the key to look at.
struct Conflict {
  std::string_view key;
  std::string detail;
};
/// Status of the rules over several keys; `conflict` tells where when it returns false.
bool consistent(const Config& config, Conflict& conflict);
bool consistent(const RouteConfig& route, Conflict& conflict);

}  // namespace themis::config
