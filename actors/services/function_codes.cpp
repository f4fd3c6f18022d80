// The codes of a host: who runs or keeps them, which of them the workers have, and for how long.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/mesh/instance.hpp"
#include "actors/services/function_host.hpp"

namespace themis {

void FunctionHost::keep(const CodeId& id) {
  ++codes_[id].deployed;
  say_code(id);
}
void FunctionHost::release(const CodeId& id) {
  --codes_.at(id).deployed;
  say_code(id);
}
bool FunctionHost::keeps(const CodeId& id) const {
  const auto used = codes_.find(id);
  return used != codes_.end() && used->second.deployed > 0;
}

void FunctionHost::use(const CodeId& id, const std::string& name) {
  codes_[id].hosted.push_back(&name);
  say_code(id);
}
void FunctionHost::leave(const CodeId& id, const std::string& name) {
  CodeUse& use = codes_.at(id);
  std::erase(use.hosted, &name);
  if (use.hosted.empty()) retire(id);
  say_code(id);
}

/// Announces who has the code, as far as that is new.
void FunctionHost::say_code(const CodeId& id) {
  CodeUse& use = codes_.at(id);
  const std::string name = ring_name_of_code(id);
  const bool runs = !use.hosted.empty();
  // A listing says nothing but the name: not that calls would be in vain.
  const bool is_lie = use.shown == Shown::listed && !runs;
  if (is_lie || (!runs && use.deployed == 0)) names_.hide(use.shown, name);
  if (!runs && use.deployed == 0) {
    codes_.erase(id);
    return;
  }
  if (use.shown != Shown::no && use.as_host == runs) return;
  if (!runs && use.shown == Shown::no && !names_.has_room_to_keep()) return;
  use.as_host = runs;
  ProvideName provide{.name = name, .payload = encode_payload({{0, id}})};
  if (!runs) provide.labels.push_back(mesh::kNoCalls);
  names_.show(use.shown, std::move(provide), false);
}

void FunctionHost::make_room() {
  while (installed_ > kInstalledMax || installed_bytes_ > kInstalledBytesMax) {
    auto oldest = loaded_.end();
    CodeId at_workers{};
    uint64_t last_used = UINT64_MAX;
    for (auto code = loaded_.begin(); code != loaded_.end(); ++code)
      for (const auto& [id, installed] : code->second)
        if (installed.last_used < last_used) {
          last_used = installed.last_used;
          at_workers = id;
          oldest = code;
        }
    uninstall(oldest, at_workers);
  }
}

void FunctionHost::uninstall(Loaded::iterator code, const CodeId& at_workers) {
  const auto found = code->second.find(at_workers);
  installed_bytes_ -= found->second.bytes;
  --installed_;
  context_.actor.send(context_.workers, UninstallFunction{at_workers});
  code->second.erase(found);
  if (code->second.empty()) loaded_.erase(code);
}

void FunctionHost::retire(const CodeId& id) {
  std::erase_if(retired_, [&id](const Retired& one) { return one.id == id; });
  if (retired_.size() >= kRetiredMax) unload_oldest();
  retired_.push_back({context_.loop.now() + kGrace, id});
}

/// Installed it may be already, and not counted yet.
bool FunctionHost::is_coming(const CodeId& id) const {
  return std::ranges::any_of(changes_,
                             [&id](const auto& change) { return change.second.version.id == id; });
}

void FunctionHost::unload_oldest() {
  const CodeId id = retired_.front().id;
  retired_.pop_front();
  const auto used = codes_.find(id);
  if (used != codes_.end() && !used->second.hosted.empty()) return;
  if (is_coming(id)) return retire(id);
  for (auto loaded = loaded_.find(id); loaded != loaded_.end(); loaded = loaded_.find(id))
    uninstall(loaded, CodeId(loaded->second.begin()->first));
}

}  // namespace themis
