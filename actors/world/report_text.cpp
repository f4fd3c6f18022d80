#include "actors/world/report_text.hpp"

#include <fmt/format.h>

namespace themis::world {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
double speed(const SimulationReport& r) {
  return seconds(r.virtual_time) / std::max(seconds(r.wall_time), 1e-9);
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + '"';
}

/// "lookups 128 of 128 right, finds 250 of 256 right".
std::string line_of(const Tallies& tallies) {
  const auto& [lookups, finds] = tallies;
  return fmt::format("lookups {} of {} right, finds {} of {} right", lookups.right, lookups.all,
                     finds.right, finds.all);
}

std::string json_of(const Tallies& tallies) {
  const auto& [lookups, finds] = tallies;
  return fmt::format(R"({{"lookups": {}, "lookups_right": {}, "lookups_right_share": {:.5f}, )"
                     R"("finds": {}, "finds_right": {}, "finds_right_share": {:.5f}}})",
                     lookups.all, lookups.right, lookups.share(), finds.all, finds.right,
                     finds.share());
}

std::string line_of(const CheckReport& checks) {
  std::string out = "; checks: " + line_of(checks.calm);
  if (checks.malicious > 0) out += fmt::format(" ({} nodes malicious)", checks.malicious);
  if (checks.killed > 0)
    out += fmt::format("; {} killed at once: 3 periods later {}, after a refresh {}", checks.killed,
                       line_of(checks.soon), line_of(checks.later));
  return out;
}

}  // namespace

std::string as_line(const SimulationReport& r) {
  return fmt::format(
      "seed {} {}: {:.0f} s virtual, {} events, {} faults, {} starts; finds {} ok {} failed, "
      "lookups "
      "{} ok {} failed, calls {} ok {} failed, longest find {:.2f} s, healed in {:.1f} s; hash "
      "{:016x}; {:.0f} virtual s per s{}",
      r.seed, r.violation.empty() ? "ok" : "FAILED", seconds(r.virtual_time), r.events, r.faults,
      r.starts, r.finds_ok, r.finds_failed, r.lookups_ok, r.lookups_failed, r.calls_ok,
      r.calls_failed, seconds(r.longest_find), seconds(r.longest_heal), r.hash, speed(r),
      line_of(r.checks));
}

std::string as_json(const SimulationReport& r) {
  return fmt::format(
      R"({{"seed": {}, "ok": {}, "virtual_s": {:.3f}, "wall_s": {:.3f}, "speed": {:.1f}, )"
      R"("events": {}, "faults": {}, "starts": {}, "finds_ok": {}, "finds_failed": {}, )"
      R"("lookups_ok": {}, "lookups_failed": {}, "calls_ok": {}, "calls_failed": {}, )"
      R"("reaches_failed": {}, "longest_find_s": {:.3f}, "longest_reach_s": {:.3f}, )"
      R"("malicious": {}, "checks": {}, "killed": {}, "checks_soon": {}, "checks_later": {}, )"
      R"("longest_heal_s": {:.3f}, "hash": "{:016x}", "violation": {}}})",
      r.seed, r.violation.empty(), seconds(r.virtual_time), seconds(r.wall_time), speed(r),
      r.events, r.faults, r.starts, r.finds_ok, r.finds_failed, r.lookups_ok, r.lookups_failed,
      r.calls_ok, r.calls_failed, r.reaches_failed, seconds(r.longest_find),
      seconds(r.longest_reach), r.checks.malicious, json_of(r.checks.calm), r.checks.killed,
      json_of(r.checks.soon), json_of(r.checks.later), seconds(r.longest_heal), r.hash,
      json_text(r.violation));
}

}  // namespace themis::world
