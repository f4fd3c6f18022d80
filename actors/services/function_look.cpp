// One operation on a function, from finding its instances to letting go of those too many.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/services/function_deployer.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

const wire::Target kFunctionsTarget = Exports::target_of(kFunctionsActorName);

bool contains(const auto& nodes, const NodeId& id) {
  return std::ranges::any_of(nodes, [&](const ring::Contact& node) { return node.id == id; });
}

}  // namespace

void FunctionDeployer::find(const std::string& name) {
  finder_.find(name, [this, name](const Result<ring::Records>& records) {
    if (records) return found(name, *records);
    const Error& why = records.error();
    why.code == Code::not_found ? found(name, {}) : not_found_out(name, why);
  });
}

/// The ring does not answer: that does not mean that nobody runs the function.
void FunctionDeployer::not_found_out(const std::string& name, const Error& why) {
  Function& function = functions_.at(name);
  switch (function.work->queue.front().kind) {
    case Kind::remove:
      return let_go(name, function.instances);
    case Kind::deploy:
    case Kind::canary:
    case Kind::drop_canary:
      return fail_operation(
          name, {Code::unavailable, "which version of \"" + name +
                                        "\" is the newest cannot be told now: " + why.text()});
    case Kind::look:
      function.withdrawn = context_.loop.now() + kWithdrawFor;
      return fail_operation(name, why);
  }
}

void FunctionDeployer::found(const std::string& name, const ring::Records& records) {
  Function& function = functions_.at(name);
  const bool is_look = function.work->queue.front().kind == Kind::look;
  FunctionVersion newest;
  bool was_attempt_seen = false;
  for (const ring::Record& record : records) {
    const auto payload = decode_payload(record.payload);
    if (!payload) continue;  // somebody's record, but no function service's
    if (const auto canary = announced_canary(record.labels, payload->version.number)) {
      was_attempt_seen = look_at_canary(name, record, canary->version) || was_attempt_seen;
      newest.number = std::max(newest.number, is_look ? 0 : canary->version);
      if (!canary->beside) continue;
    }
    function.work->run.current.push_back(record.provider);
    const bool was_refused = payload->version == function.attempted &&
                             (!function.row || function.attempted > function.row->version);
    if (was_refused && is_look) {
      was_attempt_seen = true;
      send_unhost(name, record.provider);
    } else {
      newest = std::max(newest, payload->version);
    }
  }
  std::ranges::sort(function.work->run.current, {}, &ring::Contact::id);
  switch (function.work->queue.front().kind) {
    case Kind::remove:
      return let_go(name, ring::Contacts(function.work->run.current));
    case Kind::look:
      if (!function.row) return withdraw(name, was_attempt_seen);
      if (is_outdated(name, newest)) return;
      break;
    case Kind::drop_canary:
      break;
    case Kind::deploy:
    case Kind::canary:
      if (function.row) newest = std::max(newest, function.row->version);
      newest = std::max(newest, function.attempted);
      if (newest.number == UINT32_MAX)
        return fail_operation(name, {Code::overloaded, "there is no version after the last one"});
      function.work->run.version.number = newest.number + 1;
      return save_attempt(name);
  }
  locate(name);
}

/// A first deployment that nobody was told to have succeeded: its instances let go.
void FunctionDeployer::withdraw(const std::string& name, bool was_seen) {
  Function& function = functions_.at(name);
  const TimePoint now = context_.loop.now();
  if (was_seen) function.withdrawn = now + kWithdrawFor;
  if (now >= function.withdrawn) forget_attempt(name);
  fail_operation(name, {Code::not_found, "no such function is deployed here"});
}

void FunctionDeployer::forget_attempt(const std::string& name) {
  functions_.at(name).attempted = {};
  when_done(context_.actor.request(context_.store, caf::infinite, EraseDeployed{name}));
}

/// On disk before anybody is asked: a node that is killed in the middle knows what it began.
void FunctionDeployer::save_attempt(const std::string& name) {
  const HostedRow row{name, functions_.at(name).work->run.version};
  when_done(
      context_.actor.request(context_.store, caf::infinite, SaveAttempt{row}),
      [this, row] {
        functions_.at(row.name).attempted = row.version;
        locate(row.name);
      },
      [this, name](const caf::error& error) { fail_operation(name, from_caf(error)); });
}

/// Somebody deployed it anew through another node, which looks after it from now on.
bool FunctionDeployer::is_outdated(const std::string& name, const FunctionVersion& newest) {
  Function& function = functions_.at(name);
  if (newest <= function.row->version) return false;
  log::info("functions", "{} is looked after by another node: version {} there, {} here", name,
            newest.number, function.row->version.number);
  when_done(context_.actor.request(context_.store, caf::infinite, EraseDeployed{name}));
  host_.release(function.row->version.id);
  forget_canary(name);
  function.row.reset();
  function.attempted = {};
  --deployed_;
  fail_operation(name, {Code::not_found, "deployed anew through another node"});
  return true;
}

