#include "runtime/js/prelude_strings.hpp"

#include <deque>
#include <vector>

namespace themis::js {

std::span<PreludeString* const> prelude_strings() {
  static std::deque<PreludeString> strings;
  static const std::vector<PreludeString*> pointers = [] {
    std::vector<PreludeString*> out;
    for (const PreludeSource& part : prelude_sources())
      out.push_back(&strings.emplace_back(part.source));
    return out;
  }();
  return pointers;
}

}  // namespace themis::js
