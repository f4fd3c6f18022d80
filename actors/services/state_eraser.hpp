#pragma once
// Erases what a function kept, when it is removed.

#include <map>

#include "actors/services/home_asker.hpp"

namespace themis {

/// Part of the function service; its thread only. In each namespace of the function that somebody
/// keeps, its own and those of its actors, on whichever nodes: first its actors there end, so that
/// none writes again what it still has in memory, then every key is deleted.
class StateEraser {
 public:
  using Done = std::function<void(const Status&)>;
  /// Pages of 100 keys in one namespace: more than the memory of a node bears.
  static constexpr size_t kPagesMax = 1 << 20;
  static constexpr Duration kEndMax = 5s;

  explicit StateEraser(FunctionContext& context) : context_(context) {}
  /// `done` is called once, unless the actor ends. Errors: unavailable (who keeps some of it cannot
  /// be reached: what was erased before stays erased), those of the state.
  void erase(const std::string& function, Done done);

 private:
  struct Job {
    std::string function;
    std::vector<std::string> spaces;  ///< Left to be erased, the current one last.
    size_t pages = 0;
    Done done;
  };

  void next(uint64_t id);
  void end_actors(uint64_t id, const ring::Contact& keeper);
  void list(uint64_t id);
  void remove(uint64_t id, std::vector<StateEntry> entries);
  void over(uint64_t id, const Status& status);
  /// What fails for any reason but that there is nothing.
  void failed(uint64_t id, const Error& why);

  FunctionContext& context_;
  std::map<uint64_t, Job> jobs_;  ///< One for each function that is being removed.
  uint64_t last_id_ = 0;
};

}  // namespace themis
