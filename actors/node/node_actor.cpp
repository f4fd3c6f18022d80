#include "actors/node/node_actor.hpp"

#include <caf/all.hpp>

#include "actors/ring/ring_codec.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr Duration kJoinWarnEvery = 10s;
const wire::Target kNodeTarget = Exports::target_of(kNodeActorName);

caf::message failure(const Error& error) { return caf::make_message(to_caf(error)); }

template <class T>
caf::message outcome(const Result<T>& result) {
  return result ? caf::make_message(*result) : failure(result.error());
}

std::string_view state_name(SessionActor::State state) {
  switch (state) {
    case SessionActor::State::connecting:
      return "connecting";
    case SessionActor::State::handshake:
      return "handshake";
    case SessionActor::State::open:
      return "open";
    case SessionActor::State::draining:
      return "draining";
    case SessionActor::State::closed:
      return "closed";
  }
  return "closed";
}

}  // namespace

NodeActor::NodeActor(caf::actor_config& config, Reactor& reactor, NodeOptions options)
    : HostedActor(config, reactor), options_(std::move(options)), peers_(options_.peers) {
  if (peers_ != nullptr) return;
  own_peers_ =
      std::make_unique<PeerTable>(reactor, *options_.identity, options_.encryption, *options_.rng,
                                  *options_.types, *options_.exports, options_.sessions);
  peers_ = own_peers_.get();
  own_peers_->set_admission(options_.admission);
}

Status NodeActor::start() {
  if (own_peers_) THEMIS_CHECK(own_peers_->listen(options_.listen));
  if (options_.advertise.host.empty()) options_.advertise = peers_->address();
  number_ = peers_->add(*options_.identity, *options_.exports,
                        [this](const NodeId& peer, const Error&) { on_lost(peer); });
  ring_.emplace(*options_.identity, options_.advertise, options_.ring, *options_.rng);
  options_.exports->add(kNodeActorName, caf::strong_actor_ptr{ctrl()});
  ring_->start(options_.bootstrap, moment());
  pump();
  return {};
}

ring::Moment NodeActor::moment() const {
  return {reactor_.loop().now(), reactor_.loop().wall_ms()};
}

void NodeActor::on_message(caf::mailbox_element& element) {
  if (!ring_) return reply(element, failure({Code::unavailable, "the node has not started"}));
  if (element.mid.is_response()) return on_answer(element);
  if (const wire::FramePtr* frame = options_.types->frame_of(element.content()))
    return on_question(element, *frame);
  if (on_local(element)) return;
  dead_letters().record(DeadLetterKind::unexpected, type_name(element.content()),
                        reactor_.loop().now());
  reply(element, failure({Code::invalid, "a node takes no such message"}));
}

void NodeActor::on_question(caf::mailbox_element& element, const wire::FramePtr& frame) {
  const NodeId* peer = frame->peer();
  if (peer == nullptr) return reply(element, failure({Code::denied, "only peers ask a node"}));
  const Result<ring::Question> question = ring::decode_question(frame);
  if (!question) return reply(element, failure(question.error()));
  const Result<ring::Reply> answer = ring_->answer(*peer, *question, moment());
  reply(element,
        answer ? options_.types->message_of(ring::encode(*answer)) : failure(answer.error()));
  pump();
}

void NodeActor::run(const ring::Ask& ask) {
  NodeId expected = ask.to.id;
  if (const auto pinned = options_.pinned.find(ask.to.address);
      expected.is_zero() && pinned != options_.pinned.end())
    expected = pinned->second;
  const TimePoint deadline = reactor_.loop().now() + ask.timeout;
  wire::FramePtr frame = ring::encode(ask.question);
  frame.writable()->set_deadline(deadline);
  asked_[ask.token].wanted = ask.to.id;
  const caf::strong_actor_ptr self{ctrl()};
  peers_->open(
      expected, ask.to.address,
      [this, self, token = ask.token, frame](const Result<PeerLink>& link) {
        on_way(token, frame, link);
      },
      number_);
  // A dial may take as long as a handshake may: the question does not wait for it.
  const auto dialling = asked_.find(ask.token);
  if (dialling == asked_.end() || dialling->second.sent) return;
  dialling->second.timer = reactor_.loop().after(ask.timeout, [this, self, token = ask.token,
                                                               to = ask.to.address] {
    if (asked_.erase(token) == 0) return;
    ring_->answered(token, NodeId{}, fail(Code::timeout, "no session with " + to.text()), moment());
    pump();
  });
}

