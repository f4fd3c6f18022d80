#include "actors/monitor/state_router.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/base/log.hpp"
#include "runtime/bundle/actor_name.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis {
namespace {

ring::Point point_of(std::string_view name_space) {
  crypto::Hasher hasher("themis/state/v1");
  return ring::Point{hasher.add_framed(as_bytes(name_space)).finish()};
}

/// The record outlives a restart: nobody else starts an empty namespace meanwhile.
ProvideName announcement(const std::string& name_space) {
  ProvideName provide{ring_name_of_state(name_space)};
  provide.outlives = true;
  return provide;
}

/// In kRoutedWaitingMax.
size_t weight(const wire::Frame& frame) { return 1 + frame.size() / kStateAskBytesMax; }

/// Whether another node may do what this one did not.
bool asks_on(Code code) { return code == Code::not_hosted || code == Code::unavailable; }

}  // namespace

StateRouter::StateRouter(caf::actor_config& config, caf::actor local, StateAccess access)
    : PinnedActor(config), local_(std::move(local)), access_(std::move(access)) {}

caf::behavior StateRouter::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) { forget(down.source); });
  return {[this](const UseNode& use) {
            node_ = use.node;
            self_ = use.self;
            guard_.emplace(self_.id, access_.routes, access_.rules);
            learn_own();
          },
          [this](const AnnounceNext&) { announce_next(); },
          [this](const AskHome& ask) { return take(ask.question, false); },
          [this](const AskStateMsg& question) { return take(question, true); },
          [this](const CallHome& ask) { return take_call(ask.call, ask.name_space, false); },
          [this](const InvokeMsg& call) { return take_call_of_peer(call); },
          [this](const UseActors& use) { actors_ = use.functions; },
          [this](const FindAgain& again) {
            const auto home = homes_.find(again.name_space);
            if (home != homes_.end() && !home->second.at) find(again.name_space);
          },
          [this](const NameStates& ask) -> caf::result<StateNames> {
            if (!local_) return to_caf({Code::not_found, "this node keeps no state"});
            delegate(local_, ask);
            return caf::delegated<StateNames>{};
          },
          [this](const ReportState& ask) -> caf::result<StateReport> {
            if (!local_) return to_caf({Code::not_found, "this node keeps no state"});
            delegate(local_, ask);
            return caf::delegated<StateReport>{};
          }};
}

void StateRouter::on_exit() {
  const Error ended{Code::unavailable, "the state's router ended"};
  for (auto& [name, home] : std::exchange(homes_, {}))
    for (Waiting& each : home.waiting) each.promise.deliver(to_caf(ended));
  local_ = node_ = actors_ = nullptr;
}

/// A rule names operations: each that a batch has is asked for once, a rate counts its calls.
Status StateRouter::admit_peer(const AskStateMsg& message, const StateAskHead& asked) {
  const wire::Frame& frame = *message.frame();
  for (const auto& [op, calls] : asked.ops)
    THEMIS_CHECK(guard_->admit(frame.peer(), ring_name_of_state(asked.name_space), themis::name(op),
                               reactor_.loop().now(), frame.former(), calls));
  return {};
}

caf::result<StateAnsweredMsg> StateRouter::take(const AskStateMsg& message, bool of_peer) {
  const Result<StateAskHead> asked = decode_ask_head(message);
  if (!asked) return to_caf(asked.error());
  if (const Status ok = check(*message.frame(), of_peer); !ok) return to_caf(ok.error());
  if (of_peer)
    if (const Status admitted = admit_peer(message, *asked); !admitted)
      return to_caf(admitted.error());
  route(asked->name_space, {message.frame(), false, make_response_promise(), of_peer});
  return caf::delegated<StateAnsweredMsg>{};
}

caf::result<StateRouter::OutcomeMsg> StateRouter::take_call(const InvokeMsg& message,
                                                            const std::string& name_space,
                                                            bool of_peer) {
  if (const Status ok = check(*message.frame(), of_peer); !ok) return to_caf(ok.error());
  route(name_space, {message.frame(), true, make_response_promise(), of_peer});
  return caf::delegated<OutcomeMsg>{};
}

caf::result<StateRouter::OutcomeMsg> StateRouter::take_call_of_peer(const InvokeMsg& message) {
  const auto name_space =
      wire::decode(message, [](const schema::Invoke::Reader& call) -> Result<std::string> {
        const bundle::ActorName actor{std::string(wire::text_of(call.getActor().getClassName())),
                                      std::string(wire::text_of(call.getActor().getId()))};
        THEMIS_CHECK(bundle::check(actor));
        std::string home = bundle::actor_home(wire::text_of(call.getFunction()), actor).name_space;
        if (!bundle::is_actor_space(home)) return fail(Code::malformed, "no function's actor");
        return home;
      });
  if (!name_space) return to_caf(name_space.error());
  const wire::Frame& frame = *message.frame();
  if (guard_)
    if (const Status admitted = guard_->admit(frame.peer(), ring_name_of_state(*name_space), "call",
                                              reactor_.loop().now(), frame.former());
        !admitted)
      return to_caf(admitted.error());
  return take_call(message, *name_space, true);
}

