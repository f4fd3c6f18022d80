#pragma once
// The JavaScript half of the Web API, compiled into the addon (prelude/*.js, embedded by embed.py).

#include <span>
#include <string_view>

namespace themis::js {

struct PreludeSource {
  std::string_view name;
  std::string_view source;
  /// Empty: it runs into the snapshot. Else when web.library() is first asked for this.
  std::string_view library;
};

/// In the order they run. Each is the body of a function of (native, primordials, web): it takes
/// what earlier ones left in `web`, and leaves its own. The last leaves `web.dispatch`. A library
/// returns its exports.
std::span<const PreludeSource> prelude_sources();

}  // namespace themis::js