/// Sends a question that still waits for its way.
void NodeActor::on_way(uint64_t token, const wire::FramePtr& frame, const Result<PeerLink>& link) {
  const auto asked = asked_.find(token);
  if (asked == asked_.end()) return;
  reactor_.loop().cancel(std::exchange(asked->second.timer, 0));
  const NodeId& wanted = asked->second.wanted;
  const bool succeeded = link && !wanted.is_zero() && link->peer() != wanted;
  if (link && !succeeded) {
    asked->second.sent = true;
    asked->second.of = link->peer();
    return link->send_request(caf::strong_actor_ptr{ctrl()}, caf::make_message_id(token),
                              kNodeTarget, frame);
  }
  const Error why = succeeded ? Error{Code::unavailable, "node " + link->peer().brief() +
                                                             " took the place of " + wanted.brief()}
                              : link.error();
  asked_.erase(asked);
  ring_->answered(token, NodeId{}, fail(why), moment());
  pump();
}

void NodeActor::on_answer(caf::mailbox_element& element) {
  const uint64_t token = element.mid.request_id().integer_value();
  const auto& content = element.content();
  const auto asked = asked_.extract(token);
  if (asked.empty()) return;
  const NodeId& from = asked.mapped().of;
  if (const wire::FramePtr* frame = options_.types->frame_of(content)) {
    ring_->answered(token, from, ring::decode_reply(*frame), moment());
  } else {
    const Error error = content.match_elements<caf::error>()
                            ? from_caf(content.get_as<caf::error>(0))
                            : Error{Code::malformed, "an answer that is no reply"};
    // The session says these two; a node that says no itself does so with other codes.
    const bool silent = error.code == Code::unavailable || error.code == Code::timeout;
    ring_->answered(token, silent ? NodeId{} : from, fail(error), moment());
  }
  pump();
}

bool NodeActor::on_local(caf::mailbox_element& element) {
  auto& content = element.content();
  if (content.match_elements<FindName>()) {
    find(element, content.get_as<FindName>(0).name);
  } else if (content.match_elements<ListNames>()) {
    list(element, content.get_as<ListNames>(0).names);
  } else if (content.match_elements<UnlistName>()) {
    unlist(content.get_as<UnlistName>(0).name);
    reply(element, caf::make_message(caf::unit));
  } else if (content.match_elements<ProvideName>()) {
    const auto& provide = content.get_as<ProvideName>(0);
    ring_->provide(provide.name, provide.offer(), wait(element), moment());
  } else if (content.match_elements<WithdrawName>()) {
    ring_->withdraw(content.get_as<WithdrawName>(0).name, moment());
    reply(element, caf::make_message(caf::unit));
  } else if (content.match_elements<WatchName>()) {
    watch(element, content.get_as<WatchName>(0).name);
  } else if (content.match_elements<UnwatchName>()) {
    unwatch(element.sender, content.get_as<UnwatchName>(0).name);
    reply(element, caf::make_message(caf::unit));
  } else if (content.match_elements<FindResponsible>()) {
    ring_->lookup(content.get_as<FindResponsible>(0).point, wait(element), moment());
  } else if (content.match_elements<ReachActor>()) {
    reach(content.get_as<ReachActor>(0), {element.sender, element.mid});
  } else if (content.match_elements<ReportNode>()) {
    reply(element, caf::make_message(report()));
  } else {
    return false;
  }
  pump();
  return true;
}

/// By its name, or by one that it still goes by.
bool NodeActor::is_self(const NodeId& id) const {
  const wire::Identity& self = *options_.identity;
  const auto names_it = [&](const wire::Succession& succession) {
    return wire::node_id(succession.old_key, self.network()) == id;
  };
  return id == self.id() ||
         std::ranges::any_of(wire::in_force(self.former(), moment().wall_ms / 1000), names_it);
}

