#include "enclave/sandbox/confinement.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>

namespace themis::sandbox {
namespace {

constexpr std::string_view kNamespaceNames[] = {"user", "pid", "net", "mnt", "ipc", "uts"};
constexpr std::string_view kCgroupKinds[] = {"v1", "v2", "none"};

// launch() installs a small filter of its own, so the kernel's answer alone does not tell.
constinit std::atomic<bool> filtered = false;

/// Takes the text up to `separator` (or all) off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::string_view head = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(head.size() + 1, text.size()));
  return head;
}

Result<std::string_view> field(std::string_view& text, std::string_view name) {
  std::string_view value = take(text, ';');
  if (take(value, '=') != name)
    return fail(Code::malformed, fmt::format("{}: no {}", kConfinementVariable, name));
  return value;
}

template <size_t kSize>
bool one_of(const std::string_view (&words)[kSize], std::string_view word) {
  return std::ranges::find(words, word) != std::end(words);
}

}  // namespace

std::string Confinement::text() const {
  return fmt::format("namespaces {}; {}seccomp; landlock {}; cgroup {}; {}dumpable; {}",
                     namespaces.empty() ? "none" : fmt::format("{}", fmt::join(namespaces, ",")),
                     seccomp ? "" : "no ", landlock == 0 ? "none" : std::to_string(landlock),
                     cgroup, dumpable ? "" : "not ",
                     no_new_privileges ? "no new privileges" : "privileges can be gained");
}

std::string to_variable(const Confinement& confinement) {
  return fmt::format("namespaces={};landlock={};cgroup={}", fmt::join(confinement.namespaces, ","),
                     confinement.landlock, confinement.cgroup);
}

Result<Confinement> from_variable(std::string_view text) {
  Confinement confinement;
  THEMIS_TRY(std::string_view names, field(text, "namespaces"));
  while (!names.empty()) {
    const std::string_view one = take(names, ',');
    const bool repeated =
        std::ranges::find(confinement.namespaces, one) != confinement.namespaces.end();
    if (!one_of(kNamespaceNames, one) || repeated)
      return fail(Code::malformed, fmt::format("{}: bad namespaces", kConfinementVariable));
    confinement.namespaces.emplace_back(one);
  }
  THEMIS_TRY(const std::string_view abi, field(text, "landlock"));
  const auto [end, error] =
      std::from_chars(abi.data(), abi.data() + abi.size(), confinement.landlock);
  if (error != std::errc{} || end != abi.data() + abi.size())
    return fail(Code::malformed, fmt::format("{}: bad landlock", kConfinementVariable));
  THEMIS_TRY(const std::string_view kind, field(text, "cgroup"));
  if (!one_of(kCgroupKinds, kind) || !text.empty())
    return fail(Code::malformed, fmt::format("{}: bad cgroup", kConfinementVariable));
  confinement.cgroup = kind;
  return confinement;
}

void note_filter() { filtered = true; }

Result<Confinement> own_confinement() {
  Confinement confinement;
  if (const char* told = std::getenv(kConfinementVariable.data())) {
    THEMIS_TRY(confinement, from_variable(told));
  }
  confinement.pid = static_cast<uint32_t>(::getpid());
  confinement.seccomp = filtered.load() && ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
  confinement.dumpable = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0;
  confinement.no_new_privileges = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  return confinement;
}

}  // namespace themis::sandbox
