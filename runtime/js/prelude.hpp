#pragma once
// The JavaScript half of the Web API, compiled into the addon (prelude/*.js, embedded by embed.py).

#include <span>
#include <string_view>

namespace themis::js {

struct PreludeSource {
  std::string_view name;
  std::string_view source;
};

/// In the order they run. Each is the body of a function of (native, primordials, web): it takes
/// what earlier ones left in `web`, and leaves its own. The last leaves `web.dispatch`.
std::span<const PreludeSource> prelude_sources();

}  // namespace themis::js