void NodeActor::reach(const ReachActor& reach, Waiter waiter) {
  if (const auto finger = fingers_.find(reach.contact.id);
      reach.target == kNodeTarget && finger != fingers_.end())
    return answer(waiter, caf::make_message(finger->second.handle()));
  if (is_self(reach.contact.id)) {
    const caf::strong_actor_ptr* own = options_.exports->find(reach.target);
    return answer(waiter, own == nullptr ? failure({Code::not_hosted, "no such actor here"})
                                         : caf::make_message(caf::actor_cast<caf::actor>(*own)));
  }
  const caf::strong_actor_ptr self{ctrl()};
  peers_->open(
      reach.contact.id, reach.contact.address,
      [this, self, waiter, target = reach.target](const Result<PeerLink>& link) {
        answer(waiter, link ? caf::make_message(link->proxy(target)) : failure(link.error()));
      },
      number_);
}

void NodeActor::forward(const ring::Contact& to, wire::Target target,
                        caf::mailbox_element& element) {
  const wire::FramePtr* frame = options_.types->frame_of(element.content());
  if (frame == nullptr)
    return reply(element, failure({Code::invalid, "only wire messages travel to other processes"}));
  const Waiter waiter{element.sender, element.mid};
  peers_->open(
      to.id, to.address,
      [this, self = caf::strong_actor_ptr{ctrl()}, waiter, target,
       frame = *frame](const Result<PeerLink>& link) {
        if (!link) return answer(waiter, failure(link.error()));
        if (waiter.id.is_request()) {
          link->send_request(waiter.sender, waiter.id, target, frame);
        } else {
          link->send_tell(target, frame);
        }
      },
      number_);
}

/// A contact's session ended: it restarted, or it is gone. One attempt tells which.
void NodeActor::on_lost(const NodeId& peer) {
  ring_->session_lost(peer, moment());
  pump();
  const ring::Contact* contact = ring_->table().find(peer);
  if (contact == nullptr || ring_->state() == ring::Ring::State::left) return;
  const caf::strong_actor_ptr self{ctrl()};
  peers_->open(
      peer, contact->address,
      [this, self, peer](const Result<PeerLink>& link) {
        if (getf(is_terminated_flag) || (link && link->peer() == peer)) return;
        ring_->unreachable(peer, moment());
        pump();
      },
      number_);
}

void NodeActor::pump() {
  if (std::exchange(pumping_, true)) return;
  const caf::strong_actor_ptr keep_alive{ctrl()};  // it may leave in here
  for (ring::Effects effects = ring_->take_effects(); !effects.empty();
       effects = ring_->take_effects())
    for (const ring::Effect& effect : effects)
      std::visit([this](const auto& e) { run(e); }, effect);
  pumping_ = false;
  if (getf(is_terminated_flag)) return;
  const TimePoint due = ring_->next_wakeup();
  if (due == timer_due_) return;
  reactor_.loop().cancel(timer_);
  timer_due_ = due;
  if (due == TimePoint::max()) return;
  const Duration delay = std::max(Duration::zero(), due - reactor_.loop().now());
  timer_ = reactor_.loop().after(delay, [this] {
    timer_due_ = TimePoint::max();
    ring_->tick(moment());
    pump();
  });
}

uint64_t NodeActor::wait(caf::mailbox_element& element) {
  waiters_.emplace(++last_user_, Waiter{element.sender, element.mid});
  return last_user_;
}

void NodeActor::answer(uint64_t user, caf::message message) {
  const auto node = waiters_.extract(user);
  if (!node.empty()) answer(node.mapped(), std::move(message));
}

void NodeActor::answer(const Waiter& waiter, caf::message message) {
  if (waiter.sender == nullptr || !waiter.id.is_request()) return;
  waiter.sender->enqueue(ctrl(), waiter.id.response_id(), std::move(message), &reactor_);
}

void NodeActor::run(const ring::LookupDone& done) { answer(done.user, outcome(done.nodes)); }
void NodeActor::run(const ring::StoreDone& done) {
  answer(done.user, done.status ? caf::make_message(caf::unit) : failure(done.status.error()));
}

void NodeActor::run(const ring::FingerAdded& added) {
  fingers_[added.contact.id] = spawn_hosted<FingerActor>(reactor_, *this, added.contact);
}