void FunctionDeployer::locate(const std::string& name) {
  Function& function = functions_.at(name);
  const Operation& operation = function.work->queue.front();
  const uint32_t wanted = operation.kind == Kind::deploy   ? operation.instances
                          : operation.kind == Kind::canary ? 1
                                                           : function.row->instances;
  Run& run = function.work->run;
  run.wanted = wanted;
  run.points.resize(wanted);
  run.lookups_open = wanted;
  for (uint32_t i = 0; i < wanted; ++i) {
    const auto done = [this, name] {
      if (--functions_.at(name).work->run.lookups_open == 0) walk(name);
    };
    const FindResponsible lookup{placement_point(name, i)};
    context_.actor.request(context_.node, caf::infinite, lookup)
        .then(
            [this, name, i, done](const ring::Contacts& nodes) {
              functions_.at(name).work->run.points[i] = nodes;
              done();
            },
            [done](const caf::error&) { done(); });
  }
}

/// The points may all lie before the same few nodes: goes on clockwise until there are enough.
void FunctionDeployer::walk(const std::string& name) {
  Run& run = functions_.at(name).work->run;
  const size_t known = rank_candidates(context_.self, run.current, run.points).size();
  const bool is_round = known == std::exchange(run.known, known);
  const ring::Contacts& last = run.points.back();
  if (known > run.wanted + kSpareCandidates || is_round ||
      run.points.size() >= run.wanted + kWalkMax)
    return place(name);
  const NodeId& from = last.empty() ? context_.self.id : last.back().id;
  const FindResponsible next{ring::finger_start(from, 0)};
  context_.actor.request(context_.node, caf::infinite, next)
      .then(
          [this, name](const ring::Contacts& nodes) {
            functions_.at(name).work->run.points.push_back(nodes);
            walk(name);
          },
          [this, name](const caf::error&) { place(name); });
}

void FunctionDeployer::place(const std::string& name) {
  Run& run = functions_.at(name).work->run;
  run.placement = Placement(run.wanted, candidates(name));
  while (const auto node = run.placement.next()) ask(name, *node);
  if (run.placement.is_settled()) settle(name);  // there was nobody to ask
}

void FunctionDeployer::ask(const std::string& name, const ring::Contact& node) {
  const auto failed = [this, name, node](const caf::error& error) {
    answered(name, node, fail(from_caf(error)));
  };
  const auto reached = [this, name, node, failed](const caf::actor& functions) {
    const Run& run = functions_.at(name).work->run;
    const HostedRow row{name, run.version, {}, run.key};
    const TimePoint deadline = context_.loop.now() + kHostTimeout;
    const auto accepted = [this, name, node](const AckMsg&) { answered(name, node, {}); };
    const CanaryShare& canary = functions_.at(name).work->queue.front().canary;
    if (canary.percent > 0)
      return void(
          context_.actor
              .request(functions, caf::infinite, encode_host_canary({row, canary}, deadline))
              .then(accepted, failed));
    context_.actor.request(functions, caf::infinite, encode_host(row, deadline))
        .then(accepted, failed);
  };
  context_.actor.request(context_.node, caf::infinite, ReachActor{node, kFunctionsTarget})
      .then(reached, failed);
}

void FunctionDeployer::answered(const std::string& name, const ring::Contact& node,
                                const Status& status) {
  Placement& placement = functions_.at(name).work->run.placement;
  if (status) {
    ++placed_;
    placement.accepted(node);
  } else if (is_functions_own(status.error().code)) {
    placement.give_up(status.error());
  } else {
    log::debug("functions", "{} does not host {}: {}", node.id.brief(), name,
               status.error().text());
    placement.refused(status.error());
  }
  while (const auto next = placement.next()) ask(name, *next);
  if (placement.is_settled()) settle(name);
}

void FunctionDeployer::settle(const std::string& name) {
  Function& function = functions_.at(name);
  const Placement& placement = function.work->run.placement;
  if (function.work->queue.front().kind == Kind::deploy) return settle_deploy(name);
  if (function.work->queue.front().kind == Kind::canary) return settle_canary(name);
  if (placement.placed().size() < function.row->instances &&
      placement.placed().size() != function.instances.size())
    log::warn("functions", "{} has {} of {} instances", name, placement.placed().size(),
              function.row->instances);
  function.instances = placement.placed();
  release_surplus(name);
  if (function.instances.empty())
    return fail_operation(name, {Code::unavailable, "no node can host \"" + name + "\" now"});
  finish(name, caf::make_message(caf::unit));
}

