#include "runtime/base/error.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace themis {
namespace {

constexpr std::array<std::string_view, 23> kNames = {
    "",           "malformed",       "too_large", "forged",       "replayed",     "wrong_peer",
    "denied",     "unauthenticated", "not_found", "exists",       "unavailable",  "timeout",
    "overloaded", "invalid",         "io",        "threw",        "cpu_exceeded", "memory_exceeded",
    "cancelled",  "internal",        "syntax",    "rate_limited", "not_hosted"};

}  // namespace

std::string_view name(Code code) {
  const auto index = static_cast<size_t>(code);
  return index < kNames.size() ? kNames[index] : std::string_view{};
}

bool is_code(uint8_t value) { return value >= 1 && value < kNames.size(); }

std::string Error::text() const {
  std::string text{name(code)};
  return detail.empty() ? text : text + ": " + detail;
}

void assert_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "themis: broken invariant at %s:%d: %s (%s)\n", file, line, why, condition);
  std::abort();
}

}  // namespace themis
