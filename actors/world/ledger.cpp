#include "actors/world/ledger.hpp"

#include <fmt/format.h>

namespace themis::world {

std::string_view name(Happening what) {
  constexpr std::array<std::string_view, kHappenings> kNames{
      "start",      "stop",           "fault",    "heal",         "find-ok", "find-failed",
      "lookup-ok",  "lookup-failed",  "reach-ok", "reach-failed", "call-ok", "call-failed",
      "provide-ok", "provide-failed", "withdraw", "ideal",        "checked"};
  return kNames[static_cast<size_t>(what)];
}

std::string clock_text(TimePoint now) {
  return fmt::format("{:.6f}", std::chrono::duration<double>(now.time_since_epoch()).count());
}

void Ledger::note(Happening what, uint32_t slot, uint64_t value, std::string_view detail) {
  ++counts_[static_cast<size_t>(what)];
  trace_.mix(static_cast<uint64_t>(world_.now().time_since_epoch().count()));
  trace_.mix(static_cast<uint64_t>(what) << 32 | slot);
  trace_.mix(value);
  trace_.mix(as_bytes(detail));
  if (sink_)
    sink_(fmt::format("{} {:016x} {} {} {:x} {}", clock_text(world_.now()), world_.trace_hash(),
                      slot, name(what), value, detail));
}

void Ledger::remark(std::string_view text) const {
  if (sink_) sink_(fmt::format("{} {}", clock_text(world_.now()), text));
}

void Ledger::violate(std::string what) {
  if (violated()) return;
  violation_ = "at " + clock_text(world_.now()) + " s: " + std::move(what);
  if (sink_) sink_(violation_);
}

void Ledger::judge(Check check, std::string wrong) {
  Tally& tally = tallies_[static_cast<size_t>(check)];
  ++tally.all;
  if (wrong.empty()) {
    ++tally.right;
  } else if (counting_only_) {
    remark("wrong: " + wrong);
  } else {
    violate(std::move(wrong));
  }
}

void Ledger::took(Happening what, Duration time) {
  Duration& longest = longest_[static_cast<size_t>(what)];
  longest = std::max(longest, time);
}

void Ledger::provides(const std::string& name, const NodeId& provider, const Bytes& payload) {
  Announced& announced = announced_[{name, provider}];
  announced.payloads.insert(payload);
  announced.last = payload;
  announced.live = true;
}

void Ledger::withdraws(const std::string& name, const NodeId& provider) {
  announced_[{name, provider}].live = false;
}

void Ledger::ends(const NodeId& provider) {
  for (auto& [key, announced] : announced_)
    if (key.second == provider) announced.live = false;
}

bool Ledger::was_provided(const ring::Record& record) const {
  const auto found = announced_.find({record.name, record.provider.id});
  return found != announced_.end() && found->second.payloads.contains(record.payload);
}

std::map<NodeId, Bytes> Ledger::providers(const std::string& name) const {
  std::map<NodeId, Bytes> live;
  for (auto it = announced_.lower_bound({name, NodeId{}});
       it != announced_.end() && it->first.first == name; ++it)
    if (it->second.live) live.emplace(it->first.second, it->second.last);
  return live;
}

bool Ledger::breaks(Sabotage what) {
  if (sabotage != what || what == Sabotage::none) return false;
  sabotage = Sabotage::none;
  return true;
}

}  // namespace themis::world