void FunctionDeployer::settle_deploy(const std::string& name) {
  Function& function = functions_.at(name);
  const Operation& operation = function.work->queue.front();
  const Placement& placement = function.work->run.placement;
  const std::optional<Error>& failure = placement.failure();
  const bool is_own = failure && is_functions_own(failure->code);
  if (placement.placed().empty() || is_own) {
    // A function at fault that compiled nowhere leaves nothing behind.
    if (!function.row && is_own && placement.placed().empty()) forget_attempt(name);
    Error error = is_own ? *failure : Error{Code::unavailable, "no node can host it"};
    if (!is_own && failure) error.detail += ": " + failure->text();
    take_back(name);
    return fail_operation(name, std::move(error));
  }
  const DeployedRow row{name, function.work->run.version, operation.instances,
                        function.work->run.key};
  const auto saved = [this, row, restores = operation.restores] {
    Function& done = functions_.at(row.name);
    done.work->run.keeps_code = false;
    forget_canary(row.name);  // it was promoted
    host_.keep(row.version.id);
    if (done.row) host_.release(done.row->version.id);
    if (!done.row) ++deployed_;
    done.row = row;
    done.instances = done.work->run.placement.placed();
    release_surplus(row.name);
    if (done.instances.size() < row.instances && short_.size() < kShortMax)
      short_.insert_or_assign(row.name, context_.loop.now() + kShortFor);
    log::info("functions", "{} version {} is up on {} of {} nodes", row.name, row.version.number,
              done.instances.size(), row.instances);
    finish(row.name, caf::make_message(
                         DeployedFunction{row.name, row.version.id, row.version.number, restores}));
  };
  const auto failed = [this, name](const caf::error& error) {
    take_back(name);
    fail_operation(name, from_caf(error));
  };
  const SaveDeployed save{row, operation.source, {operation.restores, context_.loop.wall_ms()}};
  when_done(context_.actor.request(context_.store, caf::infinite, save), saved, failed);
}

/// A deployment failed after some nodes had taken it: they let go, and the version before is placed
/// anew.
void FunctionDeployer::take_back(const std::string& name) {
  Function& function = functions_.at(name);
  const bool of_canary = function.work->queue.front().kind == Kind::canary;
  for (const ring::Contact& node : function.work->run.placement.placed())
    send_unhost(name, node, of_canary);
  function.withdrawn = context_.loop.now() + kWithdrawFor;
  if (function.row) enqueue(name, {});
}

/// Instances that are no longer needed: this node's own when another took it over, and those that
/// came back after others had replaced them.
void FunctionDeployer::release_surplus(const std::string& name) {
  const Run& run = functions_.at(name).work->run;
  for (const ring::Contact& node : run.current)
    if (contains(run.placement.left(), node.id)) send_unhost(name, node);
}

/// A removal: then what the function kept is erased, then its row, and who asked is told. Until
/// then it is deployed; when something of that fails, it is placed again.
void FunctionDeployer::let_go(const std::string& name, const ring::Contacts& instances) {
  for (const ring::Contact& node : instances) send_unhost(name, node);
  forget_canary(name);
  functions_.at(name).work->run.erases = true;
  next(name);
}

void FunctionDeployer::erase_state(const std::string& name) {
  if (!context_.router) return erase_row(name);
  eraser_.erase(name, [this, name](const Status& erased) {
    if (erased) return erase_row(name);
    enqueue(name, {});
    fail_operation(name, erased.error());
  });
}

void FunctionDeployer::erase_row(const std::string& name) {
  const auto erased = [this, name] {
    Function& gone = functions_.at(name);
    host_.release(gone.row->version.id);
    gone.row.reset();
    gone.attempted = {};
    --deployed_;
    finish(name, caf::make_message(caf::unit));
  };
  const auto failed = [this, name](const caf::error& error) {
    fail_operation(name, from_caf(error));
  };
  when_done(context_.actor.request(context_.store, caf::infinite, EraseDeployed{name}), erased,
            failed);
}

/// Who cannot be reached is not hosting either.
void FunctionDeployer::send_unhost(const std::string& name, const ring::Contact& node,
                                   bool of_canary) {
  ++functions_.at(name).work->run.unhosts_open;
  const auto done = [this, name] {
    --functions_.at(name).work->run.unhosts_open;
    next(name);
  };
  const auto failed = [done](const caf::error&) { done(); };
  const auto reached = [this, name, of_canary, done, failed](const caf::actor& functions) {
    const UnhostMsg order =
        encode_unhost({name, false, of_canary}, context_.loop.now() + kUnhostTimeout);
    context_.actor.request(functions, caf::infinite, order)
        .then([done](const AckMsg&) { done(); }, failed);
  };
  context_.actor.request(context_.node, caf::infinite, ReachActor{node, kFunctionsTarget})
      .then(reached, failed);
}

}  // namespace themis
