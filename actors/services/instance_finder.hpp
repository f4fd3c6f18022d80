#pragma once
// Who runs a function, and which version: what the ring tells, and what those say that it only
// lists.

#include <functional>
#include <map>

#include "actors/services/function_context.hpp"

namespace themis {

/// Part of the function service; its thread only.
class InstanceFinder {
 public:
  /// How long a node that lists a function may take to say whether it runs it.
  static constexpr Duration kLocateTimeout = 2s;

  using Found = std::function<void(const Result<ring::Records>&)>;

  explicit InstanceFinder(FunctionContext& context) : context_(context) {}

  /// Finds the instances of `name`, each with its version as payload; `found` is called once. Who
  /// is only listed and does not answer, or says no, is left out. Errors: those of FindName.
  void find(const std::string& name, Found found);

 private:
  /// Of one name; goes when the last that was asked has answered.
  struct Search {
    std::string name;
    Found found;
    ring::Records records;
    size_t open = 0;
  };
  void locate(uint64_t id, size_t at);
  void settle(uint64_t id);

  FunctionContext& context_;
  std::map<uint64_t, Search> searches_;
  uint64_t last_search_ = 0;
};

}  // namespace themis
