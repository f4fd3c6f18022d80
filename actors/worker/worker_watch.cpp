// What of a host is idle, and what is stuck: looked at from time to time.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/worker/worker_process.hpp"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

/// How often calls in flight are looked at: the precision of the guards.
constexpr Duration kTick = 100ms;
/// How often idle functions are looked for, at most.
constexpr Duration kSweepMax = 30s;

}  // namespace

void WorkerProcess::sweep_later() {
  if (sweep_ != 0) return;
  const Duration least = std::min({options_.idle_max, options_.age_max, options_.unread_max});
  const Duration pause = std::clamp<Duration>(least / 4, kTick, kSweepMax);
  sweep_ = reactor_.loop().after(pause, [this] {
    sweep_ = 0;
    sweep();
  });
}

/// Unloads what nobody calls, and what has been there long: its isolate's heap only grows older.
void WorkerProcess::sweep() {
  const TimePoint now = reactor_.loop().now();
  std::vector<CodeId> old;
  for (const auto& [id, function] : functions_)
    if (function.proxy && !(function.source->actor && is_busy(function)) &&
        (now - function.called > options_.idle_max || now - function.loaded > options_.age_max))
      old.push_back(id);
  for (const CodeId& id : old) unload(id);
  end_unread(now);
  if (!functions_.empty() || !out_flows_.empty()) sweep_later();
}

void WorkerProcess::watch() {
  if (tick_ == 0) tick_ = reactor_.loop().after(kTick, [this] { on_tick(); });
}

void WorkerProcess::on_tick() {
  tick_ = 0;
  const TimePoint now = reactor_.loop().now();
  bool suspicious = expire_calls(now);
  bool owing = !calls_.empty() || !takes_.empty();
  for (const auto& [id, call] : calls_) suspicious = suspicious || now > call.overdue;
  for (const auto& [id, overdue] : takes_) suspicious = suspicious || now > overdue;
  for (const auto& [id, function] : functions_) {
    if (function.proxy) continue;
    owing = true;
    suspicious = suspicious || now > function.overdue;
  }
  if (suspicious && up_ && !ping_sent_) ping();
  kill_stuck(now);
  if (owing || ping_sent_) watch();
}

bool WorkerProcess::expire_calls(TimePoint now) {
  std::vector<uint64_t> expired;
  for (const auto& [id, call] : calls_)
    if (now > call.expires) expired.push_back(id);
  for (const uint64_t id : expired)
    fail_call(calls_.extract(id).mapped(),
              {Code::timeout, "the function did not answer within its wall limit"});
  return !expired.empty();
}

void WorkerProcess::ping() {
  ping_sent_ = reactor_.loop().now();
  request(host_, caf::infinite, wire::Builder<schema::Ping>(2).finish())
      .then([this](const wire::Msg<schema::Ack>&) { ping_sent_.reset(); },
            [this](const caf::error&) { ping_sent_.reset(); });
}

void WorkerProcess::kill_stuck(TimePoint now) {
  if (!ping_sent_) return;
  Duration patience = js::kLoadCpuMin;
  for (const auto& [id, function] : functions_)
    patience =
        std::max<Duration>(patience, std::chrono::milliseconds(function.source->limits.cpu_ms));
  if (now - *ping_sent_ <= patience + kPingMax) return;
  log::warn("worker", "worker {} is stuck in a function and is killed", slot_);
  std::vector<uint64_t> overdue;
  // What was sent after the ping did not begin what keeps the host from answering it.
  for (const auto& [id, call] : calls_)
    if (now > call.overdue && call.sent < *ping_sent_) overdue.push_back(id);
  for (const uint64_t id : overdue)
    fail_call(calls_.extract(id).mapped(),
              {Code::cpu_exceeded, "the function ran past its CPU limit and could only be killed"});
  // A load that is stuck is at fault as well; others that wait are sent elsewhere.
  for (auto it = functions_.begin(); it != functions_.end();) {
    const bool guilty = !it->second.proxy && now > it->second.overdue;
    if (!guilty) {
      ++it;
      continue;
    }
    const Function stuck = std::move(it->second);
    it = functions_.erase(it);
    for (const Loaded& then : stuck.waiting)
      then(fail(Code::cpu_exceeded, "loading ran past its CPU limit and could only be killed"));
    for (const auto& [function, then] : stuck.later) then(fail(not_loaded()));
  }
  killed_ = true;
  process_->kill({Code::cpu_exceeded, "stuck in a function"});
}

}  // namespace themis