void NodeActor::run(const ring::FingerRemoved& removed) {
  const auto node = fingers_.extract(removed.id);
  if (!node.empty()) node.mapped()->end({Code::unavailable, "the node left the routing table"});
}

void NodeActor::run(const ring::Joined&) {
  log::info("node", "{} joined the ring of \"{}\" at {}", options_.identity->id().brief(),
            options_.identity->network(), options_.advertise.text());
}

void NodeActor::run(const ring::JoinFailed& failed) {
  const TimePoint now = reactor_.loop().now();
  const bool quiet = join_warned_ != TimePoint{} && now - join_warned_ < kJoinWarnEvery;
  if (!quiet) {
    join_warned_ = now;
    log::warn("node", "cannot join yet, trying again: {}", failed.why.text());
  }
}

void NodeActor::run(const ring::Left&) { stop(); }

void NodeActor::on_exit(const caf::error& reason) {
  if (reason == caf::exit_reason::kill || !ring_) return stop();
  ring_->leave(moment());
  pump();
}

void NodeActor::stop() {
  if (getf(is_terminated_flag)) return;
  const caf::strong_actor_ptr keep_alive{ctrl()};
  if (ring_) log::info("node", "{} left the ring", options_.identity->id().brief());
  reactor_.loop().cancel(timer_);
  options_.exports->remove(kNodeTarget);
  const auto fingers = std::exchange(fingers_, {});
  for (const auto& [id, finger] : fingers) finger->end({Code::unavailable, "the node has left"});
  for (const auto& [token, asked] : std::exchange(asked_, {})) reactor_.loop().cancel(asked.timer);
  if (own_peers_) {
    own_peers_->close_all();
  } else if (ring_) {
    peers_->remove(number_);
  }
  finding_.clear();
  const auto waiters = std::exchange(waiters_, {});
  for (const auto& [user, waiter] : waiters)
    answer(waiter, failure({Code::cancelled, "the node has left"}));
  quit(caf::exit_reason::normal);
}

PeerReport NodeActor::report_peers() const {
  const PeerTable::Counters all = peers_->counters();
  const wire::CookieGate::Counters& gate = peers_->handshake_counters();
  const KeyedRequests& keyed = peers_->keyed_requests();
  return {.accepted = all.accepted,
          .dialled = all.dialled,
          .refused = all.refused,
          .evicted = all.evicted,
          .sessions_evicted = all.sessions_evicted,
          .handshakes_failed = all.handshakes_failed,
          .handshakes_denied = all.denied,
          .handshakes_answered = gate.answered,
          .handshakes_limited = gate.limited,
          .cookies_asked = gate.retries,
          .half_open = peers_->half_open(),
          .waiting_bytes = peers_->waiting_bytes(),
          .rekeyed = all.rekeyed,
          .cancels_sent = all.cancels_sent,
          .cancels_received = all.cancels_received,
          .keyed_run = keyed.counters().run,
          .keyed_repeated = keyed.counters().repeated,
          .replies_kept = keyed.cache().entries(),
          .reply_bytes = keyed.cache().bytes()};
}

NodeReport NodeActor::report() const {
  NodeReport report;
  report.peers = report_peers();
  report.self = {options_.identity->id(), options_.advertise};
  report.network = options_.identity->network();
  report.joined = ring_->state() == ring::Ring::State::joined;
  report.predecessor = ring_->table().predecessor();
  report.successors = ring_->table().successors();
  report.fingers = ring_->table().fingers();
  report.objects = ring_->objects().object_count();
  report.provided = ring_->provided_count();
  report.listed = listing_.size();
  for (const SessionActor* session : peers_->sessions()) {
    const SessionActor::Counters& counters = session->counters();
    report.sessions.push_back({{session->peer(), session->remote_address()},
                               std::string(state_name(session->state())),
                               session->initiator(),
                               counters.requests_sent,
                               counters.requests_received,
                               counters.bytes_sent,
                               counters.bytes_received,
                               session->round_trip()});
  }
  return report;
}

void FingerActor::end(const Error& why) { quit(to_caf(why)); }

void FingerActor::on_message(caf::mailbox_element& element) {
  node_.forward(contact_, kNodeTarget, element);
}

}  // namespace themis
