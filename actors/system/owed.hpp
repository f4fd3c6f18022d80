#pragma once
// Answers that an actor owes while it waits for another one.

#include <caf/response_promise.hpp>
#include <cstdint>
#include <map>
#include <utility>

#include "actors/system/caf_error.hpp"

namespace themis {

/// CAF drops a promise unanswered when the actor that holds it ends, and whoever asked waits for
/// its own timeout. Kept here, all are answered by refuse_all() in on_exit(). Bounded by whoever
/// admits the requests. One actor's; its thread only.
class Owed {
 public:
  uint64_t add(caf::response_promise promise) {
    promises_.emplace(++last_, std::move(promise));
    return last_;
  }
  /// Each id once, and none after refuse_all().
  caf::response_promise take(uint64_t id) { return std::move(promises_.extract(id).mapped()); }
  void refuse_all(const Error& why) {
    for (auto& [id, promise] : std::exchange(promises_, {})) promise.deliver(to_caf(why));
  }

 private:
  std::map<uint64_t, caf::response_promise> promises_;
  uint64_t last_ = 0;
};

}  // namespace themis