Status StateRouter::check(const wire::Frame& frame, bool of_peer) const {
  if (of_peer && !local_) return fail(Code::not_hosted, "this node keeps no state");
  if (!node_) return fail(Code::unavailable, "this node has not started yet");
  if (frame.deadline() < reactor_.loop().now())
    return fail(Code::timeout, "the deadline passed before the state was asked");
  if (waiting_ + weight(frame) > kRoutedWaitingMax)
    return fail(Code::overloaded, "too many questions wait for their namespaces");
  return {};
}

void StateRouter::route(const std::string& name_space, Waiting waiting) {
  if (homes_.size() >= kHomesMax)
    std::erase_if(homes_, [](const auto& each) { return each.second.waiting.empty(); });
  Home& home = homes_[name_space];
  if (home.at) return ask(home.at, name_space, waiting);
  waiting_ += weight(*waiting.frame);
  home.waiting.push_back(std::move(waiting));
  if (home.waiting.size() == 1) find(name_space);
}

void StateRouter::find(const std::string& name_space) {
  request(node_, caf::infinite, FindName{ring_name_of_state(name_space)})
      .then(
          [this, name_space](const ring::Records& records) {
            // Two that began at the same time are told apart the same way by everybody.
            const auto& first = *std::min_element(
                records.begin(), records.end(),
                [](const auto& a, const auto& b) { return a.provider.id < b.provider.id; });
            if (first.provider.id == self_.id) return settle(name_space, local_);
            reach(name_space, {first.provider}, 0);
          },
          [this, name_space](const caf::error& error) {
            const Error why = from_caf(error);
            why.code == Code::not_found ? ask_responsible(name_space) : give_up(name_space, why);
          });
}

void StateRouter::ask_responsible(const std::string& name_space) {
  const auto& waiting = homes_.at(name_space).waiting;
  const bool peer_chose = std::ranges::any_of(waiting, [](const auto& w) { return w.of_peer; });
  if (peer_chose) return keep(name_space);
  request(node_, caf::infinite, FindResponsible{point_of(name_space)})
      .then([this, name_space](const ring::Contacts& nodes) { reach(name_space, nodes, 0); },
            [this, name_space](const caf::error& error) { give_up(name_space, from_caf(error)); });
}

void StateRouter::reach(const std::string& name_space, ring::Contacts nodes, size_t next) {
  Home& home = homes_.at(name_space);
  if (next >= nodes.size()) {
    if (++home.finds >= kFindsMax)
      return give_up(name_space, {Code::unavailable, "no node that keeps state can be reached"});
    return void(reactor_.send_after(kFindPause, caf::actor(this),
                                    caf::make_message(FindAgain{name_space})));
  }
  if (nodes[next].id == self_.id)
    return local_ ? keep(name_space) : reach(name_space, nodes, next + 1);
  home.nodes = nodes;
  home.next = next;
  request(node_, caf::infinite, ReachActor{nodes[next], Exports::target_of(kStateRouterName)})
      .then([this, name_space](const caf::actor& proxy) { settle(name_space, proxy); },
            [this, name_space, nodes, next](const caf::error& error) {
              const Error why = from_caf(error);
              asks_on(why.code) ? reach(name_space, nodes, next + 1) : give_up(name_space, why);
            });
}

/// After a start: the ring's records of what the store has are this node's to renew.
void StateRouter::learn_own() {
  if (!local_) return;
  request(local_, caf::infinite, NameStates{})
      .then(
          [this](const StateNames& told) {
            own_.assign(told.names.begin(), told.names.end());
            announce_next();
          },
          [](const caf::error& error) {
            log::warn("state", "what is kept here is not announced: {}", describe(error));
          });
}

/// One after the other: a store may have thousands.
void StateRouter::announce_next() {
  if (own_.empty()) return;
  const auto announce = [this] {
    const std::string name_space = std::exchange(own_.front(), {});
    own_.pop_front();
    request(node_, caf::infinite, announcement(name_space))
        .then([this, name_space](caf::unit_t) { kept_.insert(name_space); },
              [name_space](const caf::error& error) {
                log::warn("state", "namespace {} is not announced: {}", name_space,
                          describe(error));
              });
    announce_next();
  };
  const auto is_own = [this](const ring::Record& record) { return record.provider.id == self_.id; };
  request(node_, caf::infinite, FindName{ring_name_of_state(own_.front())})
      .then(
          [this, announce, is_own](const ring::Records& records) {
            if (std::ranges::any_of(records, is_own)) return announce();
            log::error("state",
                       "namespace {} is kept by node {} since this one was gone; what is here is "
                       "not asked for",
                       own_.front(), records.front().provider.id.brief());
            own_.pop_front();
            announce_next();
          },
          [this, announce](const caf::error& error) {
            if (from_caf(error).code == Code::not_found) return announce();
            reactor_.send_after(kOwnNamesPause, caf::actor(this),
                                caf::make_message(AnnounceNext{}));
          });
}

