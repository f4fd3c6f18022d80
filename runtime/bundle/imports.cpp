#include "runtime/bundle/imports.hpp"

#include <algorithm>

namespace themis::bundle {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '.';
}

enum class Import { none, statement, call };

/// What names a string that begins after `before`.
Import import_before(std::string_view before) {
  const auto trim = [&before] {
    while (!before.empty() && is_space(before.back())) before.remove_suffix(1);
  };
  trim();
  const bool is_call = before.ends_with('(');
  if (is_call) before.remove_suffix(1);
  trim();
  size_t start = before.size();
  while (start > 0 && is_word(before[start - 1])) --start;
  const std::string_view word = before.substr(start);
  if (is_call) return word == "import" || word == "require" ? Import::call : Import::none;
  return word == "import" || word == "from" ? Import::statement : Import::none;
}

/// Whether the argument ends with a string that `behind` follows: `import('./a' + b)` names
/// nothing.
bool ends_argument(std::string_view behind) {
  while (!behind.empty() && is_space(behind.front())) behind.remove_prefix(1);
  return behind.starts_with(')') || behind.starts_with(',') || behind.starts_with('/');
}

/// The end of the comment or string that begins at `at`; `at` when there is none.
size_t skip_comment(std::string_view text, size_t at) {
  if (text.substr(at, 2) == "//") return std::min(text.find('\n', at), text.size());
  if (text.substr(at, 2) != "/*") return at;
  const size_t end = text.find("*/", at + 2);
  return end == std::string_view::npos ? text.size() : end + 2;
}

/// Behind the closing quote of the string that begins at `at`; a line break ends all but `...`.
size_t skip_string(std::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    } else if (text[i] == '\n' && quote != '`') {
      return i;
    }
  }
  return text.size();
}

}  // namespace

std::vector<std::string> imports_of(std::string_view source) {
  std::vector<std::string> found;
  for (size_t at = 0; at < source.size() && found.size() < kImportsMax;) {
    const char c = source[at];
    if (const size_t after = skip_comment(source, at); after != at) {
      at = after;
      continue;
    }
    if (c != '"' && c != '\'' && c != '`') {
      ++at;
      continue;
    }
    const size_t end = skip_string(source, at);
    const bool is_closed = end - at >= 2 && source[end - 1] == c;
    const std::string text(source.substr(at + 1, is_closed ? end - at - 2 : 0));
    const Import import =
        text.empty() || c == '`' ? Import::none : import_before(source.substr(0, at));
    const bool names = import == Import::statement ||
                       (import == Import::call && ends_argument(source.substr(end)));
    if (names && text.find('\\') == std::string::npos &&
        std::ranges::find(found, text) == found.end())
      found.push_back(text);
    at = end;
  }
  return found;
}

}  // namespace themis::bundle
