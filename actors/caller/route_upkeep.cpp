// How a RouteCaller learns who provides a name, of changes, and of instances that are lost.
#include <caf/all.hpp>

#include "actors/caller/route_caller.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "rpc.capnp.h"

namespace themis {

void RouteCaller::forget(const std::string& name) {
  ++forgets_;
  watched_.drop(name);  // the next call watches it anew, and is told what is known
  table_.forget(name);
}

/// Waits for the find that is under way, or for the next one (`anew`: what has just been done shall
/// be seen).
void RouteCaller::find(uint64_t id, bool anew) {
  Open& open = open_.at(id);
  open.fresh = open.searching = true;
  const auto [search, is_first] = searches_.try_emplace(open.call.name);
  (anew && !is_first ? search->second.next : search->second.waiting).push_back(id);
  if (is_first) ask_ring(open.call.name);
}

/// The old route serves until the answer is there.
void RouteCaller::refresh(const std::string& name) {
  if (searches_.try_emplace(name).second) ask_ring(name);
}

void RouteCaller::look(const std::string& name) {
  if (node_ != nullptr && !table_.knows(name, kind_.now())) refresh(name);
}

mesh::Instances RouteCaller::instances_of(const std::string& name,
                                          const ring::Records& records) const {
  mesh::Instances instances = mesh::instances_of(records);
  std::erase_if(instances, [&](const mesh::Instance& instance) {
    return !kind_.may_run(name, instance.contact.id);
  });
  return instances;
}

void RouteCaller::ask_ring(const std::string& name) {
  ++counters_.finds;
  watch(name);
  actor_.request(node_, caf::infinite, FindName{name})
      .then(
          [this, name](const ring::Records& records) {
            table_.learn(name, instances_of(name, records), kind_.now());
            found(name, {});
          },
          [this, name](const caf::error& error) {
            Error why = from_caf(error);
            // An old route is better than none.
            if (why.code == Code::not_found) {
              table_.learn(name, {}, kind_.now());
              return found(name, {});
            }
            found(name, fail(std::move(why)));
          });
}

void RouteCaller::found(const std::string& name, const Status& status) {
  const auto search = searches_.find(name);
  if (search == searches_.end()) return;  // stopped
  const std::vector<uint64_t> waiting = std::move(search->second.waiting);
  search->second.waiting = std::exchange(search->second.next, {});
  if (search->second.waiting.empty()) {
    searches_.erase(search);
  } else {
    ask_ring(name);
  }
  for (const uint64_t id : waiting) {
    if (!woken(id)) continue;
    if (!status) open_.at(id).last = status.error();
    go_on(id);
  }
}

/// The ring tells of the changes of a name that it is asked for: while it does, it is asked seldom.
void RouteCaller::watch(const std::string& name) {
  const mesh::WatchedNames::Change change = watched_.asked(name, kind_.now());
  if (change.unwatch) {
    table_.unwatched(*change.unwatch);
    actor_.send(node_, UnwatchName{*change.unwatch});
  }
  if (!change.watch) return;
  actor_.request(node_, caf::infinite, WatchName{name})
      .then([](caf::unit_t) {},
            [this, name](const caf::error&) {
              watched_.drop(name);
              table_.unwatched(name);
            });
}

/// A node's finds and watches tell each other: what a find answers later is no older. That an
/// instance may be gone is news only without a session of one's own: whoever says so may lie, and
/// would keep calls from it by saying it again and again.
void RouteCaller::on_changed(const NameChanged& changed) {
  if (!watched_.told(changed.name, !changed.records.empty())) return;
  table_.learn(changed.name, instances_of(changed.name, changed.records), kind_.now(),
               mesh::RouteTable::Source::watch);
  for (const NodeId& node : changed.lost) {
    const auto proxy = proxies_.lower_bound({node, wire::Target{}});
    if (proxy == proxies_.end() || proxy->first.first != node) table_.lost(node, kind_.now());
  }
  arm_checks();
}

void RouteCaller::on_down(const caf::down_msg& down) {
  const auto found = std::ranges::find_if(
      proxies_, [&down](const auto& entry) { return entry.second.address() == down.source; });
  if (found == proxies_.end()) return;
  const NodeId node = found->first.first;
  proxies_.erase(found);
  // This is how proxies end whose session is lost: not with a drained one, nor with an actor.
  if (down.reason != to_caf({Code::unavailable, ""})) return;
  table_.lost(node, kind_.now());
  arm_checks();
}

void RouteCaller::on_timer(const CallerTimer& timer) {
  if (timer.call != 0) return hedge(timer.call);
  checks_armed_ = false;
  if (node_ == nullptr) return;  // stopped
  for (const mesh::RouteTable::Check& due : table_.checks_due(kind_.now())) check(due);
  arm_checks();
}

void RouteCaller::arm_checks() {
  if (table_.wants_checks() && !std::exchange(checks_armed_, true)) kind_.after(kChecksEvery, 0);
}

/// The very actor that takes the calls is asked: one that hangs does not answer.
void RouteCaller::check(const mesh::RouteTable::Check& check) {
  const auto end = [this, name = check.name, at = check.key()](bool passed) {
    table_.checked(name, at, passed, kind_.now());
  };
  const TimePoint deadline =
      kind_.now() + std::chrono::milliseconds(table_.policy(check.name).health_timeout_ms);
  const ReachActor reach{check.instance, kind_.target_of(check.name, check.is_canary)};
  actor_.request(node_, caf::infinite, reach)
      .then(
          [this, end, deadline](const caf::actor& instance) {
            using Echo = wire::Msg<schema::Echo>;
            actor_.request(instance, caf::infinite, wire::Builder<schema::Echo>(8).finish(deadline))
                .then([end](const Echo&) { end(true); }, [end](const caf::error&) { end(false); });
          },
          [end](const caf::error&) { end(false); });
}

}  // namespace themis
