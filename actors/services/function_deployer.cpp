#include "actors/services/function_deployer.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"

namespace themis {
namespace {

void refuse(caf::response_promise& promise, Code code, std::string detail) {
  promise.deliver(to_caf({code, std::move(detail)}));
}

}  // namespace

void FunctionDeployer::restore(const std::vector<DeployedRow>& rows,
                               const std::vector<HostedRow>& attempted) {
  for (const DeployedRow& row : rows) {
    functions_[row.name].row = row;
    host_.keep(row.version.id);
    ++deployed_;
  }
  for (const HostedRow& attempt : attempted) {
    Function& function = functions_[attempt.name];
    function.attempted = attempt.version;
    function.withdrawn = context_.loop.now() + kWithdrawFor;
  }
}

void FunctionDeployer::deploy(const DeployFunction& order, caf::response_promise promise) {
  if (const Status valid = check_function_name(order.name); !valid)
    return refuse(promise, Code::invalid, valid.error().detail);
  if (order.source == nullptr || order.source->empty())
    return refuse(promise, Code::invalid, "a function without a source");
  const Result<bundle::Bundle> code = bundle::read_code(*order.source, order.name);
  if (!code) {
    const bool is_large = code.error().code == Code::too_large;
    return refuse(promise, is_large ? Code::too_large : Code::invalid, code.error().detail);
  }
  if (!code->settings.secrets.empty() ||
      code->settings.sealed.empty() != (order.key.get() == nullptr))
    return refuse(promise, Code::invalid, "secrets are kept sealed, with the key that opens them");
  if (order.instances == 0 || order.instances > kInstancesMax)
    return refuse(promise, Code::invalid,
                  "a function has 1 to " + std::to_string(kInstancesMax) + " instances");
  if (functions_.size() >= kDeployedMax && !functions_.contains(order.name))
    return refuse(promise, Code::overloaded, "as many functions as one node may look after");
  if (const Status fits = check_canary(order); !fits) return promise.deliver(to_caf(fits.error()));
  enqueue(order.name, {order.canary.percent > 0 ? Kind::canary : Kind::deploy,
                       order.source,
                       order.instances,
                       {std::move(promise)},
                       order.key,
                       0,
                       order.canary});
}

/// Errors: not_found.
Status FunctionDeployer::check_deployed(const std::string& name) const {
  if (functions_.contains(name)) return {};
  return fail(Code::not_found, "no function \"" + name + "\" was deployed through this node");
}

void FunctionDeployer::roll_back(const RollBack& order, caf::response_promise promise) {
  const std::string& name = order.name;
  if (const Status known = check_deployed(name); !known)
    return promise.deliver(to_caf(known.error()));
  if (functions_.at(name).canary) return refuse(promise, Code::exists, "\"" + name + kHasCanary);
  const uint64_t owed = described_.add(std::move(promise));
  const auto loaded = [this, name, owed](const FunctionStore::Restored& found) {
    const uint32_t restores =
        found.version.restores > 0 ? found.version.restores : found.version.version.number;
    enqueue(name, {Kind::deploy,
                   std::make_shared<const Bytes>(found.source),
                   found.version.instances,
                   {described_.take(owed)},
                   found.key,
                   restores});
  };
  context_.actor.request(context_.store, caf::infinite, LoadVersion{name, order.to})
      .then(loaded,
            [this, owed](const caf::error& error) { described_.take(owed).deliver(error); });
}

void FunctionDeployer::versions(const std::string& name, caf::response_promise promise) {
  if (const Status known = check_deployed(name); !known)
    return promise.deliver(to_caf(known.error()));
  const uint64_t owed = described_.add(std::move(promise));
  const auto loaded = [this, name, owed](VersionList list) {
    const auto found = functions_.find(name);
    if (found != functions_.end() && found->second.canary) {
      const Canary& canary = *found->second.canary;
      list.canary =
          DeployedFunction{name, canary.version.id, canary.version.number, 0, canary.share};
    }
    described_.take(owed).deliver(std::move(list));
  };
  context_.actor.request(context_.store, caf::infinite, LoadVersions{name})
      .then(loaded,
            [this, owed](const caf::error& error) { described_.take(owed).deliver(error); });
}

void FunctionDeployer::remove(const RemoveFunction& order, caf::response_promise promise) {
  if (const Status known = check_deployed(order.name); !known)
    return promise.deliver(to_caf(known.error()));
  enqueue(order.name, {Kind::remove, {}, 0, {std::move(promise)}});
}

void FunctionDeployer::ensure(const std::string& name, caf::response_promise promise) {
  if (const Status known = check_deployed(name); !known)
    return promise.deliver(to_caf(known.error()));
  enqueue(name, {Kind::look, {}, 0, {std::move(promise)}});
}

void FunctionDeployer::ensure(const CodeId& id, caf::response_promise promise) {
  if (host_.keeps(id))
    for (const auto& [name, function] : functions_)
      if (function.row && function.row->version.id == id) return ensure(name, std::move(promise));
  refuse(promise, Code::not_found,
         "no function of the code " + to_hex(id) + " was deployed through this node");
}

void FunctionDeployer::enqueue(const std::string& name, Operation operation) {
  Function& function = functions_[name];
  if (!function.work) function.work = std::make_unique<Work>();
  const bool is_look = operation.kind == Kind::look;
  // A look that waits already will see what this one wants to see.
  if (is_look && function.work->queue.size() > 1 &&
      function.work->queue.back().kind == Kind::look && !operation.promises.empty()) {
    auto& promises = function.work->queue.back().promises;
    if (promises.empty()) ++waiting_;
    promises.push_back(std::move(operation.promises.front()));
    return;
  }
  if (!operation.promises.empty()) {
    if (function.work->queue.size() >= kWaitingPerNameMax || waiting_ >= kWaitingMax) {
      refuse(operation.promises.front(), Code::overloaded,
             "too many operations on functions wait; try again");
      if (!function.work->queue.empty()) return;
      function.work.reset();
      if (!is_looked_after(function)) functions_.erase(name);
      return;
    }
    ++waiting_;
  }
  function.work->queue.push_back(std::move(operation));
  if (function.work->queue.size() == 1) start(name);
}

void FunctionDeployer::start(const std::string& name) {
  ++running_;
  Function& function = functions_.at(name);
  const Operation& operation = function.work->queue.front();
  function.work->run = Run{};
  if (operation.kind == Kind::remove) {
    if (function.row) return find(name);
    return fail_operation(name, {Code::not_found, "no such function is deployed here"});
  }
  if (operation.kind == Kind::drop_canary) return start_drop_canary(name);
  // Since it was asked for another one may have come, or the function may have gone.
  if (operation.kind == Kind::canary && (function.canary || !function.row))
    return fail_operation(name,
                          {Code::exists, "\"" + name + "\" was changed meanwhile; try again"});
  if (operation.kind == Kind::look) {
    if (!is_looked_after(function))
      return fail_operation(name, {Code::not_found, "no such function is deployed here"});
    if (function.row) {
      function.work->run.version = function.row->version;
      function.work->run.key = function.row->key;
    }
    return find(name);
  }
  function.work->run.version.id = crypto::blake2b(*operation.source);
  function.work->run.key = operation.key;
  when_done(
      context_.actor.request(context_.store, caf::infinite, PutCode{operation.source}),
      [this, name] {
        functions_.at(name).work->run.keeps_code = true;
        find(name);
      },
      [this, name](const caf::error& error) { fail_operation(name, from_caf(error)); });
}

void FunctionDeployer::finish(const std::string& name, caf::message answer) {
  Function& function = functions_.at(name);
  auto promises = std::exchange(function.work->queue.front().promises, {});
  --running_;
  if (!promises.empty()) --waiting_;
  for (caf::response_promise& promise : promises) promise.deliver(answer);
  function.work->run.is_over = true;
  next(name);
  start_due();
}

/// Not before everybody has let go who was told to: a late Unhost would end what the next operation
/// places.
void FunctionDeployer::next(const std::string& name) {
  Function& function = functions_.at(name);
  if (function.work->run.unhosts_open > 0) return;
  if (std::exchange(function.work->run.erases, false)) return erase_state(name);
  if (!function.work->run.is_over) return;
  function.work->queue.pop_front();
  if (!function.work->queue.empty()) return start(name);
  function.work.reset();
  if (!is_looked_after(function)) functions_.erase(name);
}

void FunctionDeployer::fail_operation(const std::string& name, Error error) {
  const Run& run = functions_.at(name).work->run;
  if (run.keeps_code)
    when_done(context_.actor.request(context_.store, caf::infinite, DropCode{run.version.id}));
  finish(name, caf::make_message(to_caf(error)));
}

void FunctionDeployer::describe(const std::string& name, caf::response_promise promise) {
  FunctionReport report{.name = name, .id = {}, .version = 0, .wanted = 0, .instances = {}};
  if (const auto own = functions_.find(name); own != functions_.end() && own->second.row) {
    const DeployedRow& row = *own->second.row;
    report.id = row.version.id;
    report.version = row.version.number;
    report.wanted = row.instances;
  }
  const uint64_t owed = described_.add(std::move(promise));
  finder_.find(name, [this, report, owed](const Result<ring::Records>& found) mutable {
    caf::response_promise asked = described_.take(owed);
    if (!found && report.wanted > 0) return asked.deliver(report);
    if (!found) {
      const Error& why = found.error();
      return asked.deliver(to_caf(why.code == Code::not_found
                                      ? Error{why.code, "no function \"" + report.name + "\""}
                                      : why));
    }
    FunctionVersion newest{report.version, report.id};
    for (const ring::Record& record : *found) {
      const auto payload = decode_payload(record.payload);
      if (!payload) continue;
      report.instances.push_back(record.provider);
      const auto canary = announced_canary(record.labels, payload->version.number);
      if (canary && !canary->beside && report.version > 0) continue;
      newest = std::max(newest, payload->version);
    }
    report.id = newest.id;
    report.version = newest.number;
    asked.deliver(report);
  });
}

FunctionList FunctionDeployer::list(const std::string& after) const {
  FunctionList some;
  for (auto next = functions_.upper_bound(after); next != functions_.end(); ++next) {
    const auto& [name, function] = *next;
    if (!function.row) continue;
    if (some.functions.size() >= kFunctionsPerListMax) {
      some.next = some.functions.back().name;
      break;
    }
    some.functions.push_back({name, function.row->version.id, function.row->version.number,
                              function.row->instances, function.instances});
  }
  return some;
}

void FunctionDeployer::tick() {
  const TimePoint now = context_.loop.now();
  look_at_short(now);
  if (now < next_look_) return;
  next_look_ = now + kLookInterval;
  // What is left of the round before has its turn first.
  auto next = functions_.upper_bound(looked_at_);
  for (size_t i = 0; due_.size() < kLooksPerIntervalMax && i < functions_.size(); ++i, ++next) {
    if (next == functions_.end()) next = functions_.begin();
    looked_at_ = next->first;
    if (is_looked_after(next->second)) due_.push_back(next->first);
  }
  start_due();
}

void FunctionDeployer::look_at_short(TimePoint now) {
  std::erase_if(short_, [&](const auto& entry) {
    const auto found = functions_.find(entry.first);
    return now >= entry.second || found == functions_.end() || !found->second.row ||
           found->second.instances.size() >= found->second.row->instances;
  });
  for (const auto& [name, until] : short_)
    if (!functions_.at(name).work) enqueue(name, {});
}

void FunctionDeployer::stop() {
  for (auto& [name, function] : functions_)
    for (Operation& operation : function.work ? function.work->queue : std::deque<Operation>())
      for (caf::response_promise& promise : operation.promises)
        refuse(promise, Code::cancelled, "the function service ended");
  functions_.clear();
  described_.refuse_all({Code::cancelled, "the function service ended"});
}

void FunctionDeployer::start_due() {
  while (running_ < kLooksMax && !due_.empty()) {
    const std::string name = std::move(due_.front());
    due_.pop_front();
    const auto found = functions_.find(name);
    if (found != functions_.end() && is_looked_after(found->second) && !found->second.work)
      enqueue(name, {});
  }
}

}  // namespace themis
