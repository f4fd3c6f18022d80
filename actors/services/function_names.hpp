#pragma once
// What this node says on the ring of the functions it runs and of the codes it keeps. As many as
// fit have records of their own; the others are listed, which costs 8 bytes of memory each.

#include <map>

#include "actors/services/function_context.hpp"

namespace themis {

/// Part of the function service; its thread only.
class FunctionNames {
 public:
  /// Names with records of their own. Of the 1,024 that a node may provide 512 are those of
  /// listings, and queues, state and services need some.
  static constexpr size_t kAloneMax = 300;
  /// The same with those of functions that are woken by the clock or take messages: a listing says
  /// not exactly enough which nodes run them.
  static constexpr size_t kAloneWithEventsMax = 400;

  /// The same with those of codes that are only kept here, which few ask for.
  static constexpr size_t kAloneToKeepMax = 100;

  /// How a name is said.
  enum class Shown : uint8_t { no, alone, listed };
  using Done = std::function<void()>;

  explicit FunctionNames(FunctionContext& context) : context_(context) {}

  /// Whether there is room for one more record.
  bool has_room(bool has_events) const {
    return alone_ < (has_events ? kAloneWithEventsMax : kAloneMax);
  }
  bool has_room_to_keep() const { return alone_ < kAloneToKeepMax; }
  /// Says `offer.name`, or says it anew; `done` is called once the ring has it, or has failed: then
  /// the node goes on trying. What is listed says nothing but the name.
  void show(Shown& shown, ProvideName offer, bool has_events, Done done = {});
  void hide(Shown& shown, const std::string& name);
  /// While functions are restored names that are listed go out together.
  void begin_start() { starting_ = true; }
  void end_start();

  /// The queues that a function consumes; those it did before and does not are hidden.
  void show_queues(const std::string& function, const FunctionVersion& version,
                   const bundle::Settings& settings);
  void hide_queues(const std::string& function, const bundle::Settings& kept);

 private:
  FunctionContext& context_;
  size_t alone_ = 0;
  bool starting_ = false;
  std::vector<std::string> to_list_;
  std::map<std::string, std::string> consumers_;  ///< Announced queues, and whose they are.
};

}  // namespace themis
