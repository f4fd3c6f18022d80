#include "actors/oyster/installed_codes.hpp"

#include <algorithm>

#include "runtime/bundle/bundle.hpp"

namespace themis {
namespace {

/// So much of a code's id is in its name: for logs.
constexpr size_t kNameDigits = 16;

/// What an uploaded code may reach: hosts that workers.fetch names, and nothing else.
const std::shared_ptr<const bundle::Settings>& settings() {
  static const auto all = [] {
    bundle::Settings made;
    made.fetch = {"*"};
    return std::make_shared<const bundle::Settings>(std::move(made));
  }();
  return all;
}

}  // namespace

InstallFunction description_of(const CodeId& id, std::shared_ptr<const Bytes> source,
                               const FunctionLimits& limits) {
  const std::string hex = to_hex(id);
  InstallFunction function;
  function.name = "oyster:" + hex.substr(0, kNameDigits);
  function.id = id;
  function.source = std::move(source);
  function.limits = limits;
  function.owner = "oyster/" + hex;
  function.settings = settings();
  return function;
}

std::shared_ptr<const Bytes> InstalledCodes::find(const CodeId& id) {
  const auto found = codes_.find(id);
  if (found == codes_.end()) return nullptr;
  found->second.last_used = ++uses_;
  return found->second.source;
}

std::vector<CodeId> InstalledCodes::keep(const CodeId& id, std::shared_ptr<const Bytes> source) {
  if (find(id)) return {};
  bytes_ += source->size();
  codes_.emplace(id, Code{std::move(source), ++uses_});
  std::vector<CodeId> gone;
  while (codes_.size() > 1 && (codes_.size() > kCodesMax || bytes_ > bytes_max_)) {
    const auto oldest = std::ranges::min_element(
        codes_, {}, [](const auto& entry) { return entry.second.last_used; });
    bytes_ -= oldest->second.source->size();
    if (oldest->second.is_installed) gone.push_back(oldest->first);
    codes_.erase(oldest);
  }
  return gone;
}

bool InstalledCodes::is_installed(const CodeId& id) const {
  const auto found = codes_.find(id);
  return found != codes_.end() && found->second.is_installed;
}

void InstalledCodes::installed(const CodeId& id) {
  if (const auto found = codes_.find(id); found != codes_.end()) found->second.is_installed = true;
}

}  // namespace themis
