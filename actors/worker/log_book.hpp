#pragma once
// The last lines that the functions of a node have logged, for who asks. Pure: no actors, no clock.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace themis {

/// One reactor's thread. Lines of a function are numbered one by one; a number that is missing is a
/// line that was dropped.
class LogBook {
 public:
  /// A function's: what it said in the last minutes. All: as much as a node spends on it; then the
  /// one that keeps most loses half.
  static constexpr size_t kFunctionBytesMax = 256 * 1024;
  static constexpr size_t kBytesMax = size_t{16} << 20;
  /// Past it the one that was silent longest is forgotten.
  static constexpr size_t kFunctionsMax = 4096;
  /// Of one page: half of what a message carries.
  static constexpr size_t kPageBytesMax = 512 * 1024;

  struct Line {
    uint64_t sequence = 0;
    int64_t time_ms = 0;  ///< Since 1970.
    uint8_t level = 0;    ///< 0 debug to 3 error.
    uint32_t lost = 0;    ///< Lines before this one that were not kept; of read() only.
    std::string text;
    friend bool operator==(const Line&, const Line&) = default;
  };
  struct Query {
    uint64_t after = 0;  ///< The last number that is known; 0: none.
    uint8_t level = 0;   ///< This and above.
    int64_t since_ms = 0;
  };
  struct Page {
    std::vector<Line> lines;
    uint64_t next = 0;       ///< Query::after of what follows.
    bool restarted = false;  ///< `after` is of an earlier book: what came between is not known.
    friend bool operator==(const Page&, const Page&) = default;
  };

  /// `start_ms`: since 1970; a later book numbers its lines higher.
  explicit LogBook(int64_t start_ms) : last_(static_cast<uint64_t>(start_ms) * 1000) {}

  void add(std::string_view function, Line line);
  /// A line of this function was dropped.
  void skip(std::string_view function);
  Page read(std::string_view function, const Query& query) const;
  /// Called after each line that is kept, with its function; empty: nobody.
  void watch(std::function<void(std::string_view)> told) { told_ = std::move(told); }
  size_t bytes() const { return bytes_; }

 private:
  struct Log {
    std::deque<Line> lines;
    uint64_t first = 0;  ///< The first number of this log.
    uint64_t last = 0;
    size_t bytes = 0;
    int64_t time_ms = 0;
  };
  static size_t size_of(const Line& line) { return sizeof(Line) + line.text.size(); }
  Log& log_of(std::string_view function);
  void drop_first(Log& log);
  void make_room();

  std::map<std::string, Log, std::less<>> logs_;
  uint64_t last_;  ///< The highest number of any log.
  size_t bytes_ = 0;
  std::function<void(std::string_view)> told_;
};

}  // namespace themis
