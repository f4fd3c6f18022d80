#pragma once
// Which names a caller has the ring tell it of, so that it need not ask again and again.

#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/base/clock.hpp"

namespace themis::mesh {

/// A pure value; one thread. A name that gets no place here is asked for as if there were no
/// watches.
class WatchedNames {
 public:
  /// A quarter of what a node watches (ring::RingLimits::kWatchesMax): its gateway and its services
  /// each have a caller. Who is refused there goes on asking.
  static constexpr size_t kNamesMax = 256;
  /// Of these, names that nobody is known to provide: who asks for names at random keeps out no
  /// name that exists, and makes the ring take as many watches a minute at most.
  static constexpr size_t kMissingMax = 64;
  /// A name that was asked for since keeps its place.
  static constexpr Duration kIdle = 60s;

  struct Change {
    bool watch = false;                  ///< From now on.
    std::optional<std::string> unwatch;  ///< It had the place.
  };
  /// The ring is asked for `name`, which is in use then.
  [[nodiscard]] Change asked(const std::string& name, TimePoint now);
  /// The ring told who provides it. False: it is not watched any more.
  bool told(const std::string& name, bool is_provided);
  void drop(const std::string& name) { names_.erase(name); }
  size_t size() const { return names_.size(); }

 private:
  struct Watched {
    TimePoint asked;
    bool is_provided = false;
  };
  std::unordered_map<std::string, Watched> names_;
};

}  // namespace themis::mesh
