#pragma once
// What a person reads: aligned tables, colour on a terminal, no control characters from elsewhere.

#include <string>
#include <string_view>
#include <vector>

namespace themis::cli {

/// True when the standard output is a terminal and NO_COLOR is not set.
bool is_terminal();

/// Text from the network for a terminal: control characters become "?", so they cannot move the
/// cursor.
std::string printable(std::string_view text);

/// A table printed at once. Columns are as wide as their widest cell; the last one is not padded.
class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// `when_empty` is printed in place of a table without rows.
  void print(std::string_view when_empty) const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

/// One line, with its end; lines of two threads are not mixed.
void print_line(std::string_view text);
/// Bytes as they are.
void print_raw(std::string_view bytes);
/// A title above a table, bold on a terminal.
void print_title(std::string_view text);

/// "7d1f0c5b" of a 64-digit identifier.
std::string brief(std::string_view hex);
/// "3 d 4 h", "12 min", "45 s".
std::string duration(int64_t seconds);
/// "2026-11-21T08:00:00Z" of seconds since 1970.
std::string utc(int64_t seconds);

}  // namespace themis::cli
