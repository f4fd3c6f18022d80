#pragma once
// What a JavaScript source imports, as far as its text shows it: good enough to collect files, not
// to judge them. That is the engine's part.

#include <string>
#include <string_view>
#include <vector>

namespace themis::bundle {

/// The texts after `from`, `import`, `import(` and `require(`, in their order, each once. Texts in
/// comments and strings are not looked at; one in the middle of a regular expression with quotes
/// may be missed. At most kImportsMax.
std::vector<std::string> imports_of(std::string_view source);

/// More specifiers than a bundle has modules are of no use to anybody.
inline constexpr size_t kImportsMax = 4096;

}  // namespace themis::bundle