bool StateRouter::may_keep(const std::string& name_space, const NodeId* peer) {
  if (kept_.contains(name_space)) return true;
  const size_t left = kKeptMax - std::min(kept_.size(), kKeptMax);
  if (peer == nullptr) return left > 0;
  const auto before = kept_for_.find(*peer);
  if ((before == kept_for_.end() ? 0 : before->second) >= left) return false;
  ++kept_for_[*peer];
  return true;
}

void StateRouter::keep(const std::string& name_space) {
  const Waiting& first = homes_.at(name_space).waiting.front();
  if (!may_keep(name_space, first.of_peer ? first.frame->peer() : nullptr))
    return give_up(name_space, {Code::overloaded, "this node keeps as many namespaces as it may"});
  request(node_, caf::infinite, announcement(name_space))
      .then(
          [this, name_space](caf::unit_t) {
            log::info("state", "namespace {} is kept here", name_space);
            kept_.insert(name_space);
            settle(name_space, local_);
          },
          [this, name_space](const caf::error& error) { give_up(name_space, from_caf(error)); });
}

void StateRouter::settle(const std::string& name_space, const caf::actor& at) {
  if (!at) return give_up(name_space, {Code::not_hosted, "this node keeps no state"});
  Home& home = homes_.at(name_space);
  home.at = at;
  if (at != local_ && watched_.insert(at.address()).second) monitor(at);
  const std::vector<Waiting> waiting = std::exchange(home.waiting, {});
  for (const Waiting& each : waiting) waiting_ -= weight(*each.frame);
  for (const Waiting& each : waiting) ask(at, name_space, each);
}

void StateRouter::give_up(const std::string& name_space, const Error& why) {
  auto home = homes_.extract(name_space);
  for (Waiting& each : home.mapped().waiting) {
    waiting_ -= weight(*each.frame);
    each.promise.deliver(to_caf(why));
  }
}

template <class Answer, class Question>
void StateRouter::pass_on(const caf::actor& to, const Question& question, const caf::actor& at,
                          const std::string& name_space, const Waiting& waiting) {
  caf::response_promise promise = waiting.promise;
  request(to, caf::infinite, question)
      .then(
          [this, promise, name_space](const Answer& answer) mutable {
            if (const auto home = homes_.find(name_space); home != homes_.end())
              home->second.finds = 0;
            promise.deliver(answer);
          },
          [this, promise, at, name_space, waiting](const caf::error& error) mutable {
            const bool is_elsewhere = from_caf(error).code == Code::not_hosted && !waiting.of_peer;
            if (is_elsewhere) return ask_elsewhere(at, name_space, waiting);
            promise.deliver(error);
          });
}

void StateRouter::ask(const caf::actor& at, const std::string& name_space, const Waiting& waiting) {
  caf::response_promise promise = waiting.promise;
  if (waiting.of_peer && at != local_)
    return promise.deliver(to_caf({Code::not_hosted, "another node keeps this namespace"}));
  if (!waiting.is_call)
    return pass_on<StateAnsweredMsg>(at, AskStateMsg(waiting.frame), at, name_space, waiting);
  const InvokeMsg call(waiting.frame);
  if (at != local_) return pass_on<OutcomeMsg>(at, call, at, name_space, waiting);
  if (!actors_)
    return promise.deliver(to_caf({Code::unavailable, "this node has not started yet"}));
  pass_on<OutcomeMsg>(actors_, RunActor{call}, at, name_space, waiting);
}

/// `at` keeps no state, or not this any more: nothing happened there.
void StateRouter::ask_elsewhere(const caf::actor& at, const std::string& name_space,
                                const Waiting& waiting) {
  Home& home = homes_[name_space];
  if (home.at && home.at != at) return ask(home.at, name_space, waiting);
  home.at = nullptr;
  home.waiting.push_back(waiting);
  waiting_ += weight(*waiting.frame);
  if (home.waiting.size() == 1) reach(name_space, home.nodes, home.next + 1);
}

void StateRouter::forget(const caf::actor_addr& ended) {
  watched_.erase(ended);
  for (auto& [name, home] : homes_)
    if (home.at && home.at.address() == ended) home.at = nullptr;
}

}  // namespace themis
