// Which functions a host has loaded: bringing them in, making room, letting them go.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_process.hpp"

namespace themis {
namespace {

Result<wire::Target> read_target(const wire::Msg<schema::Loaded>& message) {
  return wire::decode(message, [](const schema::Loaded::Reader& loaded) -> Result<wire::Target> {
    return loaded.getActor();
  });
}

bool is_cached(const wire::Msg<schema::Loaded>& message) {
  const auto cached = wire::decode(
      message,
      [](const schema::Loaded::Reader& loaded) -> Result<bool> { return loaded.getCached(); });
  return !cached || *cached;
}

}  // namespace

void WorkerProcess::load(const FunctionPtr& function, Loaded then) {
  if (!process_->alive()) return then(fail(not_loaded()));
  const auto [found, fresh] = functions_.try_emplace(function->id);
  Function& entry = found->second;
  entry.last_used = ++last_use_;
  if (!fresh && entry.source->code != function->code) {
    entry.is_replaced = true;
    entry.later.emplace_back(function, std::move(then));
    return entry.proxy ? replace(function->id) : void();
  }
  if (entry.proxy) return then(entry.proxy);
  if (entry.unloads) return entry.later.emplace_back(function, std::move(then)), void();
  entry.waiting.push_back(std::move(then));
  if (!fresh) return;
  const TimePoint now = reactor_.loop().now();
  // The last line of what keeps owners apart: the pool chooses processes by it.
  if (!owner_) owner_ = function->owner;
  THEMIS_ASSERT(*owner_ == function->owner, "a process runs functions of one owner");
  if (deployer_.value_or(function->deployer) != function->deployer) deployer_ = "";
  if (!deployer_) deployer_ = function->deployer;
  entry.loaded = entry.called = now;
  sweep_later();
  entry.source = function;
  entry.overdue = now + kOverdue + js::kLoadCpuMin;
  if (const Status room = make_room(); !room) {
    const std::vector<Loaded> waiting = std::move(entry.waiting);
    functions_.erase(found);
    for (const Loaded& each : waiting) each(fail(room.error()));
    return;
  }
  watch();
  request(host_, caf::infinite, encode_load(*function, now + kLoadMax))
      .then(
          [this, id = function->id](const wire::Msg<schema::Loaded>& answer) {
            if (const auto known = functions_.find(id); known != functions_.end())
              known->second.takes_cache = !is_cached(answer);
            on_loaded(id, read_target(answer));
          },
          [this, id = function->id](const caf::error& error) {
            const Error why = from_caf(error);
            on_loaded(id, fail(process_->alive() ? function_error(why) : not_loaded()));
          });
}

void WorkerProcess::on_loaded(const CodeId& id, const Result<wire::Target>& target) {
  const auto found = functions_.find(id);
  if (found == functions_.end() || found->second.proxy) return;
  const bool unloads = found->second.unloads;
  const auto later = std::exchange(found->second.later, {});
  deliver_loaded(id, target);
  if (unloads) unload(id);
  for (const auto& [function, then] : later) load(function, then);
}

/// Once a load: a host cannot make a node write all the time, nor for functions it does not run.
void WorkerProcess::keep_cache(const wire::Msg<schema::CodeCache>& message) {
  const Result<KeepCodeCache> made = decode_code_cache(message);
  if (!made) return;
  const auto found = functions_.find(made->id);
  if (found == functions_.end() || !std::exchange(found->second.takes_cache, false)) return;
  if (const auto pool = caf::actor_cast<caf::actor>(pool_)) send(pool, *made);
}

void WorkerProcess::deliver_loaded(const CodeId& id, const Result<wire::Target>& target) {
  const auto found = functions_.find(id);
  const std::vector<Loaded> waiting = std::exchange(found->second.waiting, {});
  if (!target) {
    functions_.erase(found);
    for (const Loaded& then : waiting) then(fail(target.error()));
    return;
  }
  const caf::actor proxy = process_->proxy(*target);
  found->second.proxy = proxy;
  proxies_.emplace(proxy.address(), id);
  monitor(proxy);
  for (const Loaded& then : waiting) then(proxy);
}

bool WorkerProcess::is_busy(const Function& function) const {
  const auto is_its = [&](const auto& entry) { return entry.second.at == function.proxy; };
  return std::ranges::any_of(calls_, is_its) ||
         std::ranges::any_of(out_flows_, [&](const auto& entry) {
           return entry.second.function == function.proxy;
         });
}

/// An actor that is asked something is never unloaded: it would be there twice.
Status WorkerProcess::make_room() {
  const bool has_actors = functions_.begin()->second.source->actor.has_value();
  if (functions_.size() <= (has_actors ? kActorsMax : kLoadedMax)) return {};
  std::vector<std::pair<uint64_t, CodeId>> by_use;
  for (const auto& [id, function] : functions_)
    if (function.proxy) by_use.emplace_back(function.last_used, id);
  std::ranges::sort(by_use);
  for (const auto& [used, id] : by_use) {
    if (has_actors && is_busy(functions_.at(id))) continue;
    unload(id);
    return {};
  }
  if (!has_actors) return {};
  return fail(Code::overloaded, "all " + std::to_string(kActorsMax) +
                                    " actors of the function that may be loaded are busy");
}

void WorkerProcess::replace(const CodeId& id) {
  const auto found = functions_.find(id);
  if (found == functions_.end() || !found->second.is_replaced || is_busy(found->second)) return;
  const auto later = std::exchange(found->second.later, {});
  unload(id);
  for (const auto& [function, then] : later) load(function, then);
}

void WorkerProcess::unload(const CodeId& id) {
  const auto found = functions_.find(id);
  if (found == functions_.end()) return;
  if (!found->second.proxy) {
    found->second.unloads = true;
    return;
  }
  // The host lets it answer the calls in flight; a call that crosses this is sent again.
  proxies_.erase(found->second.proxy.address());
  functions_.erase(found);
  anon_send(host_, encode_unload(id));
}

}  // namespace themis
