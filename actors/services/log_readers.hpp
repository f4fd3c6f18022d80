#pragma once
// Who reads the logs of this node's functions, and waits for lines.

#include <functional>
#include <map>
#include <set>

#include "actors/services/function_context.hpp"
#include "actors/services/log_codec.hpp"

namespace themis {

/// Part of the function service; its thread only. Who may read what is the service's to say.
class LogReaders {
 public:
  /// How long a reader waits at most: it asks again.
  static constexpr Duration kWaitMax = 10s;
  /// Lines that come so close together go out as one page.
  static constexpr Duration kGather = 5ms;
  static constexpr size_t kReadersMax = 256;

  explicit LogReaders(net::Loop& loop) : loop_(loop) {}

  /// Null: this node keeps no logs. It outlives the service.
  void start(LogBook* book);
  /// Delivers LogPageMsg, at once when there are lines or nobody is to wait. Errors: overloaded.
  /// `node`: who asks; with the reader's number it names a wait.
  void read(const NodeId& node, const ReadLog& order, caf::response_promise promise);
  /// Whoever waited too long is answered.
  void tick();
  void stop();

 private:
  struct Wait {
    ReadLog order;
    caf::response_promise promise;
    TimePoint until;
  };
  using Name = std::pair<NodeId, uint64_t>;

  using IsDue = std::function<bool(const Wait&, const LogBook::Page&)>;

  void told(std::string_view function);
  void answer_new();
  void answer(const IsDue& is_due);

  net::Loop& loop_;
  LogBook* book_ = nullptr;
  std::map<Name, Wait> waits_;
  std::set<std::string, std::less<>> new_;  ///< Functions with lines that somebody waits for.
  net::TimerId timer_ = 0;
};

}  // namespace themis
