#include "apps/themis/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace themis::cli {
namespace {

/// Columns on the screen: UTF-8 continuation bytes take none.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

bool is_terminal() {
  static const bool kTerminal = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  return kTerminal;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = c == '\n' || c == '\t' ? ' ' : '?';
  }
  return out;
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell.empty() ? "-" : printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::print(std::string_view when_empty) const {
  if (rows_.empty()) return print_line(when_empty);
  std::vector<size_t> widths;
  for (const std::string& title : titles_) widths.push_back(width(title));
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      text += cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - width(cells[i]) + 2, ' ');
    }
    return text;
  };
  print_title(line(titles_));
  for (const auto& row : rows_) print_line(line(row));
}

void print_raw(std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); }

void print_line(std::string_view text) { print_raw(std::string(text) + '\n'); }

void print_title(std::string_view text) {
  print_line(is_terminal() ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text));
}

std::string brief(std::string_view hex) { return std::string(hex.substr(0, 8)); }

std::string duration(int64_t seconds) {
  if (seconds < 0) return "over";
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

std::string utc(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

}  // namespace themis::cli
